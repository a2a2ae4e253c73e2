"""LoopRun the device's real loop over a reel, with everything that the configuration enables."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from edge.bench.reel import ReelSource
from edge.core.sink_base import BaseSink
from edge.core.stage_timer import StageTimer
from edge.core.types import Observation

if TYPE_CHECKING:
    from collections.abc import Callable

    from edge.bench.reel import Reel
    from edge.config import Config
    from edge.core.events import Message


class KeptTimer(StageTimer):
    """Keeps the stages of every frame, and when each began by the wall clock and by the processor's."""

    def __init__(self, clock_ns: Callable[[], int] = time.perf_counter_ns) -> None:
        super().__init__(clock_ns)
        self.frames: list[dict[str, int]] = []
        self.began: list[tuple[int, int]] = []

    def begin(self) -> None:
        """Start timing a frame."""
        super().begin()
        self.frames.append(self.spent_ns)
        self.began.append((time.perf_counter_ns(), time.process_time_ns()))


@dataclass(frozen=True, slots=True)
class Run:
    """What a run over a reel saw and took; seconds from the beginning of the first frame to that of the last."""

    observations: list[Observation]
    stages_ns: list[dict[str, int]]
    wall_s: float
    cpu_s: float


class Seen(BaseSink):
    """A sink that keeps what the loop saw."""

    name = "seen"
    accepts: tuple[type, ...] = (Observation,)

    def __init__(self) -> None:
        self.observations: list[Observation] = []

    def open(self) -> None:
        """Nothing to open."""

    def handle(self, message: Message) -> None:
        """Keep it."""
        if isinstance(message, Observation):
            self.observations.append(message)

    def close(self) -> None:
        """Nothing to close."""


def run(config: Config, reel: Reel, clock_ns: Callable[[], int] = time.perf_counter_ns) -> Run:
    """Let the device process every frame of ``reel`` at full speed.

    Raises:
        EdgeError: the device cannot be built or fails.
    """
    from edge.runtime import build

    timer, seen = KeptTimer(clock_ns), Seen()
    wiring = build.device(config, source=ReelSource(reel), extra_sinks=[seen], timer=timer)
    with wiring.resources:
        wiring.device.run()
    (wall_a, cpu_a), (wall_b, cpu_b) = timer.began[0], timer.began[-1]
    return Run(seen.observations, timer.frames, (wall_b - wall_a) / 1e9, (cpu_b - cpu_a) / 1e9)
