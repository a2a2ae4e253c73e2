"""Suppresses lines that native libraries write to standard error, where one line is one event.

They write from C and C++ and cannot be configured not to, so the file descriptor itself is redirected temporarily.
"""

from __future__ import annotations

import os
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_STDERR = 2
_ONE_AT_A_TIME = threading.RLock()
"""Two threads that redirect at the same time would restore each other's file."""


@contextmanager
def lines_dropped(*starts: bytes) -> Iterator[list[bytes]]:
    """Drop the lines that begin with one of ``starts`` inside the block; all others are written at its end.

    The yielded list contains the dropped lines after the block.
    """
    dropped: list[bytes] = []
    with _ONE_AT_A_TIME:
        try:
            original = os.dup(_STDERR)
        except OSError:  # a service without standard error
            yield dropped
            return
        captured = os.memfd_create("stderr-lines")
        os.dup2(captured, _STDERR)
        try:
            yield dropped
        finally:
            os.dup2(original, _STDERR)
            os.close(original)
            dropped += _pass_on(captured, starts)


def _pass_on(captured: int, starts: tuple[bytes, ...]) -> list[bytes]:
    """Write the lines that do not begin with one of ``starts`` to standard error; return the others."""
    with os.fdopen(captured, "rb") as stream:
        stream.seek(0)
        lines = stream.readlines()
    if rest := b"".join(line for line in lines if not line.startswith(starts)):
        os.write(_STDERR, rest)
    return [line for line in lines if line.startswith(starts)]
