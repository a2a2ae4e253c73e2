"""Picture files made into the arrays that the networks take."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import cv2
import numpy as np

from converter.datasets.faces import SIZE
from converter.progress import bar
from edge.errors import InputError
from edge.preprocess import crop_face
from edge.types import Box

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".pgm", ".webp"})


def is_picture(path: Path) -> bool:
    """Whether the name says that ``path`` is a picture; hidden files are none."""
    return path.suffix.lower() in SUFFIXES and not path.name.startswith(".")


def read(paths: Sequence[Path], what: str) -> NDArray[np.uint8]:
    """Pictures of any size as grey ``(n, 48, 48)``; where one is not square, its border is repeated to make it so.

    Raises:
        InputError: a file cannot be read or is no picture; the message names it.
    """
    pixels = np.empty((len(paths), SIZE, SIZE), np.uint8)
    for row, path in enumerate(bar(paths, f"reading {what}", len(paths), " pictures")):
        grey = _decode(path)
        height, width = grey.shape
        pixels[row] = crop_face(grey, Box(0, 0, width, height), margin=0, size=SIZE)
    return pixels


def _decode(path: Path) -> NDArray[np.uint8]:
    try:
        content = np.frombuffer(path.read_bytes(), np.uint8)
        grey = cv2.imdecode(content, cv2.IMREAD_GRAYSCALE) if content.size else None
    except (OSError, cv2.error) as error:
        msg = f"{path}: cannot be read: {' '.join(str(error).split())}; mend or remove it"
        raise InputError(msg) from error
    if grey is None:
        msg = f"{path}: is no picture that can be decoded; mend or remove it"
        raise InputError(msg)
    return cast("NDArray[np.uint8]", grey)
