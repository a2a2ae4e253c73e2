"""Returning large blocks of memory to the system as soon as they are freed."""

from __future__ import annotations

import contextlib
import ctypes

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3
"""Values of M_TRIM_THRESHOLD and M_MMAP_THRESHOLD from glibc's malloc.h."""
_LARGE = 8 << 20
"""Bytes; more than a frame of 1080p, so that frames reuse memory that is already allocated."""


def return_large_blocks() -> None:
    """Set the size from which glibc maps each block separately and unmaps it when it is freed.

    By default glibc raises that size to the largest block that was freed so far. The 16 MB for the check of one
    password would then stay allocated, once per thread that checks one. Other C libraries have no such parameters and
    are not changed.
    """
    with contextlib.suppress(OSError, AttributeError):
        library = ctypes.CDLL(None)
        library.mallopt(_MMAP_THRESHOLD, _LARGE)
        library.mallopt(_TRIM_THRESHOLD, 2 * _LARGE)  # glibc's ratio; less would return the memory of every frame
