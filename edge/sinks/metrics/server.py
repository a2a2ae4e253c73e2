"""HTTP server for scrapes, with few connections at a time, fewer per address, each limited to seconds.

If all places are taken, the oldest connection is closed: scrapes are answered at once, so it belongs to a silent or
slow client.
"""

from __future__ import annotations

import errno
import logging
import socket
import threading
import time
from contextlib import suppress
from socketserver import ThreadingMixIn
from typing import TYPE_CHECKING, Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

from prometheus_client import CollectorRegistry, make_wsgi_app

from edge.util.connections import ConnectionLimits, ConnectionTable
from edge.util.logs import LogThrottle
from edge.util.rates import TokenBuckets
from edge.util.sockets import ServerDescription, in_url, listen

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

_LOG = logging.getLogger(__name__)
PATH = "/metrics"
_AT_ONCE, _PER_ADDRESS = 8, 4
_PATIENCE_S = 5.0
_LONGEST_S = 10.0
"""Maximum seconds from the connection to the end of the answer."""
_BURST, _PER_S = 200, 20
"""Maximum rate of new connections per address."""
_WARN_EVERY_S = 60.0
_EXHAUSTED = {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM}
_POLL_S = 0.25
SERVICE = ServerDescription("the metrics", "metrics.host", "set metrics.port")


class _Handler(WSGIRequestHandler):
    timeout = _PATIENCE_S

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the library's name
        _LOG.debug(format, *args)


class _Scrape:
    """A connection; it always counts as idle, since an answer takes only a moment."""

    def __init__(self, connection: socket.socket) -> None:
        self.idle_since: float | None = time.monotonic()
        self._connection = connection

    def drop(self) -> None:
        """Shut the connection down; its thread notices and closes it."""
        with suppress(OSError):
            self._connection.shutdown(socket.SHUT_RDWR)


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True

    def __init__(self, host: str, port: int, registry: CollectorRegistry) -> None:
        self._table = ConnectionTable(ConnectionLimits.of(_AT_ONCE, _PER_ADDRESS))
        self._lock = threading.Lock()
        self._scrapes: dict[socket.socket, _Scrape] = {}
        self._buckets = TokenBuckets(_BURST, _PER_S)
        self._warnings = LogThrottle(_WARN_EVERY_S)
        listener = listen(host, port, SERVICE)
        self.address_family = listener.family
        super().__init__(listener.getsockname()[:2], _Handler, bind_and_activate=False)
        self.socket.close()
        self.socket = listener
        # no reverse lookup, which is slow on a bad network
        self.server_name, self.server_port = host, int(listener.getsockname()[1])
        self.setup_environ()
        self.set_app(_only_metrics(make_wsgi_app(registry)))

    def get_request(self) -> Any:
        try:
            return super().get_request()
        except OSError as error:
            if error.errno in _EXHAUSTED:
                if self._warnings.due("descriptors"):
                    _LOG.warning("the metrics cannot be scraped: %s", error.strerror)
                time.sleep(_POLL_S)  # the listener stays readable
            raise

    def process_request(self, request: Any, client_address: Any) -> None:
        address = str(client_address[0])
        with self._lock:
            refused = not self._buckets.take(address) or self._table.admit(address, request.fileno())
            if not refused:
                scrape = self._scrapes[request] = _Scrape(request)
                self._table.add(address, scrape)
        if refused:
            self.shutdown_request(request)
            return
        try:
            super().process_request(request, client_address)
        except BaseException:  # the thread could not be started
            self._forget(request, address)
            raise

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._forget(request, str(client_address[0]))

    def _forget(self, request: Any, address: str) -> None:
        with self._lock:
            if (scrape := self._scrapes.pop(request, None)) is not None:
                self._table.remove(address, scrape)

    def service_actions(self) -> None:
        """Close connections that have lasted too long, such as a client that sends a byte now and then."""
        oldest_s = time.monotonic() - _LONGEST_S
        with self._lock:
            for scrape in self._scrapes.values():
                if scrape.idle_since is not None and scrape.idle_since < oldest_s:
                    scrape.drop()

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ARG002 - the library's
        _LOG.debug("a request for metrics failed", exc_info=True)


class MetricsServer:
    """Server of ``registry`` from construction until ``close``; ``port`` is the actual one if 0 was requested."""

    def __init__(self, host: str, port: int, registry: CollectorRegistry) -> None:
        """Bind the address and start serving.

        Raises:
            SinkError: the address cannot be used.
        """
        self._server = _Server(host, port, registry)
        self.port = self._server.server_port
        self.url = f"http://{in_url(host)}:{self.port}{PATH}"
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(_POLL_S,), name="metrics-server", daemon=True
        )
        self._thread.start()

    def close(self) -> None:
        """Stop serving and free the port."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(1.0)


def _only_metrics(app: Callable[..., Iterable[bytes]]) -> Callable[..., Iterable[bytes]]:
    def answer(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        if environ.get("PATH_INFO") != PATH:
            start_response("404 Not Found", [("Content-Type", "text/plain; charset=utf-8")])
            return [f"see {PATH}\n".encode()]
        return app(environ, start_response)

    return answer
