"""Where a set of faces comes from: what was read, from which files, under which terms."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from edge.core.errors import InputError

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class DataFile:
    """A file that was read whole: a CSV file, a list of votes, a list of rows to drop."""

    name: str
    size: int
    sha256: str

    @classmethod
    def of(cls, path: Path) -> DataFile:
        """Describe the file ``path``.

        Raises:
            InputError: it cannot be read.
        """
        try:
            with path.open("rb") as stream:
                digest = hashlib.file_digest(stream, "sha256")
                size = stream.tell()
        except OSError as error:
            msg = f"{path}: cannot be read: {error.strerror or error}"
            raise InputError(msg) from error
        return cls(path.name, size, digest.hexdigest())


@dataclass(frozen=True, slots=True)
class HeldOut:
    """The part that was held out of training where the data has no validation part of its own."""

    share: float
    seed: int
    unit: str
    """``subject`` or ``picture``: what stays together."""
    pattern: str
    """Regular expression that finds the subject in a picture's name; empty where pictures were drawn one by one."""
    subjects: int
    """Number of subjects that the names tell."""
    rows: int
    """Number of pictures before the part was held out."""


@dataclass(frozen=True, slots=True)
class Origin:
    """What a data set is called, the form that it came in and the files that were read.

    ``published`` is the name of a published data set whose label counts these are, and empty otherwise; ``licence`` is
    what the user said of the terms of use. ``votes`` and ``drops`` name the files that were used, if any. ``problems``
    says what is odd about the data, a line each.
    """

    name: str
    form: str
    files: tuple[DataFile, ...] = ()
    published: str = ""
    licence: str = ""
    votes: str = ""
    drops: str = ""
    held_out: HeldOut | None = None
    problems: tuple[str, ...] = ()
