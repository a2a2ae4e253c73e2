"""Files that are either whole or not there: written beside their place and moved into it when complete."""

from __future__ import annotations

import os
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from edge.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def replacing(path: Path, *, overwrite: bool = True) -> Iterator[Path]:
    """Give a temporary path in ``path``'s folder; it takes ``path``'s place when the block ends well.

    The temporary name keeps the suffix, by which encoders choose their format. On any error, Ctrl-C included, it is
    removed and ``path`` stays as it was.

    Raises:
        InputError: the folder cannot be written, the disk is full, or the file is there and ``overwrite`` is false.
    """
    if not overwrite and os.path.lexists(path):
        raise InputError(already_there(path))
    temporary = _reserve(path)
    try:
        yield temporary
        _sync(temporary)
        _place(temporary, path, overwrite=overwrite)
    except OSError as error:
        raise InputError(cannot_write(path, error)) from error
    finally:
        temporary.unlink(missing_ok=True)


def write_text(path: Path, text: str, *, overwrite: bool = True) -> None:
    """Write a whole UTF-8 file or nothing.

    Raises:
        InputError: as :func:`replacing`.
    """
    with replacing(path, overwrite=overwrite) as temporary:
        temporary.write_text(text, encoding="utf-8")


def cannot_write(path: Path, error: OSError) -> str:
    """The one line for a file that cannot be written."""
    return f"{path}: cannot be written: {error.strerror or error}; choose another place or mend its permissions"


def already_there(path: Path) -> str:
    """The one line for a file that must not be overwritten."""
    return f"{path}: is there already; give --force to overwrite it"


def _reserve(path: Path) -> Path:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=".face-edge-", suffix=path.suffix, dir=path.parent)
        # mkstemp's 0600 would stay with the finished file
        os.fchmod(handle, 0o666 & ~_umask())
        os.close(handle)
    except OSError as error:
        raise InputError(cannot_write(path, error)) from error
    return Path(name)


def _umask() -> int:
    mask = os.umask(0o077)
    os.umask(mask)
    return mask


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
