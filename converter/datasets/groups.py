"""Which pictures belong together: those of one subject, and those that are the same picture."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray


def picture_keys(pixels: NDArray[np.uint8]) -> list[bytes]:
    """A key for each picture ``(n, 48, 48)``, equal for pictures that are equal or mirror images."""
    return [min(_digest(picture), _digest(picture[:, ::-1])) for picture in pixels]


def grouped(keys: Sequence[bytes], subjects: Sequence[str]) -> NDArray[np.int64]:
    """A number for each picture's group ``(n,)``: equal keys and equal subjects, also through others, are one group.

    Pictures of no subject (an empty name) belong together by their keys alone.
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
    """Marks ``(n,)`` the pictures of ``first`` that are also, equal or mirrored, in ``second``."""
    known = set(picture_keys(second))
    return np.array([key in known for key in picture_keys(first)], np.bool_)


def _digest(picture: NDArray[np.uint8]) -> bytes:
    return hashlib.sha1(np.ascontiguousarray(picture).tobytes(), usedforsecurity=False).digest()
