"""Calls into drivers that may never return, each with a deadline.

A driver that hangs in the kernel can be neither interrupted nor safely released from another thread. So all its calls
are made on one thread of its own: the caller stops waiting at the deadline, and what was queued to be done last (the
release) is done if the driver ever comes back.
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
    """True while a call goes on.

    Python's own way out is closed then: a call that comes back while the interpreter takes itself apart ends in
    ``terminate called`` (SIGABRT). A program that has closed everything must leave by ``os._exit`` instead.
    """
    return any(thread.name.startswith(_NAME) for thread in threading.enumerate())


class BoundedCalls:
    """One daemon thread that makes one call after the other."""

    def __init__(self, name: str) -> None:
        self._calls: queue.SimpleQueue[tuple[Future[Any], Callable[[], Any]] | None] = queue.SimpleQueue()
        # daemon: a driver that hangs must not keep the process from ending
        self._thread = threading.Thread(target=self._run, name=_NAME + name, daemon=True)
        self._thread.start()

    @property
    def alive(self) -> bool:
        """True until the last call is done."""
        return self._thread.is_alive()

    def call(self, function: Callable[[], T], timeout_s: float, is_vain: Callable[[], bool] | None = None) -> T:
        """What ``function`` returns or raises.

        ``is_vain`` is asked several times a second whether waiting makes sense any more.

        Raises:
            TimeoutError: it has not returned within ``timeout_s``, or it is waited for in vain; it goes on, and its
                result is lost.
        """
        future: Future[T] = Future()
        self._calls.put((future, function))
        if is_vain is None:
            return future.result(timeout_s)
        until_s = time.monotonic() + timeout_s
        while (left_s := until_s - time.monotonic()) > _LOOK_S:
            try:
                return future.result(_LOOK_S)
            except TimeoutError:
                if future.done() or is_vain():
                    break
        return future.result(0 if is_vain() else max(0.0, left_s))

    def finish(self, last: Callable[[], object], timeout_s: float) -> None:
        """Make the call ``last`` and end; waits for at most ``timeout_s``, it is made later where a call hangs."""
        self._calls.put((Future(), last))
        self._calls.put(None)
        self._thread.join(timeout_s)

    def _run(self) -> None:
        while (item := self._calls.get()) is not None:
            future, function = item
            try:
                future.set_result(function())
            except Exception as error:  # noqa: BLE001 - it belongs to the caller
                future.set_exception(error)
