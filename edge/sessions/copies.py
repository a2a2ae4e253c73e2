"""The sessions' file as it was before a newer version changed its tables, for an upgrade that is taken back.

A copy lies beside the file as ``PATH.before-version-N``. It lasts a day at most, and goes at once where a session is
deleted: what somebody wants gone must not stay in it.
"""

from __future__ import annotations

import contextlib
import logging
import os
import re
import sqlite3
import time
from contextlib import closing
from typing import TYPE_CHECKING

from edge.sqlite import FileFault, sync_folder, translated

if TYPE_CHECKING:
    from pathlib import Path

_LOG = logging.getLogger(__name__)
_LASTS_S = 86400.0
_NAME = re.compile(r"\.before-version-(\d+)")


def keep(connection: sqlite3.Connection, path: Path, coming: int) -> None:
    """Copy the open file before it is brought to version ``coming``; where there is no room, go on without."""
    copy = path.with_name(f"{path.name}.before-version-{coming}")
    fresh = copy.with_name(f"{copy.name}.{os.getpid()}")
    try:
        with translated():
            fresh.touch(mode=0o600)
            with closing(sqlite3.connect(fresh)) as target:
                connection.backup(target)
            with fresh.open("rb") as written:
                if os.geteuid() == 0:  # an operator's command, while the file is the service's own
                    owner = path.stat()
                    os.fchown(written.fileno(), owner.st_uid, owner.st_gid)
                os.fsync(written.fileno())
            fresh.replace(copy)
            sync_folder(path.parent)
    except FileFault as fault:
        with contextlib.suppress(OSError):
            fresh.unlink(missing_ok=True)
        _LOG.warning("%s could not be copied before it is brought to version %d: %s", path, coming, fault)


def take_back(path: Path, known: int) -> Path | None:
    """Put the newest copy that a program which knows version ``known`` can read in the file's place; gives its name."""
    copies = [(coming, copy) for coming, copy in _copies(path) if coming - 1 <= known]
    if not copies or path.exists():
        return None
    copy = max(copies)[1]
    with translated():
        copy.rename(path)
        sync_folder(path.parent)
    return copy


def drop(path: Path, *, outdated: bool = False) -> None:
    """Remove all copies, or those that are ``outdated`` alone."""
    for _, copy in _copies(path):
        with translated():
            if not outdated or time.time() - copy.stat().st_mtime > _LASTS_S:
                copy.unlink(missing_ok=True)


def _copies(path: Path) -> list[tuple[int, Path]]:
    """Each copy with the version before which it was made."""
    return [
        (int(matched[1]), each)
        for each in path.parent.glob(f"{path.name}.before-version-*")
        if (matched := _NAME.fullmatch(each.name.removeprefix(path.name)))
    ]
