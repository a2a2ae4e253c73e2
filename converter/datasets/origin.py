"""Origin of a set of faces: what was read, from which files, under which terms."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from edge.core.errors import InputError

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class DataFile:
    """File that was read completely: a CSV file, a list of votes, a list of rows to drop."""

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
    """Part that was held out of training because the data has no validation part."""

    share: float
    seed: int
    unit: str
    """``subject`` or ``picture``: the unit that stays together."""
    pattern: str
    """Regular expression that finds the subject in a picture's name; empty if pictures were drawn one by one."""
    subjects: int
    """Number of subjects identified by the names."""
    rows: int
    """Number of pictures before the part was held out."""


@dataclass(frozen=True, slots=True)
class DataOrigin:
    """Name of a data set, its format and the files that were read.

    ``published`` is the name of a published data set with the same label counts, or empty; ``licence`` holds the terms
    of use stated by the user. ``votes`` and ``drops`` name the files that were used, if any. ``problems`` lists
    oddities of the data, a line each.
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
