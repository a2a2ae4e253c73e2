"""Stops long work at Ctrl-C and at SIGTERM with one line that says how to go on.

The exception is not a KeyboardInterrupt: PyTorch Lightning turns that one into an exit of its own, without a word.
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
    """The user or the system asked the process to stop; ``advice`` says what is kept and how to go on."""

    def __init__(self, number: int = signal.SIGINT) -> None:
        super().__init__(signal.Signals(number).name)
        self.exit_code = 128 + number
        self.advice = ""


@contextmanager
def interruptible() -> Iterator[None]:
    """Raise :class:`Interrupted` inside the block when SIGINT or SIGTERM arrives; only the main thread can."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, _raise) for number in _SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def advising(advice: Callable[[], str]) -> Iterator[None]:
    """Say what an interruption inside the block leaves behind, where nothing closer to it has said so."""
    try:
        yield
    except Interrupted as error:
        error.advice = error.advice or advice()
        raise


def _raise(number: int, _frame: FrameType | None) -> None:
    raise Interrupted(number)
