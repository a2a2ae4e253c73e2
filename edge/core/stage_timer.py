"""Stopwatch for the stages of processing a frame."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

_NS_PER_MS = 1_000_000


class StageTimer:
    """Sums the time of the current frame's stages: ``with timer("detect"): …``; for one thread, without nesting."""

    def __init__(self, clock_ns: Callable[[], int] = time.perf_counter_ns) -> None:
        self._clock_ns = clock_ns
        self._stage = ""
        self._began_ns = 0
        self.spent_ns: dict[str, int] = {}

    def begin(self) -> None:
        """Begin a new frame."""
        self.spent_ns = {}

    def add(self, stage: str, spent_ns: int) -> None:
        """Add time that was measured elsewhere, in nanoseconds."""
        self.spent_ns[stage] = self.spent_ns.get(stage, 0) + spent_ns

    def ms(self, *stages: str) -> float | None:
        """Return the milliseconds that the stages took together, ``None`` if the frame had none of them."""
        spent = [self.spent_ns[stage] for stage in stages if stage in self.spent_ns]
        return sum(spent) / _NS_PER_MS if spent else None

    def __call__(self, stage: str) -> Self:
        """Select the stage that the ``with`` block measures."""
        self._stage = stage
        return self

    def __enter__(self) -> None:
        self._began_ns = self._clock_ns()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.add(self._stage, self._clock_ns() - self._began_ns)
