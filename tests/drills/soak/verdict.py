"""Whether a device stays as it is: pure, from samples to findings.

Slopes are medians over all pairs of samples at equal phases of the cycle (Hirsch, Slack and Smith 1982, "Techniques of
trend analysis for monthly water quality data"; for one phase it is the estimator of Theil and Sen): whatever comes and
goes with the cycle cancels out, and a third of the samples may be wild. A slope says little of a single step late in
the run, so the last fifth of the samples is held against the second fifth, too. The first tenth warms up.
"""

from __future__ import annotations

import itertools
import statistics
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tests.drills.soak.sample import Sample

T = TypeVar("T")
WARM_UP = 0.1
LEAST = 40
"""Samples after the warm-up that a verdict takes at least."""
GROWTH_MB_PER_H = 1.0
IN_USE_SHARE = 0.02
HELD_SHARE = 0.05
"""Memory may grow by so much an hour, or by these shares of itself over the run, whichever is more.

What is held goes by steps of a few frames (:mod:`tests.drills.soak.heap`), what is in use does not.
"""
QUEUE_SLACK = 5.0
CPU_SHARE = 0.10
"""Of processor times, each held against what a young loop took at that moment."""
LATENCY_SHARE = 0.50
LATENCY_TAIL_SHARE = 1.00
"""The wall clock tells of whatever else the machine does, too, which only adds: the lowest tenth is compared."""
_LOWEST = 10


@dataclass(frozen=True, slots=True)
class Finding:
    """``early`` and ``late``: of the second and the last fifth; ``per_hour``: the slope, where it counts."""

    what: str
    unit: str
    early: float
    late: float
    per_hour: float | None
    bound: str
    passed: bool

    def line(self) -> str:
        """A row for people."""
        slope = "" if self.per_hour is None else f"{self.per_hour:+.2f}/h"
        verdict = "flat" if self.passed else "NOT FLAT"
        return (
            f"{self.what:<27}{self.early:>9.2f} {self.late:>9.2f} {self.unit:<5}{slope:>10}  {self.bound:<29}{verdict}"
        )


def judge(samples: Sequence[Sample]) -> tuple[Finding, ...]:
    """All findings; none where there are too few samples for any."""
    kept = list(samples[int(len(samples) * WARM_UP) :])
    if len(kept) < LEAST:
        return ()
    medians, means = [each.pace_p50_ms for each in kept], [each.pace_mean_ms for each in kept]
    return (
        _memory("heap in use", kept, [each.heap_mb for each in kept], IN_USE_SHARE),
        _share("Python blocks in use", kept, [each.python_blocks for each in kept], IN_USE_SHARE),
        _memory("anonymous memory", kept, [each.anonymous_mb for each in kept], HELD_SHARE),
        _memory("resident memory", kept, [each.resident_mb for each in kept], HELD_SHARE),
        _count("file descriptors", kept, lambda each: each.descriptors),
        _count("threads", kept, lambda each: each.threads),
        _ratio("processor time a frame", at_one_pace(per_frame(kept), means), CPU_SHARE),
        _ratio("of the loop, p50", at_one_pace([each.work_p50_ms for each in kept], medians), CPU_SHARE),
        _ratio("of the loop, p95", at_one_pace([each.work_p95_ms for each in kept], means), CPU_SHARE),
        _pace("of a young loop, p50", medians),
        _pace("of a young loop, mean", means),
        _least("latency p50", [each.latency_p50_ms for each in kept], LATENCY_SHARE),
        _least("latency p95", [each.latency_p95_ms for each in kept], LATENCY_TAIL_SHARE),
        _queue(kept),
    )


def slope(times: Sequence[float], values: Sequence[float | None], phases: Sequence[int]) -> float:
    """The median slope of all pairs at equal phases, per unit of ``times``; 0 where no phase came twice."""
    found = []
    for phase in set(phases):
        points = [
            (time, value)
            for time, value, own in zip(times, values, phases, strict=True)
            if own == phase and value is not None
        ]
        if len(points) > 1:
            x, y = np.array(points).T
            first, second = np.triu_indices(len(points), 1)
            found.append((y[second] - y[first]) / (x[second] - x[first]))
    return float(np.median(np.concatenate(found))) if found else 0.0


