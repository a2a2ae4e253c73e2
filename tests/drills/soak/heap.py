"""Memory that this process has allocated and not freed: leaks are visible here before the kernel sees them.

The kernel counts pages. A heap keeps unused pages, more so after a busy moment, so a process without leaks grows
occasionally by steps of a few frames. Memory in use has no such steps.
"""

from __future__ import annotations

import ctypes
import os
import re
import sys
import tempfile

_MB = 1e6
_TOTALS = re.compile(r'<(system|total) type="(current|fast|rest|mmap)"(?: count="\d+")? size="(\d+)"')


def python_blocks() -> int:
    """Return the number of blocks of Python's own allocator: objects and their small contents."""
    return sys.getallocatedblocks()


def heap_mb() -> float | None:
    """Return the megabytes allocated through malloc, or ``None`` if the C library does not report it (not glibc)."""
    report = _malloc_info()
    if report is None:
        return None
    # one part per arena, then the sums of all of them
    sizes = {kind: int(size) for _, kind, size in _TOTALS.findall(report.rpartition("</heap>")[2])}
    return round((sizes["current"] - sizes["fast"] - sizes["rest"] + sizes["mmap"]) / _MB, 3)


def _malloc_info() -> str | None:
    library = ctypes.CDLL(None)
    if not hasattr(library, "malloc_info"):
        return None
    library.fdopen.restype, library.fdopen.argtypes = ctypes.c_void_p, [ctypes.c_int, ctypes.c_char_p]
    library.malloc_info.argtypes = [ctypes.c_int, ctypes.c_void_p]
    library.fclose.argtypes = [ctypes.c_void_p]
    with tempfile.TemporaryFile() as file:
        stream = library.fdopen(os.dup(file.fileno()), b"w")  # closed with the stream made from it
        library.malloc_info(0, stream)
        library.fclose(stream)
        file.seek(0)
        return file.read().decode("ascii")
