"""Bounded reads of small files whose path a user gave: never a pipe or device, never beyond a maximum size."""

from __future__ import annotations

import errno
import os
import stat
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

MIB = 1 << 20


def read_bounded(path: Path, most: int = MIB) -> bytes:
    """Return the content of a regular file of at most ``most`` bytes; ``/dev/null`` counts as an empty file.

    Raises:
        OSError: it is not a regular file, is larger, or cannot be read; ``strerror`` gives the reason.
    """
    # without O_NONBLOCK, opening a pipe waits indefinitely for a writer
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(descriptor, "rb") as stream:
        status = os.fstat(descriptor)
        if stat.S_ISDIR(status.st_mode):
            raise OSError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
        if not stat.S_ISREG(status.st_mode) and status.st_rdev != os.makedev(1, 3):
            raise OSError(errno.EINVAL, "is a pipe or device, not a file", str(path))
        content = stream.read(most + 1)
    if len(content) > most:
        raise OSError(errno.EFBIG, f"is larger than {most >> 10:,} KiB", str(path))
    return content
