"""What is due when: a heap of tasks, each of one device."""

from __future__ import annotations

import heapq
import itertools
from enum import Enum, auto


class Task(Enum):
    """What a device has to do; the first three are about its connection, the others the device's own doings."""

    DIAL = auto()
    TEND = auto()
    GIVE_UP = auto()
    EVENT = auto()
    AGGREGATE = auto()
    STATE = auto()
    HEALTH = auto()


class EventQueue:
    """``add`` and ``take``; of what is due at the same time, what was added first comes first."""

    def __init__(self) -> None:
        self._order = itertools.count()
        self._due: list[tuple[int, int, Task, int]] = []

    def add(self, due_ns: int, task: Task, index: int) -> None:
        """Device ``index`` shall do ``task`` at ``due_ns``, monotonic."""
        heapq.heappush(self._due, (due_ns, next(self._order), task, index))

    def take(self, now_ns: int) -> tuple[int, Task, int] | None:
        """``(due_ns, task, index)`` of the next one that is due; ``None`` where none is."""
        if not self._due or self._due[0][0] > now_ns:
            return None
        due_ns, _, task, index = heapq.heappop(self._due)
        return due_ns, task, index

    def pause_ns(self, now_ns: int, most_ns: int) -> int:
        """Until something is due, at most ``most_ns``."""
        return most_ns if not self._due else max(0, min(self._due[0][0] - now_ns, most_ns))
