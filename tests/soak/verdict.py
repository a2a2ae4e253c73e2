"""Verdict on a device under floods: pure functions from samples to checks."""

from __future__ import annotations

import statistics
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.soak.watch import FloodSample, PageLoad

CALM, FLOOD, AFTER = "calm", "flood", "after"


@dataclass(frozen=True, slots=True)
class FloodBounds:
    """Limits: shares of the calm phase, megabytes, kilobytes, counts and seconds."""

    rate_share: float = 0.10
    growth_mb: float = 16.0
    growth_share: float = 0.08
    peak_mb: float = 250.0
    log_kb: float = 1000.0
    disk_mb: float = 50.0
    descriptors: int = 1024
    kept_descriptors: int = 100
    more_descriptors: int = 20
    given_back_s: float = 300.0
    threads: int = 40
    answered: tuple[tuple[str, float], ...] = (("the screen's page", 0.99), ("an operator's page", 0.95))
    page_ms: float = 5000.0
    status_share: float = 0.95
    broker_s: float = 30.0


@dataclass(frozen=True, slots=True)
class OwnerActions:
    """User actions under the floods, and their results.

    ``back_s`` is the time without MQTT after each restart of the broker, ``None`` if it did not return.
    """

    sessions: int
    sessions_kept: int
    settings: int
    settings_kept: bool
    markers: int
    markers_lost: int | None
    back_s: tuple[float | None, ...]
    exit_code: int
    tracebacks: int


@dataclass(frozen=True, slots=True)
class FloodCheck:
    """One check: ``calm`` and ``flood`` are the figures, ``bound`` is a description."""

    name: str
    calm: str
    flood: str
    bound: str
    passed: bool

    def line(self) -> str:
        """Return a row of the table."""
        return f"{self.name:<28}{self.calm:>12}{self.flood:>16}  {self.bound:<34}{'ok' if self.passed else 'FAILED'}"

    def as_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return asdict(self)


def judge(
    samples: Sequence[FloodSample], looks: Sequence[PageLoad], actions: OwnerActions, bounds: FloodBounds
) -> tuple[FloodCheck, ...]:
    """Return all checks; a run without samples of each phase fails."""
    parts = {phase: [each for each in samples if each.phase == phase] for phase in (CALM, FLOOD, AFTER)}
    if min(len(parts[CALM]), len(parts[FLOOD])) < 2 or not parts[AFTER]:
        return (FloodCheck("samples", "", str(len(samples)), "two of each phase", passed=False),)
    calm, flood = parts[CALM], parts[FLOOD]
    return (
        *_process(calm, flood, parts[AFTER], bounds),
        *(_answered(who, looks, share, bounds.page_ms) for who, share in bounds.answered),
        _share("local socket answers", flood, [each.status for each in flood], bounds.status_share),
        *_action_checks(flood, actions, bounds),
    )


def rate(samples: Sequence[FloodSample]) -> float:
    """Return the frames per second processed by the loop."""
    return (samples[-1].frames - samples[0].frames) / (samples[-1].t_s - samples[0].t_s)


def given_back(samples: Sequence[FloodSample], bounds: FloodBounds) -> bool:
    """Return whether about as few descriptors are open after the flood as in the calm phase."""
    counts = {phase: [each.descriptors for each in samples if each.phase == phase] for phase in (CALM, AFTER)}
    return min(counts[AFTER]) <= max(counts[CALM]) + bounds.more_descriptors


