"""Lock that allows one run per folder and ends with its process, even after a crash."""

from __future__ import annotations

import errno
import fcntl
import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

from edge.core.errors import AlreadyRunning, InputError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

LOCK = ".run.lock"
_HELD = {errno.EWOULDBLOCK, errno.EACCES}


@contextmanager
def held(folder: Path) -> Iterator[None]:
    """Lock ``folder`` for one run; the first process of a run locks it for all.

    Raises:
        AlreadyRunning: another process trains in it.
        InputError: it cannot be created or written.
    """
    if os.environ.get("LOCAL_RANK", "0") != "0":
        yield
        return
    try:
        folder.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    except OSError as error:
        raise _unwritable(folder, error.errno or errno.EIO) from error
    try:
        _lock(descriptor, folder)
        yield
    finally:
        os.close(descriptor)


def refuse_unwritable(folder: Path) -> None:
    """Check that a missing ``folder`` could be created, without creating it.

    Raises:
        InputError: it could not.
    """
    above = next(parent for parent in folder.resolve().parents if parent.exists())
    if not above.is_dir():
        raise _unwritable(folder, errno.ENOTDIR)
    if not os.access(above, os.W_OK | os.X_OK):
        raise _unwritable(folder, errno.EACCES)


def _unwritable(folder: Path, number: int) -> InputError:
    return InputError(
        f"{folder}: cannot be written: {os.strerror(number)}; choose another --out or fix its permissions"
    )


def _lock(descriptor: int, folder: Path) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno not in _HELD:
            return  # a file system without locks
        holder = os.pread(descriptor, 32, 0).decode(errors="replace").strip()
        named = f" (process {holder})" if holder.isdigit() else ""
        msg = f"{folder}: another run is training here{named}: wait until it ends, or choose another --out"
        raise AlreadyRunning(msg) from error
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, str(os.getpid()).encode(), 0)
