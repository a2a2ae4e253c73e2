"""Accepts the page's connections within bounds, in place of uvicorn's own acceptor, which has none."""

from __future__ import annotations

import asyncio
import errno
import logging
import time
from typing import TYPE_CHECKING, Any

from edge.kiosk.protocol import LimitedProtocol
from edge.util.rates import TokenBuckets
from edge.util.sockets import plain_address

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable

    from edge.kiosk.refusals import Refusals
    from edge.util.connections import ConnectionTable

_LOG = logging.getLogger(__name__)
HANDSHAKE_S = 10.0
_BACKLOG = 256
_AT_ONCE = 32
"""Accepted in one turn of the event loop."""
_PAUSE_S = 1.0
"""Without accepting, where the system has no descriptor or memory left."""
_EXHAUSTED = {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM}
_BURST, _PER_S = 1000, 100
"""New connections of one address."""


class Handshake:
    """A connection that is not served yet: it is new, or its TLS handshake goes on."""

    def __init__(self) -> None:
        self.idle_since: float | None = time.monotonic()
        self.task: asyncio.Task[None] | None = None

    def drop(self) -> None:
        """Give it up."""
        if self.task is not None:
            self.task.cancel()


class Acceptor:
    """Serves ``listener`` with connections that ``protocol`` makes; has the methods of asyncio's server."""

    def __init__(
        self, listener: socket.socket, table: ConnectionTable, refusals: Refusals, *, ssl: Any, exempt: Any
    ) -> None:
        self._listener, self._table, self._refusals = listener, table, refusals
        self._ssl, self._exempt = ssl, exempt
        self._buckets = TokenBuckets(_BURST, _PER_S)
        self._loop = asyncio.get_running_loop()
        self._tasks: set[asyncio.Task[None]] = set()
        self._closed = False

    def start(self, protocol: Callable[[str], LimitedProtocol]) -> None:
        """Accept from now on."""
        self._protocol = protocol
        self._listener.setblocking(False)
        self._listener.listen(_BACKLOG)
        self._listen()
        self._watch = self._loop.create_task(self._sweep())

    def close(self) -> None:
        """Accept no more, and give up handshakes; harmless when repeated."""
        if not self._closed:
            self._closed = True
            self._loop.remove_reader(self._listener)
            for task in (self._watch, *self._tasks):
                task.cancel()

    async def wait_closed(self) -> None:
        """Wait for the handshakes that were given up."""
        await asyncio.gather(self._watch, *self._tasks, return_exceptions=True)

    def _listen(self) -> None:
        if not self._closed:
            self._loop.add_reader(self._listener, self._accept)

    def _accept(self) -> None:
        for _ in range(_AT_ONCE):
            try:
                connection, peer = self._listener.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            except OSError as error:
                if error.errno in _EXHAUSTED:
                    self._refusals.note("no descriptor was free", "")
                    self._table.make_room()
                # the listener stays readable, so that looking again at once would take the whole processor
                self._loop.remove_reader(self._listener)
                self._loop.call_later(_PAUSE_S, self._listen)
                return
            self._take(connection, plain_address(str(peer[0])))

    def _take(self, connection: socket.socket, address: str) -> None:
        trusted = self._exempt(address)
        displaced = self._table.displaced
        why = "" if trusted or self._buckets.take(address) else "too many in a short time"
        why = why or self._table.admit(address, connection.fileno())
        if self._table.displaced > displaced:
            self._refusals.note("an idle one made room", address)
        if why:
            self._refusals.note(why, address)
            connection.close()
            return
        connection.setblocking(False)
        held = Handshake()
        self._table.add(address, held)
        held.task = self._loop.create_task(self._serve(connection, address, held))
        self._tasks.add(held.task)
        held.task.add_done_callback(self._tasks.discard)

    async def _serve(self, connection: socket.socket, address: str, held: Handshake) -> None:
        def make() -> LimitedProtocol:
            # from here on the protocol stands for the connection; over TLS it is called once the handshake is done
            return self._protocol(address)

        made: LimitedProtocol | None = None
        limits = {"ssl_handshake_timeout": HANDSHAKE_S, "ssl_shutdown_timeout": HANDSHAKE_S / 2} if self._ssl else {}
        try:
            _, made = await self._loop.connect_accepted_socket(make, connection, ssl=self._ssl, **limits)
        except OSError as error:  # no TLS, or the client has gone
            _LOG.debug("a connection from %s was not made: %s", address, error)
        finally:
            self._table.remove(address, held)
        if made is not None and not made.transport.is_closing():
            self._table.add(address, made)

    async def _sweep(self) -> None:
        while True:
            await asyncio.sleep(1.0)
            now_s = time.monotonic()
            for _, one in self._table.all():
                if isinstance(one, LimitedProtocol) and one.overdue(now_s):
                    one.drop()
            self._refusals.report()
