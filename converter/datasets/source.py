"""What a loader makes of a path that it recognises."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path  # noqa: TC003 - the annotations of a dataclass

from converter.datasets.faces import FaceSet

Read = Callable[[Collection[str] | None], Mapping[str, FaceSet]]
"""Reads the named splits, those of them that are there, in one go; ``None``: all there are."""


@dataclass(frozen=True, slots=True)
class Source:
    """A recognised data set: what ``form`` it comes in and how to read it.

    ``files`` are those that hold the pictures where a few files hold all of them, ``votes`` is the file of votes that
    is read, and ``problems`` says in a line each what is odd about the data but keeps nothing from being read.
    """

    form: str
    read: Read
    files: tuple[Path, ...] = ()
    votes: Path | None = None
    problems: tuple[str, ...] = ()
