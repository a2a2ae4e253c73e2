"""Check that a path is a readable regular file, without reading from pipes and devices."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def fault(path: Path) -> str | None:
    """Return why ``path`` is not a readable, non-empty file, as one line that begins with the path; else ``None``."""
    try:
        # without O_NONBLOCK, opening a pipe waits indefinitely for a writer
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        return f"{path}: no such file"
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        return f"{path}: cannot be read: {getattr(error, 'strerror', None) or error}"
    try:
        status = os.fstat(handle)
    finally:
        os.close(handle)
    if stat.S_ISDIR(status.st_mode):
        return f"{path}: cannot be read: it is a folder"
    if not stat.S_ISREG(status.st_mode):
        return f"{path}: cannot be read: it is a pipe or device, not a file"
    if status.st_size == 0:
        return f"{path}: is empty (0 bytes)"
    return None
