"""Verdict on the stability of a device: pure functions from samples to findings.

Slopes are medians over all pairs of samples at equal phases of the cycle (Hirsch, Slack and Smith 1982, "Techniques of
trend analysis for monthly water quality data"; for one phase it is the estimator of Theil and Sen): changes within the
cycle cancel out, and a third of the samples may be outliers. A slope hardly shows a single step late in the run, so the
last fifth of the samples is also compared with the second fifth. The first tenth is warm-up.
"""

from __future__ import annotations

import itertools
import statistics
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tests.drills.soak.sample import SoakSample

T = TypeVar("T")
WARM_UP = 0.1
LEAST = 40
"""Minimum number of samples after the warm-up."""
GROWTH_MB_PER_H = 1.0
IN_USE_SHARE = 0.02
HELD_SHARE = 0.05
"""Allowed growth of memory per hour, or as shares over the run, whichever is more.

Held memory grows by steps of a few frames (:mod:`tests.drills.soak.heap`), memory in use does not.
"""
QUEUE_SLACK = 5.0
CPU_SHARE = 0.10
"""Allowed share of growth of CPU times, relative to a reference loop at the same moment."""
LATENCY_SHARE = 0.50
LATENCY_TAIL_SHARE = 1.00
"""Wall clock times include other work on the machine, which only adds: the lowest tenth is compared."""
_LOWEST = 10


@dataclass(frozen=True, slots=True)
class SoakFinding:
    """One figure: ``early`` and ``late`` are the second and the last fifth; ``per_hour`` is the slope, if judged."""

    what: str
    unit: str
    early: float
    late: float
    per_hour: float | None
    bound: str
    passed: bool

    def line(self) -> str:
        """Return a row of the table."""
        slope = "" if self.per_hour is None else f"{self.per_hour:+.2f}/h"
        verdict = "flat" if self.passed else "NOT FLAT"
        return (
            f"{self.what:<27}{self.early:>9.2f} {self.late:>9.2f} {self.unit:<5}{slope:>10}  {self.bound:<29}{verdict}"
        )


def judge(samples: Sequence[SoakSample]) -> tuple[SoakFinding, ...]:
    """Return all findings, or none with too few samples."""
    judged = list(samples[int(len(samples) * WARM_UP) :])
    if len(judged) < LEAST:
        return ()
    medians, means = [each.pace_p50_ms for each in judged], [each.pace_mean_ms for each in judged]
    return (
        _memory("heap in use", judged, [each.heap_mb for each in judged], IN_USE_SHARE),
        _share("Python blocks in use", judged, [each.python_blocks for each in judged], IN_USE_SHARE),
        _memory("anonymous memory", judged, [each.anonymous_mb for each in judged], HELD_SHARE),
        _memory("resident memory", judged, [each.resident_mb for each in judged], HELD_SHARE),
        _count("file descriptors", judged, lambda each: each.descriptors),
        _count("threads", judged, lambda each: each.threads),
        _ratio("processor time a frame", at_one_pace(per_frame(judged), means), CPU_SHARE),
        _ratio("of the loop, p50", at_one_pace([each.work_p50_ms for each in judged], medians), CPU_SHARE),
        _ratio("of the loop, p95", at_one_pace([each.work_p95_ms for each in judged], means), CPU_SHARE),
        _pace("of a young loop, p50", medians),
        _pace("of a young loop, mean", means),
        _least("latency p50", [each.latency_p50_ms for each in judged], LATENCY_SHARE),
        _least("latency p95", [each.latency_p95_ms for each in judged], LATENCY_TAIL_SHARE),
        _queue(judged),
    )


def slope(times: Sequence[float], values: Sequence[float | None], phases: Sequence[int]) -> float:
    """Return the median slope of all pairs at equal phases, per unit of ``times``; 0 if no phase occurs twice."""
    slopes = []
    for phase in set(phases):
        points = [
            (time, value)
            for time, value, own in zip(times, values, phases, strict=True)
            if own == phase and value is not None
        ]
        if len(points) > 1:
            x, y = np.array(points).T
            first, second = np.triu_indices(len(points), 1)
            slopes.append((y[second] - y[first]) / (x[second] - x[first]))
    return float(np.median(np.concatenate(slopes))) if slopes else 0.0


