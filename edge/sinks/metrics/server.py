"""Answers scrapes over HTTP: few at a time, each for seconds only, so that no visitor can wear the device out."""

from __future__ import annotations

import logging
import threading
from socketserver import ThreadingMixIn
from typing import TYPE_CHECKING, Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

from prometheus_client import CollectorRegistry, make_wsgi_app

from edge.sockets import Service, in_url, listen

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

_LOG = logging.getLogger(__name__)
PATH = "/metrics"
_AT_ONCE = 4
_PATIENCE_S = 5.0
_POLL_S = 0.25
SERVICE = Service("the metrics", "metrics.host", "set metrics.port")


class _Handler(WSGIRequestHandler):
    timeout = _PATIENCE_S

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the library's name
        _LOG.debug(format, *args)


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True

    def __init__(self, host: str, port: int, registry: CollectorRegistry) -> None:
        self._free = threading.BoundedSemaphore(_AT_ONCE)
        listener = listen(host, port, SERVICE)
        self.address_family = listener.family
        super().__init__(listener.getsockname()[:2], _Handler, bind_and_activate=False)
        self.socket.close()
        self.socket = listener
        # not asked of a name server, which takes long where the network is bad
        self.server_name, self.server_port = host, int(listener.getsockname()[1])
        self.setup_environ()
        self.set_app(_only_metrics(make_wsgi_app(registry)))

    def process_request(self, request: Any, client_address: Any) -> None:
        if self._free.acquire(blocking=False):
            super().process_request(request, client_address)
        else:
            self.shutdown_request(request)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._free.release()

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ARG002 - the library's
        _LOG.debug("a visitor to the metrics went wrong", exc_info=True)


class MetricsServer:
    """Serves ``registry`` from its making until ``close``; ``port`` is the one in use where 0 was asked for."""

    def __init__(self, host: str, port: int, registry: CollectorRegistry) -> None:
        """Take the address and serve.

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
        """Serve no longer and free the port."""
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
