"""Runs the actions of signals on a separate thread.

Python runs a signal handler between two arbitrary steps of the main thread. A handler that takes a lock held by the
main thread, as ``threading.Event.set`` does, deadlocks. ``SimpleQueue.put`` is documented as reentrant, so the handler
does nothing else.
"""

from __future__ import annotations

import queue
import signal
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from types import FrameType


def obey(actions: Mapping[signal.Signals, Callable[[], object]], *, once: bool = False) -> None:
    """Call the action of each signal on a separate thread, in order of arrival.

    Call this from the main thread. With ``once``, a second signal raises KeyboardInterrupt in the main thread even
    while the action of the first one runs.
    """
    pending: queue.SimpleQueue[Callable[[], object]] = queue.SimpleQueue()

    def enqueue(number: int, _frame: FrameType | None) -> None:
        pending.put(actions[signal.Signals(number)])
        if once:
            for each in actions:
                signal.signal(each, signal.default_int_handler)

    def act() -> None:
        while True:
            pending.get()()

    threading.Thread(target=act, name="signals", daemon=True).start()
    for each in actions:
        signal.signal(each, enqueue)