def _memory(what: str, kept: Sequence[Sample], values: Sequence[float | None], share: float) -> Finding:
    hours, per_hour = _hours(kept), _slope(kept, values)
    early, late = _fifths(values)
    bound_mb = max(GROWTH_MB_PER_H * hours, share * early)
    passed = per_hour * hours <= bound_mb and late - early <= bound_mb
    bound = f"{bound_mb / hours:+.1f}/h, {bound_mb:+.1f} MB"
    return Finding(what, "MB", early, late, per_hour, bound, passed)


def _share(what: str, kept: Sequence[Sample], values: Sequence[float], share: float) -> Finding:
    early, late = _fifths(values)
    passed = _slope(kept, values) * _hours(kept) <= share * early and late <= early * (1 + share)
    return Finding(what, "", early, late, None, f"{share:+.0%}", passed)


def _count(what: str, kept: Sequence[Sample], of: Callable[[Sample], int]) -> Finding:
    """What is opened for a moment only adds: the least at a phase is what is held there."""
    values = [of(each) for each in kept]
    early, late = (
        {phase: min(of(each) for each in part if each.phase == phase) for phase in {each.phase for each in part}}
        for part in (_fifth(kept, 1), _fifth(kept, 4))
    )
    both = sorted(early.keys() & late.keys())
    more = statistics.median([late[phase] - early[phase] for phase in both]) if both else 0
    held, held_late = (float(statistics.median(part.values())) for part in (early, late))
    return Finding(what, "", held, held_late, _slope(kept, values), "as many at equal phases", more <= 0)


def _ratio(what: str, values: Sequence[float | None], share: float) -> Finding:
    early, late = _fifths(values)
    return Finding(what, "ms", early, late, None, f"{share:+.0%}", late <= early * (1 + share))


def _pace(what: str, paces: Sequence[float | None]) -> Finding:
    """What the same frames took a young loop: told, not judged, and taken out of the processor times."""
    return Finding(what, "ms", *_fifths(paces), None, "none: it is the machine's", passed=True)


def _least(what: str, values: Sequence[float | None], share: float) -> Finding:
    early, late = (
        float(np.percentile([value for value in _fifth(values, index) if value is not None] or [0.0], _LOWEST))
        for index in (1, 4)
    )
    return Finding(f"{what}, at its best", "ms", early, late, None, f"{share:+.0%}", late <= early * (1 + share))


def _queue(kept: Sequence[Sample]) -> Finding:
    """Where the broker is there; while it is away a queue is what it should be."""
    reached = [None if not each.broker else each.queue for each in kept]
    early, late = _fifths(reached)
    return Finding("messages waiting", "", early, late, None, f"{QUEUE_SLACK:.0f} more", late <= early + QUEUE_SLACK)


def per_frame(kept: Sequence[Sample]) -> list[float | None]:
    """Milliseconds of processor for each frame since the sample before."""
    found: list[float | None] = [None]
    for before, now in itertools.pairwise(kept):
        frames = now.frames - before.frames
        found.append(
            1000 * (now.cpu_s - before.cpu_s) / frames if frames > 0 and now.looking and before.looking else None
        )
    return found


def at_one_pace(values: Sequence[float | None], paces: Sequence[float | None]) -> list[float | None]:
    """Processor times as they were if the machine had kept the median of its ``paces`` all along."""
    usual = statistics.median([pace for pace in paces if pace] or [1.0])
    return [
        None if value is None else value * usual / (pace or usual) for value, pace in zip(values, paces, strict=True)
    ]


def _slope(kept: Sequence[Sample], values: Sequence[float | None]) -> float:
    return slope([each.t_s / 3600 for each in kept], values, [each.phase for each in kept])


def _hours(kept: Sequence[Sample]) -> float:
    return max((kept[-1].t_s - kept[0].t_s) / 3600, 1e-6)


def _fifths(values: Sequence[float | None]) -> tuple[float, float]:
    """Medians of the second and the last; 0 where nothing is known."""
    early, late = ([value for value in _fifth(values, index) if value is not None] for index in (1, 4))
    return statistics.median(early or [0.0]), statistics.median(late or [0.0])


def _fifth(values: Sequence[T], index: int) -> Sequence[T]:
    return values[len(values) * index // 5 : len(values) * (index + 1) // 5]
