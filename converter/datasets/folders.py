"""Folders of pictures, one for each class: copies of FER2013, CK+48, MMA and data with the same layout.

The classes are side by side (``happy/``, ``sad/``, ...: no parts, split ``All``) or in a folder for each split
(``train/happy/``, ``test/happy/``, ...). Copies of FER2013 put PublicTest and PrivateTest into one folder but often
keep the split in the file name (``PublicTest_1234.jpg``); the name then decides.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from converter.datasets.classes import SEVEN_NAMES
from converter.datasets.faces import FaceSet
from converter.datasets.pictures import SUFFIXES, is_picture, read
from converter.datasets.source import Source
from converter.datasets.splits import ALL, FOLDER_SPLITS, PRIVATE, PUBLIC, TRAINING
from edge.core.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from pathlib import Path

    from converter.datasets.classes import ClassNames

FORM = "folders of classes"
_ENOUGH = 2
_DEEPEST = 3
"""Maximum nesting depth of the folder of an unpacked archive."""
_NAMED = 5


class _Picture(NamedTuple):
    path: Path
    split: str
    label: int | None
    folder: Path


def find(path: Path, names: ClassNames = SEVEN_NAMES) -> Source | None:
    """Return a loader for class folders in ``path``, or in its only folder, as archives unpack; ``names`` name classes.

    Raises:
        InputError: a folder has an unknown class name, or no folder of a split or of all holds a picture.
    """
    root = _root(path, names)
    if root is None:
        return None
    splits = {folder: FOLDER_SPLITS.get(folder.name.lower(), ALL) for folder in _parts(root, names)}
    pictures = [picture for folder, split in splits.items() for picture in _walk(folder, split, names)]
    filled = {picture.folder for picture in pictures}
    for folder in splits:
        if not any(inner.parent == folder for inner in filled):
            msg = f"{folder}: holds no pictures ({', '.join(sorted(SUFFIXES))}); put them there, or remove it"
            raise InputError(msg)

    def load(wanted: Collection[str] | None) -> dict[str, FaceSet]:
        there = sorted({picture.split for picture in pictures})
        return {
            split: _read(root, split, pictures, names.classes) for split in there if wanted is None or split in wanted
        }

    return Source(FORM, load, problems=tuple(_empty(root, splits, filled)))


def unknown_classes(path: Path, known: ClassNames = SEVEN_NAMES) -> str:
    """Return a message on folders in ``path`` with pictures but an unknown class name, or an empty text without any."""
    root = _innermost(path)
    parts = [folder for folder in _folders(root) if folder.name.lower() in FOLDER_SPLITS] or [root]
    names = [
        inner.relative_to(root).as_posix()
        for part in parts
        for inner in _folders(part)
        if inner.name.lower() not in known and any(map(is_picture, inner.rglob("*")))
    ]
    if not names:
        return ""
    more = ", ..." if len(names) > _NAMED else ""
    return f"{path}: {', '.join(names[:_NAMED])}{more}: unknown classes: known are {known.known()}"


def _root(path: Path, names: ClassNames) -> Path | None:
    """Return ``path`` if it holds classes or splits with classes, else its only folder if that does."""
    root = path if _parts(path, names) else _innermost(path)
    return root if _parts(root, names) else None


def _innermost(path: Path) -> Path:
    """Return the first folder below ``path`` that does not hold exactly one folder."""
    for _ in range(_DEEPEST):
        inner = _folders(path)
        if len(inner) != 1 or inner[0].name.lower() in FOLDER_SPLITS:
            break
        path = inner[0]
    return path


def _parts(path: Path, names: ClassNames) -> list[Path]:
    """Return the folders that hold class folders: ``path`` itself, or its folders with the name of a split."""
    if _holds_classes(path, names):
        return [path]
    return [
        folder for folder in _folders(path) if folder.name.lower() in FOLDER_SPLITS and _holds_classes(folder, names)
    ]


def _holds_classes(path: Path, names: ClassNames) -> bool:
    return sum(folder.name.lower() in names.labels for folder in _folders(path)) >= _ENOUGH


def _folders(path: Path) -> list[Path]:
    if not path.is_dir():
        return []
    return sorted(entry for entry in path.iterdir() if entry.is_dir() and not entry.name.startswith((".", "__")))


def _walk(folder: Path, split: str, names: ClassNames) -> Iterator[_Picture]:
    """Yield every picture in the class folders under ``folder``.

    Raises:
        InputError: a folder has an unknown class name.
    """
    for inner in _folders(folder):
        name = inner.name.lower()
        if name not in names:
            hint = names.suggestion(name)
            msg = f"{inner}: unknown class: expected folders called {names.known()}; rename or remove it{hint}"
            raise InputError(msg)
        for path in sorted(filter(is_picture, inner.rglob("*"))):
            yield _Picture(path, _own_split(path, split), names.labels.get(name), inner)


def _empty(root: Path, parts: Collection[Path], filled: Collection[Path]) -> Iterator[str]:
    """Yield a sentence for each class folder that is not in ``filled``."""
    for part in parts:
        for inner in _folders(part):
            if inner not in filled:
                files = sum(entry.is_file() for entry in inner.rglob("*"))
                others = f" ({files} files of other kinds)" if files else ""
                yield f"{inner.relative_to(root).as_posix()}: holds no pictures{others}"


def _own_split(path: Path, split: str) -> str:
    prefix = path.name.partition("_")[0]
    return prefix if prefix in {TRAINING, PUBLIC, PRIVATE} else split


def _read(root: Path, split: str, pictures: Collection[_Picture], classes: tuple[str, ...]) -> FaceSet:
    of_split = [picture for picture in pictures if picture.split == split]
    labelled = [picture for picture in of_split if picture.label is not None]
    decoded = read([picture.path for picture in labelled], split)
    names = np.array([picture.path.relative_to(root).as_posix() for picture in labelled], np.str_)
    labels = np.array([picture.label for picture in labelled], np.int64)
    left_out = dict(Counter(picture.folder.name.lower() for picture in of_split if picture.label is None))
    if decoded.unreadable:
        left_out["unreadable"] = len(decoded.unreadable)
    readable = decoded.pixels, labels[decoded.readable], names[decoded.readable]
    faces = FaceSet.of(*readable, left_out, decoded.unreadable, classes=classes)
    return replace(faces, rows=np.flatnonzero(decoded.readable))
