"""FER2013 (Goodfellow et al., 2013) in Kaggle's CSV layout, with the FER+ votes (Barsoum et al., 2016) beside it."""

from __future__ import annotations

import csv
import gzip
import warnings
import zlib
from contextlib import contextmanager
from typing import TYPE_CHECKING, TextIO

import numpy as np

from converter.datasets.faces import SIZE, FaceSet
from edge.errors import InputError
from edge.types import EMOTIONS, Emotion

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

SPLITS = ("Training", "PublicTest", "PrivateTest")
VOTE_COLUMNS = {
    "anger": Emotion.ANGRY,
    "disgust": Emotion.DISGUST,
    "fear": Emotion.FEAR,
    "happiness": Emotion.HAPPY,
    "sadness": Emotion.SAD,
    "surprise": Emotion.SURPRISE,
    "neutral": Emotion.NEUTRAL,
}
OTHER_VOTES = ("contempt", "unknown", "NF")
_LABELS: dict[str | None, int] = {str(number): number for number in range(len(EMOTIONS))}


def load(folder: Path, split: str, *, drop_duplicates: bool = True) -> FaceSet:
    """One split of ``fer2013.csv[.gz]`` in ``folder`` with votes from ``fer2013new.csv`` where it is there.

    ``drop_duplicates`` leaves out the rows of ``training_rows_to_drop.txt`` (Training only): pictures that recur in
    a test split, or are blank.

    Raises:
        InputError: a file is missing, or a row has a wrong shape, label or number of votes (the message names it).
    """
    if split not in SPLITS:
        msg = f"unknown split {split!r}: expected one of {', '.join(SPLITS)}"
        raise InputError(msg)
    path = next((p for p in (folder / "fer2013.csv", folder / "fer2013.csv.gz") if p.is_file()), None)
    if path is None:
        msg = f"{folder}: holds neither fer2013.csv nor fer2013.csv.gz; give the folder of the data set with --data"
        raise InputError(msg)
    usage, labels, pixels = _read_pictures(path, split)
    if not len(labels):
        msg = f"{path}: has no rows of split {split}"
        raise InputError(msg)
    votes, majority = _read_votes(folder / "fer2013new.csv", usage)
    faces = FaceSet(pixels, labels, votes, majority)
    drop_file = folder / "training_rows_to_drop.txt"
    if drop_duplicates and split == "Training" and drop_file.is_file():
        faces = faces.take(_kept(drop_file, len(faces)))
    return faces


def _kept(drop_file: Path, n: int) -> NDArray[np.bool_]:
    """Mask of the ``n`` rows that ``drop_file`` does not list."""
    try:
        dropped = [int(word) for word in drop_file.read_text(encoding="utf-8").split()]
    except (OSError, ValueError) as error:
        msg = f"{drop_file}: expected row numbers, one a line: {error}"
        raise InputError(msg) from error
    keep = np.ones(n, bool)
    if dropped and not 0 <= min(dropped) <= max(dropped) < n:
        msg = f"{drop_file}: expected row numbers 0..{n - 1}, found {min(dropped)}..{max(dropped)}"
        raise InputError(msg)
    keep[dropped] = False
    return keep


@contextmanager
def _open_text(path: Path) -> Iterator[TextIO]:
    """A CSV file, plain or gzipped; whatever makes it unreadable, then or later, ends as one line."""
    opener = gzip.open if path.suffix == ".gz" else open
    try:
        with opener(path, "rt", encoding="utf-8", newline="") as stream:
            yield stream
    except (OSError, EOFError, zlib.error, UnicodeDecodeError, csv.Error) as error:
        msg = f"{path}: cannot be read as a CSV file: {error}; fetch the data set again"
        raise InputError(msg) from error


