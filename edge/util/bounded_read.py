"""Small files that somebody named, read whole: never a pipe or device, never more than they may have."""

from __future__ import annotations

import errno
import os
import stat
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

MIB = 1 << 20


def read_bounded(path: Path, most: int = MIB) -> bytes:
    """Return what is in a regular file of at most ``most`` bytes; ``/dev/null`` is an empty one.

    Raises:
        OSError: it is none, is larger, or cannot be read; ``strerror`` gives the reason.
    """
    # without O_NONBLOCK, opening a pipe waits for a writer for ever
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
