"""Recognised data set and its reader."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path  # noqa: TC003 - the annotations of a dataclass

from converter.datasets.faces import FaceSet

Read = Callable[[Collection[str] | None], Mapping[str, FaceSet]]
"""Reads those of the named splits that exist in one pass; ``None`` reads all."""


@dataclass(frozen=True, slots=True)
class Source:
    """Recognised data set: its format and its reader.

    ``files`` are set if a few files hold all pictures, ``votes`` is the file of votes that is read, and ``problems``
    describes oddities of the data that do not prevent reading, a line each.
    """

    form: str
    read: Read
    files: tuple[Path, ...] = ()
    votes: Path | None = None
    problems: tuple[str, ...] = ()
