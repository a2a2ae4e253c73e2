"""What a loader makes of a path that it recognises."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from converter.datasets.faces import FaceSet

if TYPE_CHECKING:
    from pathlib import Path

Read = Callable[[Collection[str] | None], Mapping[str, FaceSet]]
"""Reads the named splits, those of them that are there, in one go; ``None``: all there are."""


@dataclass(frozen=True, slots=True)
class Source:
    """A recognised data set: the ``form`` it comes in, where it lies, the ``splits`` in it, and how to read them.

    ``splits`` is empty where only reading tells.
    """

    form: str
    path: Path
    read: Read
    splits: tuple[str, ...] = ()
