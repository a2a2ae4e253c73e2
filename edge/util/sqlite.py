"""What may be wrong with an SQLite file of the device, in words; SQLite's own errors end here."""

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
"""Bytes; the longest cell that is ever written has some thousand."""
_WORDS = {
    sqlite3.SQLITE_FULL: "there is no room left",
    sqlite3.SQLITE_BUSY: "another process holds it",
    sqlite3.SQLITE_READONLY: "it cannot be written",
    sqlite3.SQLITE_CANTOPEN: "it cannot be opened",
    sqlite3.SQLITE_PERM: "it cannot be opened",
}


class FileFault(Exception):
    """The file cannot be used now; it may mend itself. ``full`` where there is merely no room."""

    def __init__(self, text: str, *, full: bool = False) -> None:
        super().__init__(text)
        self.full = full


class FileDamaged(FileFault):
    """What is in the file is of no use to this version; ``label`` tells how it is set aside."""

    def __init__(self, text: str, label: str = "damaged") -> None:
        super().__init__(text)
        self.label = label


def bound(connection: sqlite3.Connection) -> sqlite3.Connection:
    """``connection``, which allocates no more for a cell than any can have: a damaged one may claim gigabytes."""
    connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, _CELL_MAX)
    return connection


@contextlib.contextmanager
def translated() -> Iterator[None]:
    """SQLite's and the system's errors as ours.

    Raises:
        FileDamaged: the content cannot be understood.
        FileFault: anything else.
    """
    try:
        yield
    except sqlite3.Error as error:
        code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF
        if code in _DAMAGE:
            msg = f"is damaged ({' '.join(str(error).split())})"  # which quotes what it found
            raise FileDamaged(msg) from error
        raise FileFault(_WORDS.get(code, str(error)), full=code == sqlite3.SQLITE_FULL) from error
    except MemoryError as error:
        # SQLite says so of some damaged files as well; a good one must not be set aside for a moment's want
        msg = "there is no memory to read it, or it is damaged"
        raise FileFault(msg) from error
    except UnicodeDecodeError as error:
        # not even SQLite's own words can be read, for they quote what it found
        msg = "is damaged (text in it is no UTF-8)"
        raise FileDamaged(msg) from error
    except OSError as error:
        raise FileFault(error.strerror or str(error)) from error


def set_aside(path: Path, label: str) -> Path:
    """Rename a file that is of no use, and its log, to ``PATH.LABEL-N``; gives the new name.

    Raises:
        FileFault: it cannot be renamed.
    """
    names = [path.with_name(f"{path.name}.{label}-{number}") for number in range(1, _ASIDE_MAX + 1)]
    name = next((name for name in names if not name.exists()), names[-1])
    with translated():
        # the log first: left behind, it would be taken for the new file's
        for suffix in ("-wal", "-shm", ""):
            beside = path.with_name(path.name + suffix)
            if beside.exists():
                beside.replace(name.with_name(name.name + suffix))
    return name


def sync_folder(folder: Path) -> None:
    """Put a new file's name on the disk."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
