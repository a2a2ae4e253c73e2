"""The web server on a thread and event loop of its own: uvicorn with h11, both pure Python."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import threading
import time
from typing import TYPE_CHECKING

from edge.core.errors import SinkError
from edge.kiosk.refusals import Refusals, calm
from edge.util.connections import ConnectionLimits
from edge.util.sockets import ServerDescription, in_url, listen, local_address

if TYPE_CHECKING:
    import uvicorn

    from edge.kiosk.app import Kiosk
    from edge.kiosk.certificate import Certificate

_LOG = logging.getLogger(__name__)
_START_TIMEOUT_S = 10.0
_STOP_TIMEOUT_S = 1.2
SERVICE = ServerDescription("the page", "kiosk.host", "set kiosk.port")
_SPARE_CONNECTIONS = 256
"""For everything but viewers' streams."""
_SEND_BUFFER = 32 * 1024
"""Bytes that the kernel may hold back for one slow viewer, and so at most some seconds of what is past."""


class Server:
    """``start`` and ``stop`` may be called again and again; a free port that was found is kept."""

    def __init__(self, kiosk: Kiosk) -> None:
        self._kiosk = kiosk
        self._host = kiosk.settings.host
        self._port = kiosk.settings.port
        self._thread: threading.Thread | None = None
        self._server: uvicorn.Server | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._failure: BaseException | None = None

    @property
    def url(self) -> str:
        """Return the address under which this machine reaches it."""
        scheme = "http" if self._kiosk.tls is None else "https"
        return f"{scheme}://{in_url(local_address(self._host))}:{self._port}"

    @property
    def certificate(self) -> Certificate | None:
        """Return the certificate that it shows over HTTPS."""
        return None if self._kiosk.tls is None else self._kiosk.tls.certificate

    def start(self) -> None:
        """Serve; returns once connections are accepted.

        Raises:
            SinkError: the address cannot be served.
        """
        if self._thread is not None:
            return
        listener = _listen(self._host, self._port)
        self._port = int(listener.getsockname()[1])
        self._failure = None
        self._server = server = _make(self._kiosk)
        self._thread = threading.Thread(target=self._run, args=(server, listener), name="kiosk", daemon=True)
        self._thread.start()
        deadline = time.monotonic() + _START_TIMEOUT_S
        while not server.started:
            if not self._thread.is_alive() or time.monotonic() > deadline:
                self.stop()
                msg = f"the page cannot be served: {self._failure or 'the server did not start'}"
                raise SinkError(msg)
            time.sleep(0.01)
        _LOG.info("the page is served at %s", self.url)

    def stop(self) -> None:
        """End all connections and free the port; harmless when repeated."""
        thread, self._thread = self._thread, None
        if thread is None:
            return
        if self._server is not None:
            self._server.should_exit = True
        if self._loop is not None:
            # closed where the server failed of itself
            with contextlib.suppress(RuntimeError):
                self._loop.call_soon_threadsafe(self._kiosk.hush)
        thread.join(_STOP_TIMEOUT_S)
        if thread.is_alive():
            _LOG.warning("the page's server did not stop in time and is left behind")

    def _run(self, server: uvicorn.Server, listener: socket.socket) -> None:
        try:
            asyncio.run(self._serve(server, listener))
        except BaseException as error:  # noqa: BLE001 - uvicorn ends with SystemExit as well; told by start, or here
            self._failure = error
            if server.started:
                _LOG.error("the page's server failed: %s", error)
        finally:
            listener.close()

    async def _serve(self, server: uvicorn.Server, listener: socket.socket) -> None:
        self._loop = asyncio.get_running_loop()
        self._kiosk.begin(self._loop)
        watches = [asyncio.create_task(watch) for watch in self._kiosk.watches()]
        try:
            await server.serve(sockets=[listener])
        finally:
            for watch in watches:
                watch.cancel()
            self._kiosk.end()


def _make(kiosk: Kiosk) -> uvicorn.Server:
    import uvicorn

    from edge.config.networks import Networks
    from edge.kiosk.bounded_server import BoundedServer
    from edge.kiosk.protocol import LimitedProtocol

    settings = uvicorn.Config(
        kiosk.app,
        http=LimitedProtocol,
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        timeout_graceful_shutdown=1,
        h11_max_incomplete_event_size=16 * 1024,
    )
    settings.load()
    if kiosk.tls is not None:
        settings.ssl = kiosk.tls.context
    # it reports its own beginning and end, which is no news beside ours
    logging.getLogger("uvicorn").setLevel(logging.WARNING)
    calm("uvicorn", "uvicorn.error", "asyncio")
    viewers = kiosk.settings.max_viewers
    bounds = ConnectionLimits.of(viewers + _SPARE_CONNECTIONS, viewers // 2 + _SPARE_CONNECTIONS // 2)
    trusted = Networks.of(kiosk.settings.trusted_proxies)
    return BoundedServer(settings, bounds, Refusals(), trusted.__contains__)


def _listen(host: str, port: int) -> socket.socket:
    listener = listen(host, port, SERVICE)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND_BUFFER)  # connections take it over
    return listener
