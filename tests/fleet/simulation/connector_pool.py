"""Threads that only connect, since TCP and TLS handshakes would delay the polling loop."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING

from edge.collector.diagnosis import explained
from edge.core.errors import ConfigError
from edge.sinks.mqtt.connection_errors import ConnectionFailure

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from edge.collector.polled_connection import PolledConnection
    from edge.sinks.mqtt.connection_errors import Cause
    from edge.sinks.mqtt.options import Options
    from edge.sinks.mqtt.waker import Waker

_THREADS = 8


class ConnectorPool:
    """Connects in the background: ``dial`` returns at once; ``waker`` is set when ``outcomes`` has results."""

    def __init__(self, waker: Waker) -> None:
        self._waker = waker
        self._pool = ThreadPoolExecutor(_THREADS, thread_name_prefix="dial")
        self._dialled: SimpleQueue[tuple[int, PolledConnection, Exception | None]] = SimpleQueue()

    def dial(self, index: int, link: PolledConnection) -> None:
        """Open ``link`` for device ``index``."""

        def work() -> None:
            error: Exception | None = None
            try:
                link.open()
            except (ConnectionFailure, ConfigError) as failure:
                error = failure
            self._dialled.put((index, link, error))
            self._waker.set()

        self._pool.submit(work)

    def explain(self, cause: Cause, options: Options, say: Callable[[str], None]) -> None:
        """Determine why a broker did not answer an accepted connection; call ``say`` on another thread."""
        self._pool.submit(lambda: say(explained(cause, options).text))

    def outcomes(self) -> Iterator[tuple[int, PolledConnection, Exception | None]]:
        """Return ``(index, link, error)`` of ended attempts; the link is open if there is none."""
        while True:
            try:
                yield self._dialled.get_nowait()
            except Empty:
                return

    def close(self) -> None:
        """Wait for running attempts."""
        self._pool.shutdown()
