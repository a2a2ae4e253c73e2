"""Returns large blocks of memory to the system as soon as they are freed."""

from __future__ import annotations

import contextlib
import ctypes

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3
"""Names of glibc's parameters, from its malloc.h."""
_LARGE = 8 << 20
"""Bytes; more than a frame of 1080p, so that frames come out of memory that is there already."""


def return_large_blocks() -> None:
    """Set the size from which glibc maps a block by itself, and unmaps it when it is freed.

    Without this, glibc raises that size to the largest block that was freed so far. The 16 MB that the check of one
    password takes then stay with the process, once for each thread that checks one. Other C libraries have no such
    parameters and are left alone.
    """
    with contextlib.suppress(OSError, AttributeError):
        library = ctypes.CDLL(None)
        library.mallopt(_MMAP_THRESHOLD, _LARGE)
        library.mallopt(_TRIM_THRESHOLD, 2 * _LARGE)  # as glibc does; less gives the memory of every frame back
