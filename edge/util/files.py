"""Files that are either whole or not there: written beside their place and moved into it when complete."""

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
    """Give a temporary path in ``path``'s folder; it takes ``path``'s place when the block ends well.

    The temporary name keeps the suffix, by which encoders choose their format. On any error, Ctrl-C included, it is
    removed and ``path`` stays as it was. It gets ``mode`` and is for its owner alone until then; without one it gets
    owner and mode of the file that it replaces, or what the process gives to new files.

    Raises:
        InputError: the folder cannot be written, the disk is full, or the file is there and ``overwrite`` is false.
    """
    if not overwrite and os.path.lexists(path):
        raise InputError(already_there(path))
    # named before it is made, so that no interruption falls between making it and taking care of it
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
        with suppress(OSError):  # where it could not even be made, on a read-only disk for one, the first error counts
            temporary.unlink()


def write_text(path: Path, text: str, *, overwrite: bool = True, mode: int | None = None) -> None:
    """Write a whole UTF-8 file or nothing.

    Raises:
        InputError: as :func:`replacing`.
    """
    with replacing(path, overwrite=overwrite, mode=mode) as temporary:
        temporary.write_text(text, encoding="utf-8")


def sync_folder(folder: Path) -> None:
    """Wait until names that were given or removed in ``folder`` are on the disk: a power cut does not undo them then.

    Raises:
        OSError: the disk fails.
    """
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno != errno.EINVAL:  # some network file systems know no such thing
            raise
    finally:
        os.close(descriptor)


def may(path: Path, mode: int) -> bool:
    """What ``os.access`` says of the user as whom this process acts (:func:`edge.system.service_user.acting`)."""
    return os.access(path, mode, effective_ids=os.access in os.supports_effective_ids)


def not_writable(folder: Path) -> str | None:
    """Why this process cannot make files in ``folder``, which need not exist yet; ``None`` where it can."""
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
    """The one line for a file that cannot be written."""
    full = error.errno in {errno.ENOSPC, errno.EDQUOT}
    remedy = "free some room or choose another place" if full else "choose another place or mend its permissions"
    return f"{path}: cannot be written: {error.strerror or error}; {remedy}"


def why_unreadable(path: Path, error: OSError) -> str:
    """Why a file cannot be read, with the remedy where this process's user may not."""
    why = error.strerror or str(error)
    if not isinstance(error, PermissionError):
        return why
    full = path.absolute()
    closed = next((each for each in reversed(full.parents) if not os.access(each, os.X_OK, effective_ids=True)), None)
    try:
        user = pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        user = str(os.geteuid())
    if closed is not None:
        return f"{why}: the user {user} may not enter {closed}; choose another place"
    return f"{why}: sudo chown {user} {full}"


def already_there(path: Path) -> str:
    """The one line for a file that must not be overwritten."""
    return f"{path}: is there already; give --force to overwrite it"


def _make(temporary: Path, mode: int | None) -> None:
    """Make the empty file; until it is whole, one that is to have a ``mode`` of its own is for its owner alone."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
    os.close(os.open(temporary, flags, 0o666 if mode is None else 0o600))


def _take_over(temporary: Path, path: Path) -> None:
    """Give ``temporary`` the owner and mode of the regular file that it will replace."""
    with suppress(FileNotFoundError):
        found = path.lstat()
        if stat.S_ISREG(found.st_mode):
            with suppress(PermissionError):  # another user's, in a folder of ours
                os.chown(temporary, found.st_uid, found.st_gid)
            temporary.chmod(stat.S_IMODE(found.st_mode) & 0o777)


def _sync(path: Path) -> None:
    """A rename may reach the disk before the bytes do, and a power cut then leaves an empty file."""
    with path.open("rb") as stream:
        os.fsync(stream.fileno())


def _place(temporary: Path, path: Path, *, overwrite: bool) -> None:
    if overwrite:
        temporary.replace(path)
        return
    try:
        os.link(temporary, path)  # fails where another process was faster
    except FileExistsError:
        raise InputError(already_there(path)) from None
    except OSError:
        # FAT and some network file systems have no links
        if os.path.lexists(path):
            raise InputError(already_there(path)) from None
        temporary.rename(path)
