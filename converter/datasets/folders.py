"""Folders of pictures, one for each class: copies of FER2013, CK+48, MMA and whatever is laid out like them.

The classes lie side by side (``happy/``, ``sad/``, ...: one piece, split ``All``) or in a folder for each split
(``train/happy/``, ``test/happy/``, ...). Copies of FER2013 put PublicTest and PrivateTest into one folder but often
keep the split in the name of the file (``PublicTest_1234.jpg``); the name then decides.
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
"""Folders that an archive may lie in, one in another."""
_NAMED = 5


class _Picture(NamedTuple):
    path: Path
    split: str
    label: int | None
    folder: Path


def find(path: Path, names: ClassNames = SEVEN_NAMES) -> Source | None:
    """Folders of classes in ``path``, or in the only folder in it, as archives unpack; ``names`` are the classes'.

    Raises:
        InputError: a folder is called after no known class, or no folder of a split or of all holds a picture.
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
    """Say which folders in ``path`` hold pictures but are called after no known class; empty where none does."""
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
    """``path`` if it holds classes or splits with classes, or else the only folder in it if that does."""
    root = path if _parts(path, names) else _innermost(path)
    return root if _parts(root, names) else None


def _innermost(path: Path) -> Path:
    """Go down from ``path`` through folders that hold one folder alone."""
    for _ in range(_DEEPEST):
        inner = _folders(path)
        if len(inner) != 1 or inner[0].name.lower() in FOLDER_SPLITS:
            break
        path = inner[0]
    return path


def _parts(path: Path, names: ClassNames) -> list[Path]:
    """The folders that hold folders of classes: ``path`` itself, or those in it that are called after a split."""
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
    """Every picture under ``folder``'s classes.

    Raises:
        InputError: a folder is called after no known class.
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
    """A sentence for each folder of a class that is not ``filled`` with pictures."""
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
    mine = [picture for picture in pictures if picture.split == split]
    taken = [picture for picture in mine if picture.label is not None]
    found = read([picture.path for picture in taken], split)
    names = np.array([picture.path.relative_to(root).as_posix() for picture in taken], np.str_)
    labels = np.array([picture.label for picture in taken], np.int64)
    left_out = dict(Counter(picture.folder.name.lower() for picture in mine if picture.label is None))
    if found.unreadable:
        left_out["unreadable"] = len(found.unreadable)
    readable = found.pixels, labels[found.readable], names[found.readable]
    faces = FaceSet.of(*readable, left_out, found.unreadable, classes=classes)
    return replace(faces, rows=np.flatnonzero(found.readable))
