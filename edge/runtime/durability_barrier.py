"""Barrier that delays answers until their events are on the disk, so that a confirmed event survives a power cut.

The loop leaves an answer here and continues at once. The threads that write the files report what they have committed,
and a thread of this module sends the answers: when every file has the events, or after ``wait_s`` with a warning.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from types import TracebackType

    from edge.core.commands import Answer
    from edge.core.events import Event

WAIT_S = 2.0
WARNING = "taken, but not on the disk yet: a power cut now would lose it"
"""Added to the answer's data as ``warning``."""
_JOIN_S = 1.0


@dataclass(slots=True)
class _Held:
    """Delayed answer, due at ``due_s`` of the monotonic clock at the latest."""

    numbers: frozenset[int]
    answer: Answer
    tell: Callable[[Answer], None]
    due_s: float


class DurabilityBarrier:
    """Barrier of answers; events are identified by ``seq``. Methods are thread-safe, and none waits for a disk."""

    def __init__(self, *, wait_s: float = WAIT_S) -> None:
        self._wait_s = wait_s
        self._wants: dict[str, Callable[[Event], bool]] = {}
        self._missing: dict[int, set[str]] = {}
        self._failing: set[str] = set()
        self._held: list[_Held] = []
        self._changed = threading.Condition()
        self._closing = False
        self._thread = threading.Thread(target=self._run, name="receipts", daemon=True)

    def add(self, keeper: str, wants: Callable[[Event], bool] = lambda _event: True) -> None:
        """Make answers wait for ``keeper`` too, where it ``wants`` the event."""
        self._wants[keeper] = wants

    def expect(self, event: Event) -> None:
        """Register ``event`` before it is passed to the writers; :meth:`hold` must follow."""
        wanted = {keeper for keeper, wants in self._wants.items() if wants(event)}
        if wanted:
            with self._changed:
                self._missing[event.seq] = wanted

    def hold(self, numbers: Iterable[int], answer: Answer, tell: Callable[[Answer], None]) -> None:
        """Send ``answer`` when the expected events ``numbers`` are stored; at once if none is expected."""
        with self._changed:
            missing = frozenset(number for number in numbers if number in self._missing)
            if missing and not self._closing:
                self._held.append(_Held(missing, answer, tell, time.monotonic() + self._wait_s))
                self._changed.notify_all()
                return
        tell(answer)

    def kept(self, keeper: str, numbers: Iterable[int]) -> None:
        """Note that ``keeper`` has committed these events."""
        with self._changed:
            self._failing.discard(keeper)
            for number in numbers:
                missing = self._missing.get(number)
                if missing is not None:
                    missing.discard(keeper)
                    if not missing:
                        del self._missing[number]
            if self._held:
                self._changed.notify_all()

    def failing(self, keeper: str) -> None:
        """Note that ``keeper`` cannot write; no answer waits for it until it commits again."""
        with self._changed:
            self._failing.add(keeper)
            self._changed.notify_all()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        self._thread.join(_JOIN_S)

    def _run(self) -> None:
        while True:
            with self._changed:
                while not (ready := self._take_ready()) and not self._closing:
                    self._changed.wait(self._left_s())
            for held, saved in ready:
                held.tell(held.answer if saved else warned(held.answer))
            if not ready:
                return

    def _left_s(self) -> float | None:
        """Return the seconds until the first answer is due; ``None`` without any."""
        if not self._held:
            return None
        return max(0.0, min(held.due_s for held in self._held) - time.monotonic())

    def _take_ready(self) -> list[tuple[_Held, bool]]:
        """Remove and return the answers to send now, in order, each with whether all its events are stored."""
        now_s = time.monotonic()
        ready, waiting = [], []
        for held in self._held:
            if self._is_kept(held):
                ready.append((held, True))
            elif self._closing or now_s >= held.due_s or self._is_hopeless(held):
                ready.append((held, False))
                for number in held.numbers:
                    self._missing.pop(number, None)
            else:
                waiting.append(held)
        self._held = waiting
        return ready

    def _is_kept(self, held: _Held) -> bool:
        return not any(number in self._missing for number in held.numbers)

    def _is_hopeless(self, held: _Held) -> bool:
        """Return whether the answer waits only for writers that cannot write now."""
        missing: set[str] = set().union(*(self._missing.get(number, set()) for number in held.numbers))
        return bool(missing) and missing <= self._failing


def warned(answer: Answer) -> Answer:
    """Return the answer with the warning that a power cut may lose its events."""
    return replace(answer, data={**(answer.data or {}), "warning": WARNING})
