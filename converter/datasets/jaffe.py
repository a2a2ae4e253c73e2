"""JAFFE (Lyons et al., 1998): pictures with the expression in their names, such as ``KA.AN1.39.tiff``.

The name is the person, the expression with its number, and the picture's number. The data set has no parts: split
``All``. Its 256-pixel portraits are reduced whole, so faces are smaller than in FER2013.
"""

from __future__ import annotations

import re
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from converter.datasets.faces import FaceSet
from converter.datasets.pictures import is_picture, read
from converter.datasets.source import Source
from converter.datasets.splits import ALL
from edge.core.errors import InputError
from edge.core.types import EMOTIONS, Emotion

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

_CODES = {
    "AN": Emotion.ANGRY,
    "DI": Emotion.DISGUST,
    "FE": Emotion.FEAR,
    "HA": Emotion.HAPPY,
    "SA": Emotion.SAD,
    "SU": Emotion.SURPRISE,
    "NE": Emotion.NEUTRAL,
}
_NAME = re.compile(r"[A-Z]{2}\.([A-Z]{2})\d+\.\d+", re.IGNORECASE)


def find(path: Path) -> Source | None:
    """Return a loader for JAFFE's pictures in ``path`` or in its only folder."""
    for folder in (path, *_only_folder(path)):
        if folder.is_dir() and any(_NAME.match(entry.name) for entry in folder.iterdir() if is_picture(entry)):
            return Source("JAFFE", partial(_read, folder))
    return None


def _only_folder(path: Path) -> list[Path]:
    inner = [entry for entry in path.iterdir() if entry.is_dir()] if path.is_dir() else []
    return inner if len(inner) == 1 else []


def _read(folder: Path, splits: Collection[str] | None) -> dict[str, FaceSet]:
    paths = sorted(filter(is_picture, folder.iterdir()))
    labels = np.array([_label(path) for path in paths], np.int64)
    if splits is not None and ALL not in splits:
        return {}
    found = read(paths, "JAFFE")
    names = np.array([path.name for path in paths], np.str_)
    left_out = {"unreadable": len(found.unreadable)} if found.unreadable else {}
    faces = FaceSet.of(found.pixels, labels[found.readable], names[found.readable], left_out, found.unreadable)
    return {ALL: replace(faces, rows=np.flatnonzero(found.readable))}


def _label(path: Path) -> int:
    found = _NAME.match(path.name)
    emotion = _CODES.get(found[1].upper()) if found else None
    if emotion is None:
        msg = f"{path}: expected a name such as KA.AN1.39.tiff with one of {', '.join(_CODES)} in second place"
        raise InputError(msg)
    return EMOTIONS.index(emotion)
