"""Atomic writing of results: a temporary file in the same folder, renamed when complete."""

from __future__ import annotations

import errno
import os
import tempfile
from pathlib import Path

from edge.core.errors import InputError

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


def write_bytes(path: Path, content: bytes) -> None:
    """Write ``content`` to ``path``; on any error the existing file stays unchanged.

    Raises:
        InputError: the folder cannot be written or the disk is full.
    """
    temporary: Path | None = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=".face-convert-", suffix=path.suffix, dir=path.parent)
        temporary = Path(name)
        with os.fdopen(handle, "wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        temporary.chmod(0o644)
        temporary.replace(path)
    except OSError as error:
        remedy = "free some space" if error.errno in _FULL else "choose another place or fix its permissions"
        msg = f"{path}: cannot be written: {error.strerror or error}; {remedy}"
        raise InputError(msg) from error
    finally:
        if temporary is not None:
            temporary.unlink(missing_ok=True)
