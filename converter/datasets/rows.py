"""Rows of a CSV file of pictures, checked one by one; errors name the row number."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from converter.datasets.faces import UNKNOWN
from converter.datasets.greys import parse
from converter.datasets.splits import PRIVATE, PUBLIC, TRAINING, UNLABELLED
from converter.datasets.text import fields, header
from edge.core.errors import InputError
from edge.core.types import EMOTIONS

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

    from numpy.typing import NDArray

_USAGES = {split.encode(): split for split in (TRAINING, PUBLIC, PRIVATE)}
_LABELS = {str(number).encode(): number for number in range(len(EMOTIONS))}
_BLOCK = 16


class CollectedRows(NamedTuple):
    """Pictures ``(n, 48, 48)``, labels, splits and row numbers in the file ``(n,)`` of the requested rows."""

    pixels: NDArray[np.uint8]
    labels: NDArray[np.int64]
    usage: NDArray[np.str_]
    numbers: NDArray[np.int64]


class Rows:
    """Collects the requested rows of one file in blocks of pictures.

    ``whole`` is the split of a file whose rows have labels but no ``Usage``.
    """

    def __init__(self, path: Path, splits: Collection[str] | None, whole: str = TRAINING) -> None:
        self._path, self._wanted, self._whole = path, splits, whole
        self.splits: tuple[str, ...] = ()
        self._columns: dict[str, int] = {}
        self._count = 0
        self._seen = 0
        self._texts: list[bytes] = []
        self._places: list[str] = []
        self._pixels: list[NDArray[np.uint8]] = []
        self._labels: list[int] = []
        self._usage: list[str] = []
        self._numbers: list[int] = []

    def begin(self, line: bytes) -> None:
        """Read the header, which decides whether all rows belong to one split."""
        names = header(line)
        self._count = len(names)
        self._columns = {name: place for place, name in enumerate(names)}
        needed = {"pixels", "emotion"} if "Usage" in names else {"pixels"}
        if not needed <= set(names):
            msg = f"{self._path}: column {min(needed - set(names))!r} is missing"
            raise InputError(msg)
        if "Usage" in names:
            self.splits = tuple(_USAGES.values())
        else:
            self.splits = (self._whole if "emotion" in names else UNLABELLED,)

    def add(self, line: bytes) -> None:
        """Add a row if its split is requested."""
        cells = fields(line)
        if cells == [b""]:
            return
        number, self._seen = self._seen, self._seen + 1
        place = f"{self._path}: row {number}"
        if len(cells) != self._count:
            msg = f"{place}: expected {self._count} columns, found {len(cells)}"
            raise InputError(msg)
        split = self._split(cells, place)
        if self._wanted is not None and split not in self._wanted:
            return
        self._usage.append(split)
        self._numbers.append(number)
        self._labels.append(_label(cells[self._columns["emotion"]], place) if split != UNLABELLED else UNKNOWN)
        self._texts.append(cells[self._columns["pixels"]])
        self._places.append(place)
        if len(self._texts) == _BLOCK:
            self._flush()

    def finish(self) -> CollectedRows:
        """Return all collected rows."""
        self._flush()
        labels, numbers = (np.array(values, np.int64) for values in (self._labels, self._numbers))
        return CollectedRows(np.concatenate(self._pixels), labels, np.array(self._usage, np.str_), numbers)

    def _split(self, cells: list[bytes], place: str) -> str:
        if "Usage" not in self._columns:
            return self.splits[0]
        usage = cells[self._columns["Usage"]]
        if usage not in _USAGES:
            msg = (
                f"{place}: expected a Usage of {', '.join(self.splits)}, found {usage[:20].decode(errors='replace')!r}"
            )
            raise InputError(msg)
        return _USAGES[usage]

    def _flush(self) -> None:
        self._pixels.append(parse(self._texts, self._places))
        self._texts.clear()
        self._places.clear()


def _label(text: bytes, place: str) -> int:
    if text not in _LABELS:
        msg = f"{place}: expected a label 0..{len(EMOTIONS) - 1}, found {text[:20].decode(errors='replace')!r}"
        raise InputError(msg)
    return _LABELS[text]
