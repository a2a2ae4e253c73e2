"""FER+ (Barsoum et al., 2016): ten annotators' votes on FER2013's pictures, one row per picture in the same order."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from converter.datasets.faces import OTHER_VOTES, UNKNOWN
from converter.datasets.text import fields, header, open_csv
from edge.core.errors import InputError
from edge.core.types import EMOTIONS, Emotion

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

FILE = "fer2013new.csv"
VOTE_COLUMNS = {
    Emotion.ANGRY: "anger",
    Emotion.DISGUST: "disgust",
    Emotion.FEAR: "fear",
    Emotion.HAPPY: "happiness",
    Emotion.SAD: "sadness",
    Emotion.SURPRISE: "surprise",
    Emotion.NEUTRAL: "neutral",
}
_COLUMNS = (*(VOTE_COLUMNS[emotion] for emotion in EMOTIONS), *OTHER_VOTES)
_ENOUGH = 200
_AGREEMENT = 0.5
"""Minimum agreement of votes and labels: 3 of 4 pictures agree in matching files, 1 of 5 in others."""


@dataclass(frozen=True, slots=True, eq=False)
class Votes:
    """Votes in the form of :class:`~converter.datasets.faces.FaceSet`."""

    shares: NDArray[np.float32]
    majority: NDArray[np.int64]
    other: NDArray[np.float32]


def read_votes(path: Path, rows: NDArray[np.int64], labels: NDArray[np.int64]) -> Votes:
    """Return the votes on the pictures in ``rows`` ``(n,)``; ``labels`` ``(n,)`` show whether the two files match.

    Raises:
        InputError: the file is damaged, too short, or clearly in another order than the pictures.
    """
    table = _read_table(path)
    if len(rows) and len(table) <= rows.max():
        msg = f"{path}: has {len(table)} rows, expected one for each of the {rows.max() + 1} pictures"
        raise InputError(msg)
    votes = _summarise(table[rows])
    both = (labels >= 0) & (votes.majority >= 0)
    agreement = float((votes.majority == labels)[both].mean()) if both.any() else 1.0
    if both.sum() >= _ENOUGH and agreement < _AGREEMENT:
        msg = (
            f"{path}: the votes agree with the labels on only {agreement:.0%} of the pictures: rows are missing or in "
            f"another order; give the CSV file as Kaggle has it"
        )
        raise InputError(msg)
    return votes


def _summarise(counts: NDArray[np.int64]) -> Votes:
    """Return shares, strict majority and other votes for counts ``(n, 10)``."""
    seven, others = counts[:, : len(EMOTIONS)].astype(np.float32), counts[:, len(EMOTIONS) :]
    shares = seven / np.maximum(seven.sum(axis=1, keepdims=True), 1)
    ranked = np.sort(counts, axis=1)
    top = counts.argmax(axis=1)
    usable = (ranked[:, -1] > ranked[:, -2]) & (top < len(EMOTIONS))
    # pictures that most annotators saw as no face or could not name teach nothing about the seven
    shares[others[:, 1:].sum(axis=1) > counts.sum(axis=1) / 2] = 0
    other = others / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    return Votes(shares, np.where(usable, top, UNKNOWN), other.astype(np.float32))


def _read_table(path: Path) -> NDArray[np.int64]:
    """Return the counts of all rows ``(n, 10)``: the seven emotions in our order, then the others."""
    rows: list[list[int]] = []
    with open_csv(path) as stream:
        names = header(stream.readline())
        missing = set(_COLUMNS) - set(names)
        if missing:
            msg = f"{path}: column {min(missing)!r} is missing"
            raise InputError(msg)
        places = [names.index(column) for column in _COLUMNS]
        for line in stream:
            cells = fields(line)
            if cells == [b""]:
                continue
            try:
                rows.append([_whole(cells[place]) for place in places])
            except (IndexError, ValueError):
                msg = f"{path}: row {len(rows)}: expected a whole number of votes in each of {', '.join(_COLUMNS)}"
                raise InputError(msg) from None
    return np.array(rows, np.int64).reshape(len(rows), len(_COLUMNS))


def _whole(text: bytes) -> int:
    if not text.isdigit():
        raise ValueError(text)
    return int(text)
