"""Turn sums into the figures that people compare (pure)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.bench.scenes.scene_clip import EMPTY, FPS, LABELLED, RETURNING
from tests.bench.scenes.truth import SIZE_BINS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.bench.scenes.clip_score import ClipScore
    from tests.bench.scenes.stills import StillsScore

BIN_NAMES = ("2.5 to 5 %", "5 to 7.5 %", "7.5 to 10 %", "10 to 15 %", "15 % and more")


@dataclass(frozen=True, slots=True)
class BenchFigure:
    """One figure; ``key`` names it in JSON, ``unit`` is ``%`` for shares of 1, ``value`` is ``None`` without data."""

    key: str
    label: str
    value: float | None
    unit: str = ""
    digits: int = 2

    @property
    def text(self) -> str:
        """Return the value as text."""
        if self.value is None:
            return "-"
        number = 100 * self.value if self.unit == "%" else self.value
        return f"{number:.{self.digits}f}" + (f" {self.unit}" if self.unit else "")


def of_stills(score: StillsScore) -> list[BenchFigure]:
    """Return recall by size, pose, tag and light, false faces, cost."""
    lights = [light for light in score.light if light < 1]
    return [
        *_by_size([recall.share for recall in score.sizes]),
        _percent("recall_near", "recall from 10 % up", score.near.share),
        _percent("recall_side", "recall, not frontal, from 7.5 % up", score.side.share),
        *(_percent(f"recall_{tag}", f"recall, {tag}", score.tags[tag].share) for tag in sorted(score.tags)),
        *(_percent(f"light_{x}", f"at {x:.0%} light, of full light's", score.relative(x)) for x in lights),
        BenchFigure("false_faces", "false faces a picture", _ratio(score.false_faces, score.pictures)),
        BenchFigure("empty", "face-free pictures", score.empty, digits=0),
        BenchFigure("empty_with_faces", "of these with a false face", score.empty_with_faces, digits=0),
        BenchFigure("cpu_ms", "processor time a picture", _ratio(score.cpu_ns / 1e6, score.looks), "ms", 0),
    ]


def of_clips(score: ClipScore, kind: str = "") -> list[BenchFigure]:
    """Return the figures of clips of this kind; without a kind, of several."""
    ghosts = [
        BenchFigure("ghosts", "ghosts a minute", _ratio(score.ghosts, _minutes(score.frames))),
        BenchFigure("false_faces", "false faces a frame", _ratio(score.false_faces, score.scored_frames)),
    ]
    cost = [
        BenchFigure("cpu_ms", "processor time a frame", _ratio(score.cpu_ns / 1e6, score.frames), "ms", 1),
        _percent("core", "share of a core at 15 a second", _ratio(score.cpu_ns / 1e9 * FPS, score.frames)),
    ]
    if kind == EMPTY:
        return [*ghosts, *cost]
    sizes = [_ratio(hits, total) for hits, total in zip(score.hits, score.totals, strict=True)]
    return [
        *_by_size(sizes),
        _percent("recall", "recall, of the promised size", _ratio(score.promised_hits, score.promised_total)),
        _percent("count", "faces published, of those there", _ratio(score.published, score.promised_total)),
        BenchFigure("count_error", "mean error of the count", _ratio(score.count_error, score.scored_frames)),
        *ghosts,
        *_tracks(score, kind),
        *_waits(score),
        *cost,
    ]


def _by_size(recalls: Sequence[float | None]) -> list[BenchFigure]:
    return [
        _percent(f"recall_{low}", f"recall, {name}", recall)
        for name, (low, _), recall in zip(BIN_NAMES, SIZE_BINS, recalls, strict=True)
    ]


def _tracks(score: ClipScore, kind: str) -> list[BenchFigure]:
    face_minutes = _minutes(score.face_frames)
    found = [
        BenchFigure("lost", "lost tracks a face-minute", _ratio(score.lost, face_minutes)),
        BenchFigure("switches", "id switches a face-minute", _ratio(score.switches, face_minutes)),
    ]
    if kind in RETURNING:
        found.append(_percent("same_id", "back with the same id", _ratio(score.same_id, score.returns)))
    if kind in LABELLED:
        changes = _ratio(score.label_changes, _minutes(score.label_frames))
        found.append(BenchFigure("labels", "label changes a face-minute", changes))
    return found


def _waits(score: ClipScore) -> list[BenchFigure]:
    waits_ms = sorted(1000 * wait for wait in score.waits_s)
    p50, p95 = (waits_ms[int(len(waits_ms) * share)] if waits_ms else None for share in (0.5, 0.95))
    return [
        BenchFigure("wait_p50_ms", "first publication, median", p50, "ms", 0),
        BenchFigure("wait_p95_ms", "first publication, 95 %", p95, "ms", 0),
        _percent("never", "never published", _ratio(score.never, score.never + len(waits_ms))),
    ]


def _percent(key: str, label: str, value: float | None) -> BenchFigure:
    return BenchFigure(key, label, value, "%", 1)


def _ratio(part: float, whole: float) -> float | None:
    return part / whole if whole else None


def _minutes(frames: int) -> float:
    return frames / FPS / 60
