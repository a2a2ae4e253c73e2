"""Groups of related pictures: those of one subject, and equal or mirrored ones."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray


def picture_keys(pixels: NDArray[np.uint8]) -> list[bytes]:
    """Return a key for each picture ``(n, 48, 48)``, the same for equal pictures and mirror images."""
    return [min(_digest(picture), _digest(picture[:, ::-1])) for picture in pixels]


def grouped(keys: Sequence[bytes], subjects: Sequence[str]) -> NDArray[np.int64]:
    """Return group numbers ``(n,)``: pictures linked by equal keys or subjects, also indirectly, share a group.

    Pictures without a subject (an empty name) are linked by their keys alone.
    """
    parents: dict[object, object] = {}

    def root(node: object) -> object:
        while parents.setdefault(node, node) != node:
            parents[node] = parents[parents[node]]
            node = parents[node]
        return node

    for key, subject in zip(keys, subjects, strict=True):
        if subject:
            parents[root(key)] = root(subject)
    numbers: dict[object, int] = {}
    return np.array([numbers.setdefault(root(key), len(numbers)) for key in keys], np.int64)


def shared_pictures(first: NDArray[np.uint8], second: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Return a mask ``(n,)`` of the pictures of ``first`` that are also, equal or mirrored, in ``second``."""
    known = set(picture_keys(second))
    return np.array([key in known for key in picture_keys(first)], np.bool_)


def _digest(picture: NDArray[np.uint8]) -> bytes:
    return hashlib.sha1(np.ascontiguousarray(picture).tobytes(), usedforsecurity=False).digest()
