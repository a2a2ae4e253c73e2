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
def lines_dropped(*starts: bytes) -> Iterator[None]:
    """Drop the lines that begin with one of ``starts`` inside the block; what else was written follows after it."""
    with _ONE_AT_A_TIME:
        try:
            kept = os.dup(_STDERR)
        except OSError:  # a service without standard error
            yield
            return
        caught = os.memfd_create("stderr-lines")
        os.dup2(caught, _STDERR)
        try:
            yield
        finally:
            os.dup2(kept, _STDERR)
            os.close(kept)
            _pass_on(caught, starts)


def _pass_on(caught: int, starts: tuple[bytes, ...]) -> None:
    with os.fdopen(caught, "rb") as lines:
        lines.seek(0)
        rest = b"".join(line for line in lines if not line.startswith(starts))
    if rest:
        os.write(_STDERR, rest)
