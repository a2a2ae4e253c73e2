"""Acts on signals in a thread of their own.

Python runs a signal handler between two steps of the main thread, wherever that is. A handler that takes a lock which
the main thread holds, as ``threading.Event.set`` does, waits for itself and never returns. ``SimpleQueue.put`` is
documented as safe there, so the handler does nothing else.
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
    """Call the action of each signal that arrives, in order of arrival, on a thread of its own.

    Call this from the main thread. With ``once``, a second signal raises KeyboardInterrupt in the main thread, whatever
    the action of the first is doing.
    """
    arrived: queue.SimpleQueue[Callable[[], object]] = queue.SimpleQueue()

    def note(number: int, _frame: FrameType | None) -> None:
        arrived.put(actions[signal.Signals(number)])
        if once:
            for each in actions:
                signal.signal(each, signal.default_int_handler)

    def act() -> None:
        while True:
            arrived.get()()

    threading.Thread(target=act, name="signals", daemon=True).start()
    for each in actions:
        signal.signal(each, note)
