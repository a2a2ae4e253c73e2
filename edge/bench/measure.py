"""Measure both loops over the same clip in one run, alternating, and the whole device."""

from __future__ import annotations

import time
from contextlib import ExitStack
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING, Any

import cv2

from edge.bench import child, ours, startup
from edge.bench.agreement import Agreement, agreement
from edge.bench.energy import EnergyMeter
from edge.bench.obvious import ObviousLoop
from edge.core.errors import HardwareUnavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from edge.bench.obvious import Turn
    from edge.bench.reel import Reel
    from edge.config import Config
    from edge.core.types import Box

STAGES = ("convert", "follow", "detect", "track", "crop", "classify", "smooth", "tell", "publish")
"""In the order in which a frame passes them; what the loop waits for its camera is no stage of it."""
_NAIVE_NEIGHBOURS = 5
_ALL_THREADS = -1
_PERCENTILES = (50, 95, 99)


@dataclass(frozen=True, slots=True)
class Stage:
    """Milliseconds per frame of one stage, over all frames: percentiles by nearest rank, and the mean."""

    name: str
    p50: float
    p95: float
    p99: float
    mean: float


@dataclass(frozen=True, slots=True)
class Loop:
    """Figures of one loop, the median of all rounds: frames per second, processor seconds per second of clip."""

    fps: float
    cpu_s_per_s: float


@dataclass(frozen=True, slots=True)
class Throughput:
    """Figures of the loops, including the obvious one if it ran."""

    frames: int
    ours: Loop
    stages: tuple[Stage, ...]
    joules_per_s: float | None = None
    obvious: Loop | None = None
    agreement: Agreement | None = None

    @property
    def ratio(self) -> float | None:
        """Ratio of our frames per second to those of the obvious loop."""
        return None if self.obvious is None else self.ours.fps / self.obvious.fps

    @property
    def cpu_ratio(self) -> float | None:
        """Ratio of the obvious loop's processor time to ours."""
        return None if self.obvious is None else self.obvious.cpu_s_per_s / self.ours.cpu_s_per_s


@dataclass(frozen=True, slots=True)
class Appliance:
    """Figures of the whole device: start-up, an empty room, one face; ``feed`` is true if it published to a broker."""

    startup: startup.Startup
    idle: child.Field
    one_face: child.Field
    feed: bool


def throughput(
    config: Config,
    reel: Reel,
    *,
    baseline: int | None,
    rounds: int,
    drawn: Sequence[Sequence[Box]] | None,
    progress: Callable[[float], None] = lambda _done: None,
) -> Throughput:
    """Run our loop ``rounds`` times over ``reel``, and the obvious one for faces of ``baseline`` pixels and more.

    Raises:
        EdgeError: the device cannot be made or fails.
    """
    runs: list[ours.Run] = []
    turns: list[list[Turn]] = []
    joules: list[float | None] = []
    obvious: list[tuple[float, float, float]] = []
    for number in range(rounds):
        with EnergyMeter() as meter:
            runs.append(ours.run(config, reel))
        joules.append(meter.joules)
        progress(number + 0.3)
        if baseline is not None:
            cv2.setNumThreads(_ALL_THREADS)  # the naive loop leaves OpenCV as it comes
            began, began_cpu = time.perf_counter(), time.process_time()
            turns.append(obvious_loop(config, reel, baseline).run(reel))
            obvious.append((time.perf_counter() - began, time.process_time() - began_cpu, _loop_s(turns[-1])))
        progress(number + 1)
    clip_s, steps = len(reel) / reel.fps, max(1, len(reel) - 1)
    told = [value for value in joules if value is not None]
    return Throughput(
        frames=len(reel),
        ours=Loop(
            median(steps / max(run.wall_s, 1e-9) for run in runs),
            median(run.cpu_s * len(reel) / steps / clip_s for run in runs),
        ),
        stages=_stages(runs),
        joules_per_s=median(told) / clip_s if told else None,
        obvious=_loop_of(obvious, len(reel), clip_s) if baseline is not None else None,
        agreement=agreement(runs[0].observations, turns[0], drawn) if baseline is not None else None,
    )


def appliance(folder: Path, flags: dict[str, Any], *, seconds: float, progress: Callable[[float], None]) -> Appliance:
    """Start a device and let it look at an empty room and at one face, 640 x 480 at 30 frames a second.

    It has the terminal for a display, and the feed to a MosquittoProcess of its own where that is installed.

    Raises:
        EdgeError: it cannot run; the message is its own.
    """
    with ExitStack() as stack:
        broker = _broker(folder, stack)
        flags = {**flags, "mqtt.broker": broker or "off"}
        begun = startup.measure(folder, flags)
        progress(0.1)
        flags["display"] = [{"kind": "terminal"}]
        room = {"motion": "calm", "seconds": 4.0, "fps": 30.0}
        idle = child.measure({**room, "least": 0, "most": 0}, flags, seconds, lender=folder)
        progress(0.55)
        one = child.measure({**room, "least": 1, "most": 1}, flags, seconds, lender=folder)
        progress(1.0)
    return Appliance(begun, idle, one, feed=broker is not None)


def _broker(folder: Path, stack: ExitStack) -> str | None:
    """Return the address of a broker that runs as long as ``stack``; ``None`` if MosquittoProcess is not available."""
    from edge.bench.mosquitto import Mosquitto

    try:
        port = stack.enter_context(Mosquitto(folder / "broker")).port
    except HardwareUnavailable:
        return None
    return f"mqtt://127.0.0.1:{port}"


def obvious_loop(
    config: Config, reel: Reel, smallest: int, clock_ns: Callable[[], int] = time.perf_counter_ns
) -> ObviousLoop:
    """Return the obvious loop for faces of ``smallest`` pixels and more, with our other settings."""
    from edge.pipelines import factory
    from edge.vision.haar import USUAL_CASCADE, HaarDetector

    settings = config.detector
    detector = HaarDetector(
        min_face=smallest / min(reel.size),
        scale_factor=settings.scale_factor,
        min_neighbors=_NAIVE_NEIGHBOURS,
        cascade=USUAL_CASCADE,
    )
    network = factory.classifier(config)
    return ObviousLoop(detector, network, tracker=config.tracker, smoothing=config.smoothing, clock_ns=clock_ns)


def _loop_s(turns: Sequence[Turn]) -> float:
    return sum(turn.detect_ns + turn.classify_ns for turn in turns) / 1e9


def _loop_of(rounds: Sequence[tuple[float, float, float]], frames: int, clip_s: float) -> Loop:
    """Only finding and classifying count, of the processor's time as of the clock's."""
    return Loop(
        median(frames / max(loop_s, 1e-9) for _, _, loop_s in rounds),
        median(cpu_s * loop_s / max(wall_s, 1e-9) / clip_s for wall_s, cpu_s, loop_s in rounds),
    )


def _stages(runs: Sequence[ours.Run]) -> tuple[Stage, ...]:
    made = []
    for name in STAGES:
        spent = sorted(frame.get(name, 0) / 1e6 for run in runs for frame in run.stages_ns)
        p50, p95, p99 = (spent[min(len(spent) - 1, len(spent) * percent // 100)] for percent in _PERCENTILES)
        made.append(Stage(name, p50, p95, p99, sum(spent) / len(spent)))
    return tuple(made)
