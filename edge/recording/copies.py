"""Copies of the session file from before a migration, for going back to an older version.

A copy lies beside the file as ``PATH.of-version-N``, with N its schema version. It is kept for at most a day, and is
removed at once when a session is deleted: deleted data must not stay in it.
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

from edge.util.sqlite import FileFault, sync_folder, translated

if TYPE_CHECKING:
    from pathlib import Path

_LOG = logging.getLogger(__name__)
_LASTS_S = 86400.0
_NAME = re.compile(r"\.of-version-(\d+)")


def keep(connection: sqlite3.Connection, path: Path, version: int) -> None:
    """Copy the open file, which has schema ``version``, before it is changed; failure to copy is only logged."""
    copy = path.with_name(f"{path.name}.of-version-{version}")
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
        _LOG.warning("%s could not be copied before its tables are changed: %s", path, fault)


def restore(path: Path, known: int) -> Path | None:
    """Restore the newest copy of schema version ``known`` or older; return its path, ``None`` without one."""
    copies = [
        (int(matched[1]), copy)
        for copy in _beside(path)
        if (matched := _NAME.fullmatch(copy.name, len(path.name))) and int(matched[1]) <= known
    ]
    if not copies or path.exists():
        return None
    copy = max(copies)[1]
    with translated():
        copy.rename(path)
        sync_folder(path.parent)
    return copy


def drop(path: Path, *, outdated: bool = False) -> None:
    """Remove all copies, including unfinished ones, or only the ``outdated`` ones."""
    for copy in _beside(path):
        with translated():
            if not outdated or time.time() - copy.stat().st_mtime > _LASTS_S:
                copy.unlink(missing_ok=True)


def _beside(path: Path) -> list[Path]:
    """Return all files named like a copy."""
    return list(path.parent.glob(f"{path.name}.of-version-*"))
