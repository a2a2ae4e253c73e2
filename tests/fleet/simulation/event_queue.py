"""Queue of due tasks, each of one device, as a heap."""

from __future__ import annotations

import heapq
import itertools
from enum import Enum, auto


class DeviceTask(Enum):
    """Task of a device; the first three concern its connection, the others its simulated activity."""

    DIAL = auto()
    TEND = auto()
    GIVE_UP = auto()
    EVENT = auto()
    AGGREGATE = auto()
    STATE = auto()
    HEALTH = auto()


class EventQueue:
    """Priority queue by due time; equal times keep the order of insertion."""

    def __init__(self) -> None:
        self._order = itertools.count()
        self._due: list[tuple[int, int, DeviceTask, int]] = []

    def add(self, due_ns: int, task: DeviceTask, index: int) -> None:
        """Schedule ``task`` of device ``index`` at ``due_ns``, monotonic."""
        heapq.heappush(self._due, (due_ns, next(self._order), task, index))

    def take(self, now_ns: int) -> tuple[int, DeviceTask, int] | None:
        """Return the next due ``(due_ns, task, index)``, or ``None``."""
        if not self._due or self._due[0][0] > now_ns:
            return None
        due_ns, _, task, index = heapq.heappop(self._due)
        return due_ns, task, index

    def pause_ns(self, now_ns: int, most_ns: int) -> int:
        """Return the nanoseconds until the next task, at most ``most_ns``."""
        return most_ns if not self._due else max(0, min(self._due[0][0] - now_ns, most_ns))
