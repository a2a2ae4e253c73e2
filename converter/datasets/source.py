"""What a loader makes of a path that it recognises."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

from converter.datasets.faces import FaceSet

Read = Callable[[Collection[str] | None], Mapping[str, FaceSet]]
"""Reads the named splits, those of them that are there, in one go; ``None``: all there are."""


@dataclass(frozen=True, slots=True)
class Source:
    """A recognised data set: what ``form`` it comes in and how to read it."""

    form: str
    read: Read