def _memory(what: str, judged: Sequence[SoakSample], values: Sequence[float | None], share: float) -> SoakFinding:
    hours, per_hour = _hours(judged), _slope(judged, values)
    early, late = _fifths(values)
    bound_mb = max(GROWTH_MB_PER_H * hours, share * early)
    passed = per_hour * hours <= bound_mb and late - early <= bound_mb
    bound = f"{bound_mb / hours:+.1f}/h, {bound_mb:+.1f} MB"
    return SoakFinding(what, "MB", early, late, per_hour, bound, passed)


def _share(what: str, judged: Sequence[SoakSample], values: Sequence[float], share: float) -> SoakFinding:
    early, late = _fifths(values)
    passed = _slope(judged, values) * _hours(judged) <= share * early and late <= early * (1 + share)
    return SoakFinding(what, "", early, late, None, f"{share:+.0%}", passed)


def _count(what: str, judged: Sequence[SoakSample], of: Callable[[SoakSample], int]) -> SoakFinding:
    """Compare minima at equal phases: short-lived ones only add to what is held."""
    values = [of(each) for each in judged]
    early, late = (
        {phase: min(of(each) for each in part if each.phase == phase) for phase in {each.phase for each in part}}
        for part in (_fifth(judged, 1), _fifth(judged, 4))
    )
    both = sorted(early.keys() & late.keys())
    more = statistics.median([late[phase] - early[phase] for phase in both]) if both else 0
    held, held_late = (float(statistics.median(part.values())) for part in (early, late))
    return SoakFinding(what, "", held, held_late, _slope(judged, values), "as many at equal phases", more <= 0)


def _ratio(what: str, values: Sequence[float | None], share: float) -> SoakFinding:
    early, late = _fifths(values)
    return SoakFinding(what, "ms", early, late, None, f"{share:+.0%}", late <= early * (1 + share))


def _pace(what: str, paces: Sequence[float | None]) -> SoakFinding:
    """Report the reference loop's times; they are not judged but divided out of the CPU times."""
    return SoakFinding(what, "ms", *_fifths(paces), None, "none: it is the machine's", passed=True)


def _least(what: str, values: Sequence[float | None], share: float) -> SoakFinding:
    early, late = (
        float(np.percentile([value for value in _fifth(values, index) if value is not None] or [0.0], _LOWEST))
        for index in (1, 4)
    )
    return SoakFinding(f"{what}, at its best", "ms", early, late, None, f"{share:+.0%}", late <= early * (1 + share))


def _queue(judged: Sequence[SoakSample]) -> SoakFinding:
    """Judge the queue only while the broker is present; without it the queue may grow."""
    reached = [None if not each.broker else each.queue for each in judged]
    early, late = _fifths(reached)
    return SoakFinding(
        "messages waiting", "", early, late, None, f"{QUEUE_SLACK:.0f} more", late <= early + QUEUE_SLACK
    )


def per_frame(judged: Sequence[SoakSample]) -> list[float | None]:
    """Return milliseconds of CPU time per frame since the previous sample."""
    slopes: list[float | None] = [None]
    for before, now in itertools.pairwise(judged):
        frames = now.frames - before.frames
        slopes.append(
            1000 * (now.cpu_s - before.cpu_s) / frames if frames > 0 and now.looking and before.looking else None
        )
    return slopes


def at_one_pace(values: Sequence[float | None], paces: Sequence[float | None]) -> list[float | None]:
    """Return CPU times scaled to a machine at the median of its ``paces``."""
    usual = statistics.median([pace for pace in paces if pace] or [1.0])
    return [
        None if value is None else value * usual / (pace or usual) for value, pace in zip(values, paces, strict=True)
    ]


def _slope(judged: Sequence[SoakSample], values: Sequence[float | None]) -> float:
    return slope([each.t_s / 3600 for each in judged], values, [each.phase for each in judged])


def _hours(judged: Sequence[SoakSample]) -> float:
    return max((judged[-1].t_s - judged[0].t_s) / 3600, 1e-6)


def _fifths(values: Sequence[float | None]) -> tuple[float, float]:
    """Return the medians of the second and the last fifth; 0 without values."""
    early, late = ([value for value in _fifth(values, index) if value is not None] for index in (1, 4))
    return statistics.median(early or [0.0]), statistics.median(late or [0.0])


def _fifth(values: Sequence[T], index: int) -> Sequence[T]:
    return values[len(values) * index // 5 : len(values) * (index + 1) // 5]
