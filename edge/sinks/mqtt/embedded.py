"""A broker inside this process, for one device and programs on the same machine, with nothing installed beside it.

It is amqtt on a thread and event loop of its own. It speaks MQTT 3.1.1, takes anyone, and forgets everything when it
stops; whoever needs more runs Mosquitto.
"""

from __future__ import annotations

import asyncio
import errno
import ipaddress
import logging
import threading
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any, Self

from edge.errors import HardwareUnavailable, SinkError
from edge.sinks.mqtt.options import EMBEDDED_PORT

if TYPE_CHECKING:
    from types import TracebackType

_LOG = logging.getLogger(__name__)
_START_TIMEOUT_S = 10.0
_STOP_TIMEOUT_S = 1.5
_HIGHEST_PRIVILEGED_PORT = 1023


class EmbeddedBroker:
    """``start`` and ``stop`` may be called again and again; port 0 takes a free one, see ``port``."""

    def __init__(self, port: int = EMBEDDED_PORT, host: str = "127.0.0.1") -> None:
        host = "127.0.0.1" if host == "localhost" else host
        if not ipaddress.ip_address(host).is_loopback:
            msg = f"the embedded broker asks for no password and so serves this machine only, not {host!r}"
            raise SinkError(msg)
        self.host = host
        self.port = port
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stopping: asyncio.Event | None = None

    def start(self) -> None:
        """Serve; returns once connections are accepted.

        Raises:
            SinkError: the port cannot be used.
            HardwareUnavailable: amqtt is not installed.
        """
        if self._thread is not None:
            return
        broker_class = _import_amqtt()
        started: Future[int] = Future()
        thread = threading.Thread(target=self._run, args=(broker_class, started), name="mqtt-broker", daemon=True)
        thread.start()
        try:
            self.port = started.result(_START_TIMEOUT_S)
        except TimeoutError:
            msg = f"the embedded broker did not start within {_START_TIMEOUT_S:g} s"
            raise SinkError(msg) from None
        self._thread = thread
        _LOG.info("the embedded broker serves mqtt://%s:%d", self.host, self.port)

    def stop(self) -> None:
        """End all connections and free the port; harmless when repeated."""
        thread, self._thread = self._thread, None
        loop, stopping = self._loop, self._stopping
        if thread is None or loop is None or stopping is None:
            return
        loop.call_soon_threadsafe(stopping.set)
        thread.join(_STOP_TIMEOUT_S + 0.4)
        if thread.is_alive():
            _LOG.warning("the embedded broker did not stop in time and is left behind")

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _run(self, broker_class: Any, started: Future[int]) -> None:
        try:
            asyncio.run(self._serve(broker_class, started))
        except Exception as error:  # noqa: BLE001 - the thread's last word, handed to whoever waits for it
            if started.done():
                _LOG.error("the embedded broker failed: %s", error)
            else:
                started.set_exception(_as_sink_error(error, self.host, self.port))

    async def _serve(self, broker_class: Any, started: Future[int]) -> None:
        self._loop, self._stopping = asyncio.get_running_loop(), asyncio.Event()
        broker = broker_class(_settings(self.host, self.port))
        await broker.start()
        started.set_result(_port_of(broker))
        await self._stopping.wait()
        try:
            await asyncio.wait_for(broker.shutdown(), _STOP_TIMEOUT_S)
        except TimeoutError:
            _LOG.warning("the embedded broker still had work when it was stopped")


def _import_amqtt() -> Any:
    try:
        from amqtt.broker import Broker
    except ImportError:
        msg = "the embedded broker needs amqtt: pip install 'face-edge[broker]', or set mqtt.broker to a broker's URL"
        raise HardwareUnavailable(msg) from None
    # it reports every client that comes and goes, and its own failures with tracebacks that we put into one line
    logging.getLogger("amqtt").setLevel(logging.CRITICAL)
    logging.getLogger("transitions").setLevel(logging.CRITICAL)
    return Broker


def _settings(host: str, port: int) -> dict[str, Any]:
    bind = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    return {
        "listeners": {"default": {"type": "tcp", "bind": bind}},
        "plugins": {"amqtt.plugins.authentication.AnonymousAuthPlugin": {"allow_anonymous": True}},
    }


def _port_of(broker: Any) -> int:
    """The port in use, which port 0 leaves to the system."""
    sockets = broker._servers["default"].instance.sockets  # noqa: SLF001 - amqtt tells it nowhere else
    return int(sockets[0].getsockname()[1])


def _as_sink_error(error: Exception, host: str, port: int) -> SinkError:
    """One line for what amqtt wraps around the system's answer."""
    system: BaseException | None = error
    while system is not None and not isinstance(system, OSError):
        system = system.__cause__ or system.__context__
    if system is None:
        return SinkError(f"the embedded broker cannot start: {error}")
    if system.errno == errno.EADDRINUSE:
        return SinkError(f'port {port} is taken by another program: stop it or set mqtt.broker = "embedded:PORT"')
    if system.errno in {errno.EACCES, errno.EPERM} and port <= _HIGHEST_PRIVILEGED_PORT:
        return SinkError(f'port {port} needs privileges: set mqtt.broker = "embedded:PORT" with a port above 1023')
    return SinkError(f"the embedded broker cannot serve {host}:{port}: {system.strerror or system}")
