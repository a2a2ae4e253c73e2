"""Decoding of picture files into the arrays that the networks take."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, cast

import cv2
import numpy as np

from converter.datasets.faces import SIZE
from converter.progress import bar
from edge.core.errors import InputError
from edge.core.types import Box
from edge.inference.preprocess import crop_face

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".pgm", ".webp"})
MOST_UNREADABLE = 0.01
"""Share of the pictures that may be damaged; more indicate another problem."""
_NAMED = 3


def is_picture(path: Path) -> bool:
    """Return whether ``path`` has the suffix of a picture; hidden files do not count."""
    return path.suffix.lower() in SUFFIXES and not path.name.startswith(".")


class Pictures(NamedTuple):
    """Pictures ``(m, 48, 48)`` uint8 grey, a mask ``(n,)`` of the readable paths, and the other paths."""

    pixels: NDArray[np.uint8]
    readable: NDArray[np.bool_]
    unreadable: tuple[str, ...]


def read(paths: Sequence[Path], what: str) -> Pictures:
    """Read pictures of any size in grey, 48 pixels a side; the border of non-square ones is repeated.

    Up to :data:`MOST_UNREADABLE` of the files may be unreadable and are left out.

    Raises:
        InputError: more files than that cannot be read or are no pictures; the message names the first ones.
    """
    pixels = np.empty((len(paths), SIZE, SIZE), np.uint8)
    problems: dict[int, str] = {}
    for row, path in enumerate(bar(paths, f"reading {what}", len(paths), " pictures")):
        try:
            grey = _decode(path)
        except InputError as error:
            problems[row] = str(error)
            continue
        height, width = grey.shape
        pixels[row] = crop_face(grey, Box(0, 0, width, height), margin=0, size=SIZE)
    if len(problems) > MOST_UNREADABLE * len(paths):
        raise InputError(_too_many(list(problems.values()), len(paths)))
    readable = np.ones(len(paths), bool)
    readable[list(problems)] = False
    return Pictures(pixels[readable], readable, tuple(str(paths[row]) for row in problems))


def _too_many(problems: Sequence[str], total: int) -> str:
    if len(problems) == 1:
        return problems[0]
    more = f" (and {len(problems) - _NAMED} more)" if len(problems) > _NAMED else ""
    return (
        f"{len(problems)} of {total} pictures cannot be read, which is more than {MOST_UNREADABLE:.0%}: "
        f"{'; '.join(problems[:_NAMED])}{more}"
    )


def _decode(path: Path) -> NDArray[np.uint8]:
    try:
        content = np.frombuffer(path.read_bytes(), np.uint8)
        grey = cv2.imdecode(content, cv2.IMREAD_GRAYSCALE) if content.size else None
    except (OSError, cv2.error) as error:
        msg = f"{path}: cannot be read: {' '.join(str(error).split())}; repair or remove it"
        raise InputError(msg) from error
    if grey is None:
        msg = f"{path}: is no picture that can be decoded; repair or remove it"
        raise InputError(msg)
    return cast("NDArray[np.uint8]", grey)
