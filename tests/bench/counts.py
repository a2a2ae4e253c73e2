"""Conversion of instruction counts to costs per frame (pure)."""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from edge.bench.agreement import matches
from edge.bench.measure import STAGES
from edge.core.errors import EdgeError
from edge.core.types import Box
from tests.bench.counted import BETWEEN, EMPTY, OBVIOUS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

_REASON = re.compile(r"^desc: Trigger: Client Request: (.+)$", re.MULTILINE)
_TOTALS = re.compile(r"^totals: (\d+)$", re.MULTILINE)
_EVERY_FRAME = STAGES[0]


@dataclass(frozen=True, slots=True)
class InstructionTally:
    """Count of a stage's runs and its instructions; ``vector`` are those of the vector unit, if known."""

    times: int
    instructions: int
    vector: int | None = None


@dataclass(frozen=True, slots=True)
class StageRow:
    """One stage: runs over a number of frames, and instructions per run without the marks' own."""

    times: int
    frames: int
    each: float
    vector: float | None


@dataclass(frozen=True, slots=True)
class FrameCounts:
    """Both loops' stages, and instructions a frame of each loop in all."""

    stages: dict[str, StageRow]
    ours: float
    obvious: float


@dataclass(frozen=True, slots=True)
class Differences:
    """Comparison of two machines on the same frames: faces of the first, those on both, and equal labels."""

    frames: int
    frames_that_differ: int
    faces: int
    found: int
    labels: int
    furthest_px: float

    def __str__(self) -> str:
        return (
            f"{self.frames} frames, {self.frames_that_differ} differ; {self.faces} faces, {self.found} on both, "
            f"{self.labels} with the same label, edges within {self.furthest_px:.1f} pixels"
        )


def of_callgrind(files: Iterable[Path]) -> dict[str, InstructionTally]:
    """Sum callgrind's dumps by mark; the dump at the program's end has none."""
    found: dict[str, list[int]] = defaultdict(list)
    for path in files:
        text = path.read_text(encoding="utf-8", errors="replace")
        reason, totals = _REASON.search(text), _TOTALS.search(text)
        if reason and totals:
            found[reason[1]].append(int(totals[1]))
    return {name: InstructionTally(len(counts), sum(counts)) for name, counts in found.items()}


def of_plugin(text: str, names: Sequence[str]) -> dict[str, InstructionTally]:
    """Parse the output of tests/service/count_stages.c: index of a name, runs, instructions, vector instructions."""
    rows = [[int(cell) for cell in line.split()] for line in text.splitlines()]
    return {names[place]: InstructionTally(times, instructions, vector) for place, times, instructions, vector in rows}


def frame_counts(tallies: Mapping[str, InstructionTally]) -> FrameCounts:
    """Return the costs by stage and per frame.

    Raises:
        EdgeError: there are no marks, so the counted program did not come to its first frame.
    """
    if _EVERY_FRAME not in tallies:
        msg = "no stage was counted: does `python -m tests.bench.counted REEL` work by itself?"
        raise EdgeError(msg)
    frames = dict.fromkeys((*STAGES, BETWEEN), tallies[_EVERY_FRAME].times)
    frames |= {name: tallies[name].times for name in OBVIOUS if name in tallies}
    empty = tallies.get(EMPTY, InstructionTally(0, 0))
    own = empty.instructions / max(1, empty.times)
    stages = {name: _row(tallies[name], frames[name], own) for name in (*STAGES, BETWEEN, *OBVIOUS) if name in tallies}
    ours, obvious = (
        sum(row.each * row.times / row.frames for name, row in stages.items() if (name in OBVIOUS) == theirs)
        for theirs in (False, True)
    )
    return FrameCounts(stages, ours, obvious)


def _row(tally: InstructionTally, frames: int, own: float) -> StageRow:
    each = max(0.0, tally.instructions / tally.times - own)
    return StageRow(tally.times, frames, each, None if tally.vector is None else tally.vector / tally.times)


def differences(one: Mapping[str, Any], other: Mapping[str, Any], loop: str = "ours") -> Differences:
    """Compare the results of two machines on the same frames."""
    differ, faces, found, labels, furthest = 0, 0, 0, 0, 0.0
    for mine, theirs in zip(one[loop], other[loop], strict=True):
        twins = zip(mine, matches(_boxes(mine), _boxes(theirs)), strict=True)
        pairs = [(face, theirs[twin]) for face, twin in twins if twin is not None]
        same = sum(face["emotion"] == twin["emotion"] for face, twin in pairs)
        edges = (abs(a - b) for face, twin in pairs for a, b in zip(face["box"], twin["box"], strict=True))
        furthest = max([furthest, *edges])
        faces, found, labels = faces + len(mine), found + len(pairs), labels + same
        differ += same != len(mine) or len(mine) != len(theirs)
    return Differences(len(one[loop]), differ, faces, found, labels, furthest)


def _boxes(faces: Sequence[Mapping[str, Any]]) -> list[Box]:
    return [Box(*face["box"]) for face in faces]
