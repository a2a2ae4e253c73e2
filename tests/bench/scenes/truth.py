"""Load a folder of pictures with marked faces: ``faces.json`` and, optionally, face-free pictures in ``empty/``.

``faces.json`` maps a picture's file name to ``size`` ``[width, height]``, ``faces`` (each with ``box`` ``[x, y, width,
height]``, ``kind`` ``face`` or ``ignore``, and ``frontal``) and, optionally, ``tags`` such as ``["candid"]``.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import cv2

from edge.core.errors import InputError
from edge.core.types import Box

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

FILE = "faces.json"
EMPTY_FOLDER = "empty"
SIZE_BINS = ((0.025, 0.05), (0.05, 0.075), (0.075, 0.10), (0.10, 0.15), (0.15, 1.01))
"""Sizes of faces as shares of the shorter side; from the first number up to but without the second."""
_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".webp", ".bmp"})


@dataclass(frozen=True, slots=True)
class MarkedFace:
    """One marked face, in pixels of its picture; one that does not ``count`` is too doubtful to judge by."""

    box: Box
    counts: bool = True
    frontal: bool = True


@dataclass(frozen=True, slots=True)
class MarkedPicture:
    """A picture and its faces; ``tags`` group pictures for a row of their own."""

    path: Path
    width: int
    height: int
    faces: tuple[MarkedFace, ...] = ()
    tags: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """Return the file's name."""
        return self.path.name

    def read(self) -> NDArray[np.uint8]:
        """Decode the picture.

        Raises:
            InputError: it cannot be read, or its size is not the marked one.
        """
        image = cv2.imread(str(self.path), cv2.IMREAD_COLOR)
        if image is None:
            msg = f"{self.path}: cannot be read as a picture"
            raise InputError(msg)
        height, width = image.shape[:2]
        if (width, height) != (self.width, self.height):
            msg = f"{self.path}: is {width} x {height}, {FILE} says {self.width} x {self.height}"
            raise InputError(msg)
        return cast("NDArray[np.uint8]", image)


def load(folder: Path) -> tuple[MarkedPicture, ...]:
    """Read ``faces.json`` and list the pictures, those of ``empty/`` last.

    Raises:
        InputError: the folder, a picture or an entry of ``faces.json`` is missing or wrong.
    """
    path = folder / FILE
    try:
        entries = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        msg = f"{path}: {error.strerror or error} (expected a folder with pictures and {FILE})"
        raise InputError(msg) from None
    except ValueError as error:
        msg = f"{path}: is not valid JSON ({error})"
        raise InputError(msg) from None
    if not isinstance(entries, dict) or not entries:
        msg = f"{path}: expected an object with an entry for each picture"
        raise InputError(msg)
    marked = [_picture(path, name, entry) for name, entry in entries.items()]
    return tuple(marked + _empty(folder / EMPTY_FOLDER))


def size_share(box: Box, width: float, height: float) -> float:
    """Return the size of a face: the square root of its area as a share of the picture's shorter side."""
    return float(box.area**0.5) / min(width, height)


def size_bin(share: float) -> int | None:
    """Return the index of the bin of :data:`SIZE_BINS` for ``share``, ``None`` below the first."""
    return next((index for index, (low, high) in enumerate(SIZE_BINS) if low <= share < high), None)


def _picture(path: Path, name: str, entry: Any) -> MarkedPicture:
    try:
        width, height = (int(value) for value in entry["size"])
        faces = tuple(_face(face) for face in entry["faces"])
        tags = tuple(str(tag) for tag in entry.get("tags", ()))
        if min(width, height) < 1:
            raise ValueError  # noqa: TRY301 - the same line for every wrong entry
    except (KeyError, TypeError, ValueError, AttributeError):
        msg = f'{path}: the entry "{name}" is wrong (expected "size" [w, h] and "faces" with "box" [x, y, w, h])'
        raise InputError(msg) from None
    picture = path.parent / name
    if not picture.is_file():
        msg = f"{picture}: is in {FILE} but not in the folder"
        raise InputError(msg)
    return MarkedPicture(picture, width, height, faces, tags)


def _face(entry: Any) -> MarkedFace:
    x, y, width, height = (float(value) for value in entry["box"])
    kind = entry.get("kind", "face")
    if kind not in {"face", "ignore"} or min(width, height) <= 0:
        raise ValueError(kind)
    return MarkedFace(Box(x, y, width, height), kind == "face", bool(entry.get("frontal", True)))


def _empty(folder: Path) -> list[MarkedPicture]:
    if not folder.is_dir():
        return []
    found = []
    for path in sorted(path for path in folder.iterdir() if path.suffix.lower() in _SUFFIXES):
        image = cv2.imread(str(path), cv2.IMREAD_COLOR)
        if image is None:
            msg = f"{path}: cannot be read as a picture"
            raise InputError(msg)
        found.append(MarkedPicture(path, image.shape[1], image.shape[0]))
    return found
