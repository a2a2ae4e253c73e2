"""Keeps the picture decoders' own complaints off standard error: whoever reads it gets our one line instead.

libpng and libjpeg write from C, past OpenCV's log level, so the file descriptor itself is redirected for the moment.
"""

from __future__ import annotations

import os
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_STDERR = 2
_COMPLAINTS = (b"libpng ", b"Corrupt JPEG data", b"Premature end of JPEG", b"Invalid SOS", b"Unsupported marker")
_ONE_AT_A_TIME = threading.RLock()
"""Two threads that redirect in turn would leave each other's file in place."""


@contextmanager
def decoder_lines_dropped() -> Iterator[None]:
    """Drop the decoders' lines inside the block; what others wrote meanwhile follows after it."""
    with _ONE_AT_A_TIME:
        try:
            kept = os.dup(_STDERR)
        except OSError:  # a service without standard error
            yield
            return
        caught = os.memfd_create("decoder-lines")
        os.dup2(caught, _STDERR)
        try:
            yield
        finally:
            os.dup2(kept, _STDERR)
            os.close(kept)
            _pass_on(caught)


def _pass_on(caught: int) -> None:
    with os.fdopen(caught, "rb") as lines:
        lines.seek(0)
        rest = b"".join(line for line in lines if not line.startswith(_COMPLAINTS))
    if rest:
        os.write(_STDERR, rest)
