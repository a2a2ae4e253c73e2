"""Writes results whole: a temporary file beside the place, moved into it when complete."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from edge.errors import InputError


def write_bytes(path: Path, content: bytes) -> None:
    """Put ``content`` at ``path``; on any error what was there stays as it was.

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
        msg = f"{path}: cannot be written: {error.strerror or error}; choose another place or mend its permissions"
        raise InputError(msg) from error
    finally:
        if temporary is not None:
            temporary.unlink(missing_ok=True)
