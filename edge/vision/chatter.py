"""Keeps the inference runtime's own greetings off standard error, where one line is one event."""

from __future__ import annotations

import os
import tempfile
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_GREETINGS = (b"INFO: Created TensorFlow Lite XNNPACK delegate", b"INFO: Created TensorFlow Lite delegate")
_STDERR = 2


@contextmanager
def without_chatter() -> Iterator[None]:
    """Drop known greetings that native code writes to standard error inside the block; all else follows after it.

    The runtimes write them from C++ without a switch to turn them off, so the file descriptor itself is redirected.
    """
    try:
        kept = os.dup(_STDERR)
    except OSError:  # a service without standard error
        yield
        return
    with tempfile.TemporaryFile() as caught:
        os.dup2(caught.fileno(), _STDERR)
        try:
            yield
        finally:
            os.dup2(kept, _STDERR)
            os.close(kept)
            caught.seek(0)
            rest = b"".join(line for line in caught if not line.startswith(_GREETINGS))
            if rest:
                os.write(_STDERR, rest)
