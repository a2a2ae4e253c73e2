"""Lay the figures of a run side by side, for people and as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.bench.scenes.figures import of_clips, of_stills

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.bench.scenes.figures import BenchFigure
    from tests.bench.scenes.run import SetupScore
    from tests.bench.scenes.setups import SkippedSetup

_LABEL_WIDTH, _LEAST_CELL = 36, 11


def lines(scores: Sequence[SetupScore], skipped: Sequence[SkippedSetup] = ()) -> list[str]:
    """Return the table: a column per setup, and at the end the skipped ones with reasons."""
    made: list[str] = []
    if scores:
        widths = [max(_LEAST_CELL, len(score.setup.name) + 2) for score in scores]
        made.append(_line("", [score.setup.name for score in scores], widths))
        made.append(
            _line("smallest face promised", [f"{100 * score.setup.smallest:.1f} %" for score in scores], widths)
        )
        columns = [sections(score) for score in scores]
        for title in columns[0]:
            made += ["", title]
            for row in zip(*(column[title] for column in columns), strict=True):
                made.append(_line(row[0].label, [figure.text for figure in row], widths))
    return made + ([""] if made and skipped else []) + [f"left out  {item.name}: {item.reason}" for item in skipped]


def as_dict(scores: Sequence[SetupScore], skipped: Sequence[SkippedSetup] = ()) -> dict[str, Any]:
    """Return values for JSON by setup, section and figure."""
    setups = {
        score.setup.name: {
            "smallest": score.setup.smallest,
            **{title: {figure.key: figure.value for figure in rows} for title, rows in sections(score).items()},
        }
        for score in scores
    }
    return {"setups": setups, "left_out": {item.name: item.reason for item in skipped}}


def sections(score: SetupScore) -> dict[str, list[BenchFigure]]:
    """Return the figures of one setup by title, for moving and standing cameras also together."""
    found = {}
    if score.stills is not None:
        found["stills"] = of_stills(score.stills)
    if score.with_people.clips:
        found["clips"] = of_clips(score.with_people)
    for kind, clips in score.clips.items():
        found[f"clips, {kind}"] = of_clips(clips, kind)
    return found


def _line(label: str, cells: Sequence[str], widths: Sequence[int]) -> str:
    return f"{label:{_LABEL_WIDTH}}" + "".join(f"{cell:>{width}}" for cell, width in zip(cells, widths, strict=True))