def _read_pictures(path: Path, split: str) -> tuple[NDArray[np.bool_], NDArray[np.int64], NDArray[np.uint8]]:
    """The split's rows, and for every row of the file whether it is one of them."""
    usage: list[bool] = []
    labels: list[int] = []
    pixels: list[NDArray[np.uint8]] = []
    with _open_text(path) as stream:
        reader = csv.DictReader(stream)
        missing = {"emotion", "pixels", "Usage"} - set(reader.fieldnames or ())
        if missing:
            msg = f"{path}: column {min(missing)!r} is missing"
            raise InputError(msg)
        for number, row in enumerate(reader):
            usage.append(row["Usage"] == split)
            if not usage[-1]:
                continue
            place = f"{path}: row {number}"
            labels.append(_label(row["emotion"], place))
            pixels.append(_picture(row["pixels"], place))
    shape = (len(pixels), SIZE, SIZE)
    return np.array(usage, bool), np.array(labels, np.int64), np.array(pixels, np.uint8).reshape(shape)


def _label(text: str | None, place: str) -> int:
    if text not in _LABELS:
        msg = f"{place}: expected a label 0..{len(EMOTIONS) - 1}, found {text!r}"
        raise InputError(msg)
    return _LABELS[text]


def _picture(text: str | None, place: str) -> NDArray[np.uint8]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", DeprecationWarning)  # what numpy 1 says of something that is no number
            picture = np.fromstring(text or "", dtype=np.int64, sep=" ")
    except (ValueError, DeprecationWarning):
        picture = np.empty(0, np.int64)
    if picture.size != SIZE * SIZE or picture.min() < 0 or picture.max() > 255:
        found = f"{picture.size} numbers" if picture.size != SIZE * SIZE else f"{picture.min()}..{picture.max()}"
        msg = f"{place}: expected {SIZE * SIZE} grey levels 0..255, found {found}"
        raise InputError(msg)
    return picture.astype(np.uint8).reshape(SIZE, SIZE)


def _read_votes(path: Path, usage: NDArray[np.bool_]) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Vote shares and strict majority of the rows marked in ``usage``; FER+ lists rows in FER2013's own order."""
    n = int(usage.sum())
    if not path.is_file():
        return np.zeros((n, len(EMOTIONS)), np.float32), np.full(n, -1, np.int64)
    columns = [next(c for c, e in VOTE_COLUMNS.items() if e is emotion) for emotion in EMOTIONS]
    table = _read_counts(path, (*columns, *OTHER_VOTES))
    if len(table) < len(usage):
        msg = f"{path}: has {len(table)} rows, expected one for each of the {len(usage)} pictures"
        raise InputError(msg)
    counts = table[: len(usage)][usage]
    seven = counts[:, : len(EMOTIONS)].astype(np.float32)
    shares = seven / np.maximum(seven.sum(axis=1, keepdims=True), 1)
    ranked = np.sort(counts, axis=1)
    top = counts.argmax(axis=1)
    usable = (ranked[:, -1] > ranked[:, -2]) & (top < len(EMOTIONS))
    # what most annotators saw as no face or could not name teaches nothing about the seven
    shares[counts[:, len(EMOTIONS) + 1 :].sum(axis=1) > counts.sum(axis=1) / 2] = 0
    return shares.astype(np.float32), np.where(usable, top, -1).astype(np.int64)


def _read_counts(path: Path, columns: tuple[str, ...]) -> NDArray[np.int64]:
    """The named columns of all rows, ``(rows, columns)``."""
    rows: list[list[int]] = []
    with _open_text(path) as stream:
        reader = csv.DictReader(stream)
        missing = set(columns) - set(reader.fieldnames or ())
        if missing:
            msg = f"{path}: column {min(missing)!r} is missing"
            raise InputError(msg)
        for number, row in enumerate(reader):
            try:
                rows.append([int(row[column]) for column in columns])
            except (TypeError, ValueError):
                msg = f"{path}: row {number}: expected a whole number of votes in each of {', '.join(columns)}"
                raise InputError(msg) from None
    return np.array(rows, np.int64).reshape(len(rows), len(columns))
