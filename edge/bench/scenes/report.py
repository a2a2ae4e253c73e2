"""Put the scores of a run into rows of a table, for people and as JSON."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING, Any

from edge.bench.scenes.clips import FPS
from edge.bench.scenes.truth import SIZE_BINS

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from edge.bench.scenes.follow import ClipScore
    from edge.bench.scenes.run import SetupScore
    from edge.bench.scenes.setups import SkippedSetup
    from edge.bench.scenes.stills import StillsScore

_BIN_NAMES = ("2.5 to 5 %", "5 to 7.5 %", "7.5 to 10 %", "10 to 15 %", "15 % and more")
_LABEL_WIDTH, _CELL_WIDTH = 38, 12


@dataclass(frozen=True, slots=True)
class Row:
    """One figure of every setup; ``key`` names it in JSON, ``unit`` is ``%`` where the values are shares of 1."""

    key: str
    label: str
    values: tuple[float | None, ...]
    unit: str = ""
    digits: int = 1

    def line(self) -> str:
        """For people."""
        return f"{self.label:{_LABEL_WIDTH}}" + "".join(f"{self._text(value):>{_CELL_WIDTH}}" for value in self.values)

    def _text(self, value: float | None) -> str:
        if value is None:
            return "-"
        number = 100 * value if self.unit == "%" else value
        return f"{number:.{self.digits}f}" + (f" {self.unit}" if self.unit else "")


def lines(scores: Sequence[SetupScore], skipped: Sequence[SkippedSetup] = ()) -> list[str]:
    """The whole table; kinds of clip come one after the other, all but the empty ones first together."""
    head = f"{'':{_LABEL_WIDTH}}" + "".join(f"{score.setup.name:>{_CELL_WIDTH}}" for score in scores)
    made = [head] if scores else []
    for title, rows in sections(scores):
        made += ["", title, *(row.line() for row in rows)]
    return made + [f"skipped: {setup.name}: {setup.reason}" for setup in skipped]


def as_dict(scores: Sequence[SetupScore], skipped: Sequence[SkippedSetup] = ()) -> dict[str, Any]:
    """For JSON: by setup, section and key."""
    found: dict[str, Any] = {score.setup.name: {"smallest": score.setup.smallest} for score in scores}
    for title, rows in sections(scores):
        for index, score in enumerate(scores):
            found[score.setup.name][title] = {row.key: row.values[index] for row in rows}
    return {"setups": found, "skipped": {setup.name: setup.reason for setup in skipped}}


def sections(scores: Sequence[SetupScore]) -> list[tuple[str, list[Row]]]:
    """Titles and rows."""
    found = []
    if any(score.stills for score in scores):
        found.append(("stills", _still_rows([score.stills for score in scores])))
    kinds = list(dict.fromkeys(kind for score in scores for kind in score.clips))
    if len([kind for kind in kinds if kind != "empty"]) > 1:
        found.append(("clips with people", _clip_rows("", [score.with_people for score in scores])))
    for kind in kinds:
        found.append((f"clips: {kind}", _clip_rows(kind, [score.clips.get(kind) for score in scores])))
    return found


def _still_rows(scores: Sequence[StillsScore | None]) -> list[Row]:
    def row(
        key: str, label: str, value: Callable[[StillsScore], float | None], unit: str = "%", digits: int = 1
    ) -> Row:
        return Row(key, label, tuple(None if score is None else value(score) for score in scores), unit, digits)

    lights = list(dict.fromkeys(light for score in scores if score for light in score.light if light < 1))
    tags = sorted({tag for score in scores if score for tag in score.tags})
    return [
        *(row(f"recall_{low}", f"recall, {name}", lambda score, n=n: score.sizes[n].share)
          for n, (name, (low, _)) in enumerate(zip(_BIN_NAMES, SIZE_BINS, strict=True))),
        row("recall_near", "recall from 10 % up", lambda score: score.near.share),
        row("recall_side", "recall, not frontal, from 7.5 % up", lambda score: score.side.share),
        *(row(f"recall_{tag}", f"recall, {tag}", lambda score, tag=tag: score.tags[tag].share) for tag in tags),
        *(row(f"light_{light}", f"at {light:.0%} light, of full light's", lambda score, x=light: score.relative(x))
          for light in lights),
        row("false_faces", "false faces a picture", lambda score: _ratio(score.false_faces, score.pictures), "", 2),
        row("empty", "face-free pictures", lambda score: score.empty, "", 0),
        row("empty_with_faces", "of these with a false face", lambda score: score.empty_with_faces, "", 0),
        row("cpu_ms", "processor time a picture", lambda score: _ratio(
            score.cpu_ns / 1e6, score.pictures + score.empty), "ms", 0),
    ]  # fmt: skip


def _clip_rows(kind: str, scores: Sequence[ClipScore | None]) -> list[Row]:
    def row(key: str, label: str, value: Callable[[ClipScore], float | None], unit: str = "", digits: int = 2) -> Row:
        return Row(key, label, tuple(None if score is None else value(score) for score in scores), unit, digits)

    ghosts = [
        row("ghosts", "ghosts a minute", lambda score: _ratio(score.ghosts, _minutes(score.frames))),
        row("false_faces", "false faces a frame", lambda score: _ratio(score.false_faces, score.scored_frames)),
    ]
    cost = [
        row("cpu_ms", "processor time a frame", lambda score: _ratio(score.cpu_ns / 1e6, score.frames), "ms", 1),
        row("core", "share of a core at 15 a second", lambda score: _ratio(
            score.cpu_ns / 1e9 * FPS, score.frames), "%"),
    ]  # fmt: skip
    if kind == "empty":
        return [*ghosts, *cost]
    label = row("labels", "label changes a face-minute", lambda score: _ratio(
        score.label_changes, _minutes(score.label_frames)))  # fmt: skip
    return [
        *(row(f"recall_{low}", f"recall, {name}", lambda score, n=n: _ratio(score.hits[n], score.totals[n]), "%", 1)
          for n, (name, (low, _)) in enumerate(zip(_BIN_NAMES, SIZE_BINS, strict=True))),
        row("recall", "recall, of the promised size", lambda score: _ratio(
            score.promised_hits, score.promised_total), "%", 1),
        row("count", "faces published, of those there", lambda score: _ratio(
            score.published, score.promised_total), "%", 1),
        row("count_error", "mean error of the count", lambda score: _ratio(score.count_error, score.scored_frames)),
        *ghosts,
        row("lost", "lost tracks a face-minute", lambda score: _ratio(score.lost, _minutes(score.face_frames))),
        row("switches", "id switches a face-minute", lambda score: _ratio(
            score.switches, _minutes(score.face_frames))),
        *([label] if kind == "still" else []),
        row("wait_median", "first publication, median", lambda score: _wait(score, 0.5), "ms", 0),
        row("wait_p95", "first publication, 95 %", lambda score: _wait(score, 0.95), "ms", 0),
        row("never", "never published", lambda score: _ratio(
            score.never, score.never + len(score.waits_s)), "%", 1),
        *cost,
    ]  # fmt: skip


def _ratio(part: float, whole: float) -> float | None:
    return part / whole if whole else None


def _minutes(frames: int) -> float:
    return frames / FPS / 60


def _wait(score: ClipScore, share: float) -> float | None:
    waits = sorted(score.waits_s)
    if not waits:
        return None
    return 1000 * (median(waits) if share == 0.5 else waits[min(len(waits) - 1, int(len(waits) * share))])