def growth_mb(flood: Sequence[FloodSample]) -> float:
    """Return the growth from the middle to the last third of the flood, in MB; bounded buffers fill in the first."""
    third = max(1, len(flood) // 3)
    middle, last = flood[third : 2 * third] or flood, flood[-third:]
    return statistics.median(each.anonymous_mb for each in last) - statistics.median(
        each.anonymous_mb for each in middle
    )


def _process(
    calm: Sequence[FloodSample], flood: Sequence[FloodSample], after: Sequence[FloodSample], bounds: FloodBounds
) -> tuple[FloodCheck, ...]:
    before, during = rate(calm), rate(flood)
    usual_mb, peak_mb = _median(calm, "anonymous_mb"), max(each.anonymous_mb for each in flood)
    more_mb, allowed_mb = growth_mb(flood), max(bounds.growth_mb, bounds.growth_share * usual_mb)
    most, threads = max(each.descriptors for each in flood), max(each.threads for each in flood)
    allowed = bounds.descriptors - bounds.kept_descriptors
    held, back = max(each.descriptors for each in calm), min(each.descriptors for each in after)
    busiest = max(each.threads for each in calm) + bounds.threads
    log_kb, disk_mb = flood[-1].log_kb, max(each.disk_mb for each in flood)
    return (
        FloodCheck(
            "loop, frames a second",
            f"{before:.2f}",
            f"{during:.2f}",
            f"within {bounds.rate_share:.0%}",
            during >= before * (1 - bounds.rate_share),
        ),
        FloodCheck(
            "processor, cores", f"{_cores(calm):.2f}", f"{_cores(flood):.2f}", "none: the loop's rate is", passed=True
        ),
        FloodCheck(
            "memory at most, MB",
            f"{usual_mb:.0f}",
            f"{peak_mb:.0f}",
            f"{bounds.peak_mb:.0f} more",
            peak_mb <= usual_mb + bounds.peak_mb,
        ),
        FloodCheck(
            "memory's growth, MB", "", f"{more_mb:+.1f}", f"{allowed_mb:+.0f} in the last third", more_mb <= allowed_mb
        ),
        FloodCheck("descriptors at most", f"{held}", f"{most}", f"{allowed} of {bounds.descriptors}", most <= allowed),
        FloodCheck(
            "descriptors afterwards",
            f"{held}",
            f"{back} after {after[-1].t_s - flood[-1].t_s:.0f} s",
            f"{bounds.more_descriptors} more",
            given_back([*calm, *after], bounds),
        ),
        FloodCheck(
            "threads at most", f"{max(each.threads for each in calm)}", f"{threads}", f"{busiest}", threads <= busiest
        ),
        FloodCheck(
            "log, kB", f"{calm[-1].log_kb:.1f}", f"{log_kb:.1f}", f"{bounds.log_kb:.0f}", log_kb <= bounds.log_kb
        ),
        FloodCheck(
            "state folder, MB",
            f"{calm[-1].disk_mb:.1f}",
            f"{disk_mb:.1f}",
            f"{bounds.disk_mb:.0f}",
            disk_mb <= bounds.disk_mb,
        ),
    )


def _action_checks(flood: Sequence[FloodSample], actions: OwnerActions, bounds: FloodBounds) -> tuple[FloodCheck, ...]:
    kept = f"{actions.sessions_kept} of {actions.sessions}"
    all_kept = actions.sessions_kept >= actions.sessions > 0
    found = [
        FloodCheck("sessions written", "", kept, "all", all_kept),
        FloodCheck("settings written", "", f"{actions.settings} changes", "the last is kept", actions.settings_kept),
    ]
    if actions.markers_lost is not None:
        lost = f"{actions.markers_lost} of {actions.markers}"
        found.append(FloodCheck("answered markers lost", "", lost, "none", actions.markers_lost == 0 < actions.markers))
    if actions.back_s:
        words = ", ".join("never" if each is None else f"{each:.1f}" for each in actions.back_s)
        in_time = all(each is not None and each <= bounds.broker_s for each in actions.back_s)
        found.append(FloodCheck("MQTT after a restart, s", "", words, f"{bounds.broker_s:.0f}", in_time))
    else:
        found.append(_share("MQTT connected", flood, [each.broker for each in flood], bounds.status_share))
    found.append(FloodCheck("exit code", "", str(actions.exit_code), "0", actions.exit_code == 0))
    found.append(FloodCheck("tracebacks in the log", "", str(actions.tracebacks), "none", actions.tracebacks == 0))
    return tuple(found)


def _answered(who: str, looks: Sequence[PageLoad], share: float, page_ms: float) -> FloodCheck:
    calm, flood = (
        [each.took_ms for each in looks if (each.who, each.phase) == (who, phase)] for phase in (CALM, FLOOD)
    )
    times = [took for took in flood if took is not None]
    in_time = bool(times) and len(times) >= share * len(flood) and _p95(times) <= page_ms
    shown = f"{len(times)}/{len(flood)}, {_ms(times)}"
    return FloodCheck(f"{who}, p95", _ms(calm), shown, f"{share:.0%} answered, {page_ms:.0f} ms", in_time)


def _share(name: str, flood: Sequence[FloodSample], values: Sequence[bool], share: float) -> FloodCheck:
    return FloodCheck(name, "", f"{sum(values)}/{len(flood)}", f"{share:.0%}", sum(values) >= share * len(flood))


def _p95(times: Sequence[float]) -> float:
    return sorted(times)[int(len(times) * 0.95)]


def _ms(times: Sequence[float | None]) -> str:
    known = [took for took in times if took is not None]
    return f"{_p95(known):.0f} ms" if known else "never"


def _median(samples: Sequence[FloodSample], field: str) -> float:
    return float(statistics.median(getattr(each, field) for each in samples))


def _cores(samples: Sequence[FloodSample]) -> float:
    return (samples[-1].cpu_s - samples[0].cpu_s) / (samples[-1].t_s - samples[0].t_s)
