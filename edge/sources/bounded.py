"""Calls into drivers that may never return, each with a deadline.

A driver that hangs in the kernel can be neither interrupted nor safely released from another thread. Therefore all its
calls run on a dedicated thread: the caller stops waiting at the deadline, and the queued last call (the release) runs
if the driver ever returns.
"""

from __future__ import annotations

import queue
import threading
import time
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")
_NAME = "bounded calls of "
_LOOK_S = 0.2


def hanging() -> bool:
    """Return whether a call is still running.

    Python must not exit normally then: a call that returns while the interpreter shuts down ends in ``terminate
    called`` (SIGABRT). A program that has closed everything must exit by ``os._exit`` instead.
    """
    return any(thread.name.startswith(_NAME) for thread in threading.enumerate())


class BoundedCalls:
    """Daemon thread that executes calls one after the other."""

    def __init__(self, name: str) -> None:
        self._calls: queue.SimpleQueue[tuple[Future[Any], Callable[[], Any]] | None] = queue.SimpleQueue()
        # daemon: a hanging driver must not keep the process alive
        self._thread = threading.Thread(target=self._run, name=_NAME + name, daemon=True)
        self._thread.start()

    @property
    def alive(self) -> bool:
        """Return whether the thread is still running."""
        return self._thread.is_alive()

    def call(self, function: Callable[[], T], timeout_s: float, is_cancelled: Callable[[], bool] | None = None) -> T:
        """Call ``function`` on the thread and return its result or raise its error.

        ``is_cancelled`` is polled several times a second and ends the wait once it returns True.

        Raises:
            TimeoutError: The call has not returned within ``timeout_s``, or ``is_cancelled`` ended the wait; it
                continues, and its result is lost.
        """
        future: Future[T] = Future()
        self._calls.put((future, function))
        if is_cancelled is None:
            return future.result(timeout_s)
        until_s = time.monotonic() + timeout_s
        while (left_s := until_s - time.monotonic()) > _LOOK_S:
            try:
                return future.result(_LOOK_S)
            except TimeoutError:
                if future.done() or is_cancelled():
                    break
        return future.result(0 if is_cancelled() else max(0.0, left_s))

    def finish(self, last: Callable[[], object], timeout_s: float) -> None:
        """Call ``last`` and end the thread; wait at most ``timeout_s``, as a hanging call delays it."""
        self._calls.put((Future(), last))
        self._calls.put(None)
        self._thread.join(timeout_s)

    def _run(self) -> None:
        while (item := self._calls.get()) is not None:
            future, function = item
            try:
                future.set_result(function())
            except Exception as error:  # noqa: BLE001 - raised again in the caller
                future.set_exception(error)
