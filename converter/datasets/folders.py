"""Folders of pictures, one for each class: copies of FER2013, CK+48, MMA and whatever is laid out like them.

The classes lie side by side (``happy/``, ``sad/``, ...: one piece, split ``All``) or in a folder for each split
(``train/happy/``, ``test/happy/``, ...). Copies of FER2013 put PublicTest and PrivateTest into one folder but often
keep the split in the name of the file (``PublicTest_1234.jpg``); the name then decides.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from converter.datasets.faces import FaceSet
from converter.datasets.pictures import is_picture, read
from converter.datasets.source import Source
from converter.datasets.splits import ALL, FOLDER_SPLITS, PRIVATE, PUBLIC, TRAINING
from edge.errors import InputError
from edge.types import EMOTIONS, Emotion

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from pathlib import Path

_NAMES = {
    Emotion.ANGRY: ("angry", "anger"),
    Emotion.DISGUST: ("disgust", "disgusted"),
    Emotion.FEAR: ("fear", "fearful", "afraid"),
    Emotion.HAPPY: ("happy", "happiness"),
    Emotion.SAD: ("sad", "sadness"),
    Emotion.SURPRISE: ("surprise", "surprised"),
    Emotion.NEUTRAL: ("neutral",),
}
CLASSES = {name: EMOTIONS.index(emotion) for emotion, names in _NAMES.items() for name in names}
"""What folders of a class are called, in small letters."""
LEFT_OUT = frozenset({"contempt"})
"""Classes that are none of the seven: counted, not taken."""
_ENOUGH = 2


class _Picture(NamedTuple):
    path: Path
    split: str
    label: int | None
    folder: str


def find(path: Path) -> Source | None:
    """Folders of classes in ``path``, or in the only folder in it, as archives unpack."""
    root = _root(path)
    if root is None:
        return None
    splits = {folder: FOLDER_SPLITS.get(folder.name.lower(), ALL) for folder in _parts(root)}

    def load(wanted: Collection[str] | None) -> dict[str, FaceSet]:
        pictures = [picture for folder, split in splits.items() for picture in _walk(folder, split)]
        there = sorted({picture.split for picture in pictures})
        return {split: _read(root, split, pictures) for split in there if wanted is None or split in wanted}

    return Source("folders of classes", load)


def _root(path: Path) -> Path | None:
    """``path`` if it holds classes or splits with classes, or else the only folder in it if that does."""
    inner = _folders(path)
    if _parts(path):
        return path
    return inner[0] if len(inner) == 1 and _parts(inner[0]) else None


def _parts(path: Path) -> list[Path]:
    """The folders that hold folders of classes: ``path`` itself, or those in it that are called after a split."""
    if _holds_classes(path):
        return [path]
    return [folder for folder in _folders(path) if folder.name.lower() in FOLDER_SPLITS and _holds_classes(folder)]


def _holds_classes(path: Path) -> bool:
    return sum(folder.name.lower() in CLASSES for folder in _folders(path)) >= _ENOUGH


def _folders(path: Path) -> list[Path]:
    if not path.is_dir():
        return []
    return sorted(entry for entry in path.iterdir() if entry.is_dir() and not entry.name.startswith((".", "__")))


def _walk(folder: Path, split: str) -> Iterator[_Picture]:
    """Every picture under ``folder``'s classes.

    Raises:
        InputError: a folder is called after no known class.
    """
    for inner in _folders(folder):
        name = inner.name.lower()
        if name not in CLASSES and name not in LEFT_OUT:
            msg = f"{inner}: unknown class: expected folders called {', '.join(e.value for e in EMOTIONS)}; remove it"
            raise InputError(msg)
        for path in sorted(filter(is_picture, inner.rglob("*"))):
            yield _Picture(path, _own_split(path, split), CLASSES.get(name), name)


def _own_split(path: Path, split: str) -> str:
    prefix = path.name.partition("_")[0]
    return prefix if prefix in {TRAINING, PUBLIC, PRIVATE} else split


def _read(root: Path, split: str, pictures: Collection[_Picture]) -> FaceSet:
    mine = [picture for picture in pictures if picture.split == split]
    taken = [picture for picture in mine if picture.label is not None]
    names = np.array([picture.path.relative_to(root).as_posix() for picture in taken], np.str_)
    labels = np.array([picture.label for picture in taken], np.int64)
    left_out = Counter(picture.folder for picture in mine if picture.label is None)
    return FaceSet.of(read([picture.path for picture in taken], split), labels, names, dict(left_out))
