"""Atomic writes: a file is written to a temporary name beside its path and moved there when complete."""

from __future__ import annotations

import errno
import os
import pwd
import secrets
import stat
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from edge.core.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@contextmanager
def replacing(path: Path, *, overwrite: bool = True, mode: int | None = None) -> Iterator[Path]:
    """Yield a temporary path in ``path``'s folder; it replaces ``path`` when the block ends without an error.

    The temporary name keeps the suffix, by which encoders choose their format. On any error, including Ctrl-C, it is
    removed and ``path`` stays unchanged. The file is readable by its owner only until it gets ``mode``; without a
    ``mode`` it gets the owner and mode of the file that it replaces, or the defaults of a new file.

    Raises:
        InputError: the folder is not writable, the disk is full, or the file exists and ``overwrite`` is false.
    """
    if not overwrite and os.path.lexists(path):
        raise InputError(already_there(path))
    # the name is chosen first, so that an interruption cannot leave a file that nobody removes
    temporary = path.with_name(f".face-edge-{secrets.token_hex(6)}{path.suffix}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _make(temporary, mode)
        yield temporary
        _sync(temporary)
        if mode is None:
            _take_over(temporary, path)
        else:
            temporary.chmod(mode)
        _place(temporary, path, overwrite=overwrite)
    except OSError as error:
        raise InputError(cannot_write(path, error)) from error
    finally:
        with suppress(OSError):  # if it was never created, as on a read-only disk, the first error is the relevant one
            temporary.unlink()


def write_text(path: Path, text: str, *, overwrite: bool = True, mode: int | None = None) -> None:
    """Write a UTF-8 file atomically.

    Raises:
        InputError: as :func:`replacing`.
    """
    with replacing(path, overwrite=overwrite, mode=mode) as temporary:
        temporary.write_text(text, encoding="utf-8")


def sync_folder(folder: Path) -> None:
    """Flush names that were added to or removed from ``folder`` to the disk, so that they survive a power cut.

    Raises:
        OSError: the disk fails.
    """
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno != errno.EINVAL:  # not supported by some network file systems
            raise
    finally:
        os.close(descriptor)


def may(path: Path, mode: int) -> bool:
    """Return ``os.access`` for the effective user (see :func:`edge.system.service_user.acting`)."""
    return os.access(path, mode, effective_ids=os.access in os.supports_effective_ids)


def not_writable(folder: Path) -> str | None:
    """Return why this process cannot create files in ``folder``, which need not exist yet; ``None`` if it can."""
    there = folder.absolute()
    while not os.path.lexists(there) and there != there.parent:
        there = there.parent
    if not there.is_dir():
        return f"{there} is not a folder"
    if may(there, os.W_OK | os.X_OK):
        return None
    is_read_only = os.statvfs(there).f_flag & os.ST_RDONLY
    return f"{there} is {'on a read-only file system' if is_read_only else 'not writable'}"


def cannot_write(path: Path, error: OSError) -> str:
    """Return the one-line message for a file that cannot be written."""
    full = error.errno in {errno.ENOSPC, errno.EDQUOT}
    remedy = "free some space or choose another path" if full else "choose another path or fix its permissions"
    return f"{path}: cannot be written: {error.strerror or error}; {remedy}"


def why_unreadable(path: Path, error: OSError) -> str:
    """Return why a file cannot be read, with the remedy if this process's user lacks the permission."""
    cause = error.strerror or str(error)
    if not isinstance(error, PermissionError):
        return cause
    full = path.absolute()
    closed = next((each for each in reversed(full.parents) if not os.access(each, os.X_OK, effective_ids=True)), None)
    try:
        user = pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        user = str(os.geteuid())
    if closed is not None:
        return f"{cause}: the user {user} cannot access the folder {closed}; choose another path"
    return f"{cause}: sudo chown {user} {full}"


def already_there(path: Path) -> str:
    """Return the one-line message for a file that must not be overwritten."""
    return f"{path}: already exists; use --force to overwrite it"


def _make(temporary: Path, mode: int | None) -> None:
    """Create the empty file; one that gets a ``mode`` of its own is readable by its owner only until it is complete."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
    os.close(os.open(temporary, flags, 0o666 if mode is None else 0o600))


def _take_over(temporary: Path, path: Path) -> None:
    """Give ``temporary`` the owner and mode of the regular file that it will replace."""
    with suppress(FileNotFoundError):
        status = path.lstat()
        if stat.S_ISREG(status.st_mode):
            with suppress(PermissionError):  # another user's file, in a folder of ours
                os.chown(temporary, status.st_uid, status.st_gid)
            temporary.chmod(stat.S_IMODE(status.st_mode) & 0o777)


def _sync(path: Path) -> None:
    """Flush the content: a rename may reach the disk before it, and a power cut then leaves an empty file."""
    with path.open("rb") as stream:
        os.fsync(stream.fileno())


def _place(temporary: Path, path: Path, *, overwrite: bool) -> None:
    if overwrite:
        temporary.replace(path)
        return
    try:
        os.link(temporary, path)  # fails if another process has created the file
    except FileExistsError:
        raise InputError(already_there(path)) from None
    except OSError:
        # FAT and some network file systems do not support links
        if os.path.lexists(path):
            raise InputError(already_there(path)) from None
        temporary.rename(path)
