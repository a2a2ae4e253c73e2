"""Interruption of long work by Ctrl-C and SIGTERM, with one line on how to continue.

The exception is not a KeyboardInterrupt because PyTorch Lightning turns that into a silent exit.
"""

from __future__ import annotations

import signal
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import FrameType

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Interrupted(BaseException):
    """Interruption by the user or the system; ``advice`` describes what is kept and how to continue."""

    def __init__(self, number: int = signal.SIGINT) -> None:
        super().__init__(signal.Signals(number).name)
        self.exit_code = 128 + number
        self.advice = ""


@contextmanager
def interruptible() -> Iterator[None]:
    """Raise :class:`Interrupted` inside the block on SIGINT or SIGTERM; only works in the main thread."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    previous = {number: signal.signal(number, _raise) for number in _SIGNALS}
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


@contextmanager
def advising(advice: Callable[[], str]) -> Iterator[None]:
    """Describe the result of an interruption inside the block, unless an inner block already has."""
    try:
        yield
    except Interrupted as error:
        error.advice = error.advice or advice()
        raise


def _raise(number: int, _frame: FrameType | None) -> None:
    raise Interrupted(number)
