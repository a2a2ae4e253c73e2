"""A broker inside this process, for one device and programs on the same machine, without installing another.

It is amqtt on a thread and event loop of its own. It speaks MQTT 3.1.1 without TLS, serves only this machine unless
configured otherwise and then only clients with the password, and forgets everything when it stops. Use Mosquitto for
more than that.
"""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import logging
import threading
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any, Self

from edge.config.messaging import EMBEDDED_PORT
from edge.core.errors import ConfigError, HardwareUnavailable, SinkError
from edge.system.installation import adding
from edge.util.sockets import ServerDescription, in_url, listen

if TYPE_CHECKING:
    import socket
    from types import TracebackType

_LOG = logging.getLogger(__name__)
_START_TIMEOUT_S = 10.0
_STOP_TIMEOUT_S = 1.5
SERVICE = ServerDescription("the embedded broker", "mqtt.embedded_host", 'set mqtt.broker = "embedded:PORT"')
_SESSION_EXPIRY_S = 86_400
_LISTENER = "default"


class EmbeddedBroker:
    """Embedded broker that can be started and stopped repeatedly; port 0 selects a free one, see ``port``."""

    def __init__(
        self,
        port: int = EMBEDDED_PORT,
        host: str = "127.0.0.1",
        *,
        username: str | None = None,
        password: str | None = None,
        own_client_id: str | None = None,
    ) -> None:
        """Set the address and, beyond this machine, the credentials that every client must present.

        ``own_client_id`` is the device's, which no other process may use.

        Raises:
            ConfigError: The broker would be reachable from other machines without a password.
        """
        check_credentials(host, username=username, password=password)
        self._credentials = (username, password) if username and password else None
        self._own_client_id = own_client_id
        self.host = host
        self.port = port
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stopping: asyncio.Event | None = None

    def start(self) -> None:
        """Start serving; return once connections are accepted.

        Raises:
            SinkError: The port cannot be used.
            HardwareUnavailable: amqtt is not installed.
        """
        if self._thread is not None:
            return
        broker_class = _import_amqtt()
        listener = _listen(self.host, self.port)
        self.port = int(listener.getsockname()[1])
        started: Future[None] = Future()
        thread = threading.Thread(
            target=self._run, args=(broker_class, listener, started), name="mqtt-broker", daemon=True
        )
        thread.start()
        try:
            started.result(_START_TIMEOUT_S)
        except TimeoutError:
            msg = f"the embedded broker did not start within {_START_TIMEOUT_S:g} s"
            raise SinkError(msg) from None
        self._thread = thread
        _LOG.info("the embedded broker serves mqtt://%s:%d", in_url(self.host), self.port)

    def stop(self) -> None:
        """Close all connections and free the port; idempotent."""
        thread, self._thread = self._thread, None
        loop, stopping = self._loop, self._stopping
        if thread is None or loop is None or stopping is None:
            return
        # the loop is closed if the broker failed
        with contextlib.suppress(RuntimeError):
            loop.call_soon_threadsafe(stopping.set)
        thread.join(_STOP_TIMEOUT_S + 0.4)
        if thread.is_alive():
            _LOG.warning("the embedded broker did not stop in time; its thread is abandoned")

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _run(self, broker_class: Any, listener: socket.socket, started: Future[None]) -> None:
        try:
            asyncio.run(self._serve(broker_class, listener, started))
        except Exception as error:  # noqa: BLE001 - passed to the thread that waits for the start
            if started.done():
                _LOG.error("the embedded broker failed: %s", error)
            else:
                started.set_exception(SinkError(f"the embedded broker cannot start: {error}"))
        finally:
            listener.close()

    async def _serve(self, broker_class: Any, listener: socket.socket, started: Future[None]) -> None:
        from edge.sinks.mqtt.admission import ClientAdmission

        loop = asyncio.get_running_loop()
        self._loop, self._stopping = loop, asyncio.Event()
        broker = broker_class(_settings(self._credentials))
        await broker.start()
        admission = ClientAdmission(broker, _LISTENER, credentials=self._credentials, own_client_id=self._own_client_id)
        loop.add_reader(listener.fileno(), admission.accept_next, listener)
        started.set_result(None)
        await self._stopping.wait()
        loop.remove_reader(listener.fileno())
        listener.close()
        await admission.close_all()
        try:
            await asyncio.wait_for(broker.shutdown(), _STOP_TIMEOUT_S)
        except TimeoutError:
            _LOG.warning("the embedded broker still had work when it was stopped")


def check_credentials(host: str, *, username: str | None, password: str | None) -> None:
    """Check that clients on other machines need a password.

    Raises:
        ConfigError: They would not.
    """
    if not (username and password) and not ipaddress.ip_address(host).is_loopback:
        msg = (
            f"mqtt.embedded_host: beyond this machine ({host}) the embedded broker requires a password: "
            "set mqtt.username and mqtt.password_file"
        )
        raise ConfigError(msg)


def require_package() -> None:
    """Check that amqtt is installed.

    Raises:
        HardwareUnavailable: amqtt is not installed.
    """
    _import_amqtt()


def _settings(credentials: tuple[str, str] | None) -> dict[str, Any]:
    plugins: dict[str, dict[str, Any]] = {"amqtt.plugins.authentication.AnonymousAuthPlugin": {"allow_anonymous": True}}
    if credentials is not None:
        from edge.sinks.mqtt import auth_plugin

        username, password = credentials
        plugins = {auth_plugin.NAME: {"username": username, "password": password}}
    return {
        "listeners": {_LISTENER: {"type": "external"}},
        "plugins": plugins,
        "session_expiry_interval": _SESSION_EXPIRY_S,
    }


def _listen(host: str, port: int) -> socket.socket:
    listener = listen(host, port, SERVICE)
    listener.setblocking(False)
    return listener


def _import_amqtt() -> Any:
    try:
        import amqtt.broker  # noqa: F401 - only to test whether it is installed
    except ImportError:
        msg = f"the embedded broker needs amqtt: {adding('broker')}, or set mqtt.broker to a broker's URL"
        raise HardwareUnavailable(msg) from None
    from edge.sinks.mqtt.bounded_broker import BoundedBroker

    # amqtt logs every client that connects or leaves, and tracebacks of failures that we log in one line
    logging.getLogger("amqtt").setLevel(logging.CRITICAL)
    logging.getLogger("transitions").setLevel(logging.CRITICAL)
    return BoundedBroker
