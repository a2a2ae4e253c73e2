"""Charts of a data set. Two of them show its faces and must not be put into a repository."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from converter import plots
from converter.datasets.faces import SIZE
from edge.core.types import EMOTIONS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from converter.datasets.faces import FaceSet
    from converter.prepare.examine import DataExamination

_SAMPLES = 12
_PAIRS, _COLUMNS = 48, 8
_GAP = 2


def class_counts(figures: Mapping[str, Any]) -> bytes:
    """Plot the number of pictures of each emotion in each split, by original label and by FER+'s majority."""
    splits = figures["splits"]
    panels = [("original label", {name: row["labels"] for name, row in splits.items() if any(row["labels"].values())})]
    voted = {name: row["majority"] for name, row in splits.items() if row["majority"]}
    panels += [("FER+ majority", voted)] if voted else []
    figure, axes = plots.new_figure(6 * len(panels), 4, len(panels))
    for panel, (title, series) in zip(axes, panels, strict=True):
        width = 0.8 / max(1, len(series))
        for number, (name, counts) in enumerate(series.items()):
            places = np.arange(len(EMOTIONS)) + (number - (len(series) - 1) / 2) * width
            bars = panel.bar(places, [counts[emotion] for emotion in EMOTIONS], width, label=name)
            panel.bar_label(bars, fontsize=6, rotation=90 if len(series) > 1 else 0, padding=2)
        panel.set_xticks(range(len(EMOTIONS)), [emotion.value for emotion in EMOTIONS], rotation=45, ha="right")
        panel.set_title(title, fontsize=10)
        panel.margins(y=0.15)
        plots.label_axes(panel, "", "pictures", legend=bool(series))
    return plots.to_png(figure)


def samples(faces: FaceSet, title: str) -> bytes:
    """Draw a dozen faces of each emotion, evenly spread over the split."""
    rows = [_spread(np.flatnonzero(faces.labels == label), _SAMPLES) for label in range(len(EMOTIONS))]
    sheet = _sheet([[faces.pixels[row] for row in line] for line in rows], _SAMPLES)
    return _show(sheet, title, [emotion.value for emotion in EMOTIONS])


def doubtful_pairs(found: DataExamination) -> bytes:
    """Draw the pairs that are barely similar enough, those of different splits first, for a visual check."""
    pairs = found.pairs
    within = found.owner[pairs.first] == found.owner[pairs.second]
    chosen = np.lexsort((pairs.likeness, within))[:_PAIRS]
    tiles = [np.hstack([found.pixels(pairs.first[row]), found.pixels(pairs.second[row])]) for row in chosen]
    lines = [tiles[start : start + _COLUMNS] for start in range(0, len(tiles), _COLUMNS)]
    return _show(_sheet(lines, _COLUMNS, 2 * SIZE), "least alike of the pairs that count as one photograph", [])


def _spread(rows: NDArray[np.int64], number: int) -> NDArray[np.int64]:
    return np.asarray(rows[np.linspace(0, len(rows) - 1, min(number, len(rows))).astype(int)], np.int64)


def _sheet(lines: Sequence[Sequence[NDArray[np.uint8]]], columns: int, width: int = SIZE) -> NDArray[np.uint8]:
    """Arrange pictures of 48 by ``width`` pixels side by side on white."""
    sheet = np.full((len(lines) * (SIZE + _GAP), columns * (width + _GAP)), 255, np.uint8)
    for row, line in enumerate(lines):
        for column, picture in enumerate(line):
            top, left = row * (SIZE + _GAP), column * (width + _GAP)
            sheet[top : top + SIZE, left : left + width] = picture
    return sheet


def _show(sheet: NDArray[np.uint8], title: str, names: Sequence[str]) -> bytes:
    height, width = sheet.shape
    figure, (axes,) = plots.new_figure(width / 70 + 1, max(1, height / 70) + 0.4, 1)
    axes.imshow(sheet, cmap="gray", vmin=0, vmax=255, interpolation="nearest")
    axes.set_xticks([])
    axes.set_yticks([row * (SIZE + _GAP) + SIZE / 2 for row in range(len(names))], names)
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    axes.set_title(title, fontsize=9)
    return plots.to_png(figure)
