"""Keeps native libraries' own lines off standard error, where one line is one event.

They write from C and C++ without a switch to turn them off, so the file descriptor itself is redirected for the moment.
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
"""Two threads that redirect in turn would leave each other's file in place."""


@contextmanager
def lines_dropped(*starts: bytes) -> Iterator[list[bytes]]:
    """Drop the lines that begin with one of ``starts`` inside the block; what else was written follows after it.

    The list that is given holds the dropped lines once the block is left.
    """
    dropped: list[bytes] = []
    with _ONE_AT_A_TIME:
        try:
            kept = os.dup(_STDERR)
        except OSError:  # a service without standard error
            yield dropped
            return
        caught = os.memfd_create("stderr-lines")
        os.dup2(caught, _STDERR)
        try:
            yield dropped
        finally:
            os.dup2(kept, _STDERR)
            os.close(kept)
            dropped += _pass_on(caught, starts)


def _pass_on(caught: int, starts: tuple[bytes, ...]) -> list[bytes]:
    """Write the lines to be kept to standard error; returns the others."""
    with os.fdopen(caught, "rb") as stream:
        stream.seek(0)
        lines = stream.readlines()
    if rest := b"".join(line for line in lines if not line.startswith(starts)):
        os.write(_STDERR, rest)
    return [line for line in lines if line.startswith(starts)]
