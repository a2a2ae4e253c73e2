"""Table of alternating quiet and busy phases and of the differences between them."""

from __future__ import annotations

import statistics
from typing import TYPE_CHECKING

from tests.drills.load.bench import Load

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.drills.load.bench import LoadBench, Phase

COLUMNS = (
    "who comes",
    "frames a second",
    "change",
    "loop, ms of processor a frame",
    "change",
    "process, % of a core",
    "the crowd got, a second",
)


def compare(bench: LoadBench, loads: Sequence[Load], *, rounds: int, seconds: float) -> list[str]:
    """Return the table: each load compared with the quiet phases before and after it, medians over the rounds."""
    changes: dict[Load, list[tuple[float, float]]] = {load: [] for load in loads}
    phases: dict[Load, list[Phase]] = {load: [] for load in (Load(), *loads)}
    crowds: dict[Load, dict[str, float]] = {}
    quiet, _ = bench.measure(Load(), seconds)
    for _ in range(rounds):
        for load in loads:
            phases[Load()].append(quiet)
            busy, crowds[load] = bench.measure(load, seconds)
            phases[load].append(busy)
            after, _ = bench.measure(Load(), seconds)
            changes[load].append(
                (
                    _change(busy.fps, quiet.fps, after.fps),
                    _change(_per_frame(busy), _per_frame(quiet), _per_frame(after)),
                )
            )
            quiet = after
    phases[Load()].append(quiet)
    return _table(phases, changes, crowds)


def _change(busy: float, before: float, after: float) -> float:
    return busy / ((before + after) / 2) - 1


def _per_frame(phase: Phase) -> float:
    return phase.loop_cpu / max(phase.fps, 1e-6)


def _table(
    phases: dict[Load, list[Phase]],
    changes: dict[Load, list[tuple[float, float]]],
    crowds: dict[Load, dict[str, float]],
) -> list[str]:
    lines = [f"| {' | '.join(COLUMNS)} |", "|---" * len(COLUMNS) + "|"]
    for load, measured in phases.items():
        fps = statistics.median(phase.fps for phase in measured)
        each_ms = 1000 * statistics.median(_per_frame(phase) for phase in measured)
        share = 100 * statistics.median(phase.process_cpu for phase in measured)
        rates, costs = zip(*changes.get(load) or [(0.0, 0.0)], strict=True)
        shown = [_shown(values) if load in changes else "" for values in (rates, costs)]
        got = ", ".join(f"{value:.1f} {name.replace('_', ' ')}" for name, value in crowds.get(load, {}).items())
        lines.append(f"| {load} | {fps:.1f} | {shown[0]} | {each_ms:.2f} | {shown[1]} | {share:.0f} | {got} |")
    return lines


def _shown(values: Sequence[float]) -> str:
    return f"{statistics.median(values):+.1%} ({min(values):+.1%} to {max(values):+.1%})"
