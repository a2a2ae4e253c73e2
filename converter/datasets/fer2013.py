"""FER2013 (Goodfellow et al., 2013) as CSV files from Kaggle, plain or gzipped.

``fer2013.csv`` and ``icml_face_data.csv`` hold all splits, with the split of each row in ``Usage``. ``train.csv`` is
Training; ``test.csv`` has no labels, or is PrivateTest if it has them.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from converter.datasets.faces import FaceSet
from converter.datasets.rows import Rows
from converter.datasets.source import Source
from converter.datasets.splits import PRIVATE, TRAINING, UNLABELLED
from converter.datasets.text import open_csv
from converter.datasets.votes import FILE, read_votes
from converter.progress import bar

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from pathlib import Path

    from numpy.typing import NDArray

FORM = "CSV files in FER2013's layout"
WHOLE = ("fer2013.csv", "icml_face_data.csv")
PARTS = ("train.csv", "test.csv")


def find(path: Path, votes: Path | None = None) -> Source | None:
    """Return a loader for the CSV files at ``path`` with FER+'s votes from ``votes`` or beside them."""
    files = _files(path)
    if not files:
        return None
    folder = files[0].parent
    beside = folder / FILE
    chosen = votes or (beside if beside.is_file() else None)

    def read(splits: Collection[str] | None) -> dict[str, FaceSet]:
        splits_read: dict[str, FaceSet] = {}
        for file in files:
            splits_read.update(_read(file, chosen, splits))
        return splits_read

    return Source(FORM, read, tuple(files), chosen)


def _files(path: Path) -> list[Path]:
    if path.is_file():
        return [path] if path.name.lower().removesuffix(".gz").endswith(".csv") else []
    there = {name: [path / name, path / f"{name}.gz"] for name in (*WHOLE, *PARTS)}
    splits_read = {name: file for name, files in there.items() for file in reversed(files) if file.is_file()}
    whole = [splits_read[name] for name in WHOLE if name in splits_read]
    return whole[:1] or [splits_read[name] for name in PARTS if name in splits_read]


def _read(path: Path, votes: Path | None, splits: Collection[str] | None) -> Iterator[tuple[str, FaceSet]]:
    """Yield the requested splits that the file has."""
    rows = Rows(path, splits, PRIVATE if path.name.partition(".")[0] == "test" else TRAINING)
    with open_csv(path) as stream:
        rows.begin(stream.readline())
        for line in bar(stream, f"reading {path.name}", unit=" rows"):
            rows.add(line)
    pixels, labels, usage, numbers = rows.finish()
    for split in rows.splits:
        mask = usage == split
        if not mask.any():
            continue
        faces = FaceSet.of(pixels[mask], labels[mask], np.array([f"row {row}" for row in numbers[mask]], np.str_))
        yield split, faces if votes is None or split == UNLABELLED else _with_votes(faces, votes, numbers[mask])


def _with_votes(faces: FaceSet, path: Path, numbers: NDArray[np.int64]) -> FaceSet:
    splits_read = read_votes(path, numbers, faces.labels)
    return replace(faces, votes=splits_read.shares, majority=splits_read.majority, other_votes=splits_read.other)
