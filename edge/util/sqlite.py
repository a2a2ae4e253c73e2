"""Errors of the device's SQLite files, translated from SQLite's own."""

from __future__ import annotations

import contextlib
import os
import sqlite3
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_ASIDE_MAX = 9
_DAMAGE = {
    *(sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_ERROR, sqlite3.SQLITE_MISMATCH),
    sqlite3.SQLITE_TOOBIG,
}
_CELL_MAX = 1 << 20
"""Bytes; the longest cell that is written has a few thousand."""
_DESCRIPTIONS = {
    sqlite3.SQLITE_FULL: "there is no space left",
    sqlite3.SQLITE_BUSY: "another process has locked it",
    sqlite3.SQLITE_READONLY: "it cannot be written",
    sqlite3.SQLITE_CANTOPEN: "it cannot be opened",
    sqlite3.SQLITE_PERM: "it cannot be opened",
}


class FileFault(Exception):
    """The file cannot be used now; a retry may succeed. ``full`` is true if only the disk space is missing."""

    def __init__(self, text: str, *, full: bool = False) -> None:
        super().__init__(text)
        self.full = full


class FileDamaged(FileFault):
    """This version cannot use the file's content; ``label`` becomes part of the name when it is set aside."""

    def __init__(self, text: str, label: str = "damaged") -> None:
        super().__init__(text)
        self.label = label


def bound(connection: sqlite3.Connection) -> sqlite3.Connection:
    """Limit the memory that ``connection`` allocates for a cell, since a damaged one may claim gigabytes; return it."""
    connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, _CELL_MAX)
    return connection


@contextlib.contextmanager
def translated() -> Iterator[None]:
    """Translate errors of SQLite and the operating system inside the block.

    Raises:
        FileDamaged: the content cannot be understood.
        FileFault: anything else.
    """
    try:
        yield
    except sqlite3.Error as error:
        code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF
        if code in _DAMAGE:
            msg = f"is damaged ({' '.join(str(error).split())})"  # the error quotes the file's content
            raise FileDamaged(msg) from error
        raise FileFault(_DESCRIPTIONS.get(code, str(error)), full=code == sqlite3.SQLITE_FULL) from error
    except MemoryError as error:
        # some damaged files cause this as well, but a good one must not be set aside for a short lack of memory
        msg = "there is not enough memory to read it, or it is damaged"
        raise FileFault(msg) from error
    except UnicodeDecodeError as error:
        # SQLite's own error message quotes the undecodable content
        msg = "is damaged (its text is not valid UTF-8)"
        raise FileDamaged(msg) from error
    except OSError as error:
        raise FileFault(error.strerror or str(error)) from error


def set_aside(path: Path, label: str) -> Path:
    """Rename an unusable file and its write-ahead log to ``PATH.LABEL-N``; return the new path.

    Raises:
        FileFault: it cannot be renamed.
    """
    names = [path.with_name(f"{path.name}.{label}-{number}") for number in range(1, _ASIDE_MAX + 1)]
    name = next((name for name in names if not name.exists()), names[-1])
    with translated():
        # the log first: if left behind, it would be applied to the new file
        for suffix in ("-wal", "-shm", ""):
            beside = path.with_name(path.name + suffix)
            if beside.exists():
                beside.replace(name.with_name(name.name + suffix))
    return name


def sync_folder(folder: Path) -> None:
    """Flush a new file's name to the disk."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
