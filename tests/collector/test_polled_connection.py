"""The end of a connection, against a broker that still sends."""

from __future__ import annotations

import socket
import threading
import time
from typing import TYPE_CHECKING

from edge.collector.connect_options import ConnectOptions
from edge.collector.polled_connection import PolledConnection
from edge.sinks.mqtt.options import Options

if TYPE_CHECKING:
    from collections.abc import Callable

_CONNACK = bytes([0x20, 3, 0, 0, 0])
_TOPIC = b"face-edge/n1/event"
_PUBACK, _DISCONNECT = b"\x40", b"\xe0"


def _publish(number: int) -> bytes:
    body = len(_TOPIC).to_bytes(2, "big") + _TOPIC + number.to_bytes(2, "big") + b"\x00" + b"{}"
    return bytes([0x32, len(body)]) + body


class Busy:
    """A broker that sends before it reads, is slow at it, and hangs up after DISCONNECT."""

    def __init__(self) -> None:
        self.read = b""
        self.error: OSError | None = None
        self.one_was_taken = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        with self._listener, self._listener.accept()[0] as line:
            line.recv(4096)
            line.sendall(_CONNACK + _publish(1))
            self.one_was_taken.wait(60)
            line.sendall(b"".join(map(_publish, range(2, 400))))
            time.sleep(0.3)  # busy with others, while the client says goodbye
            try:
                line.sendall(b"".join(map(_publish, range(400, 800))))  # Mosquitto, too, writes before it reads
                while _DISCONNECT not in self.read and (data := line.recv(4096)):
                    self.read += data
            except OSError as error:
                self.error = error

    def join(self) -> None:
        self._thread.join(60)
        assert not self._thread.is_alive()


def test_receipts_reach_a_broker_that_still_sends(eventually: Callable[..., bool]) -> None:
    broker, taken = Busy(), list[int]()
    options = Options("127.0.0.1", broker.port, "x", None, None, None, keepalive_s=10)
    terms = ConnectOptions(
        session_expiry_s=60, clean_start=False, receive_maximum=500, packet_max_bytes=65536, manual_ack=True
    )
    link = PolledConnection(options, terms, on_message=lambda message: taken.append(message.mid))
    link.open()

    def turn() -> bool:
        link.write()
        link.read()
        return bool(taken)

    assert eventually(turn)
    broker.one_was_taken.set()
    time.sleep(0.1)  # the others lie here, unread
    link.acknowledge(1)
    link.part(60)
    link.abandon()
    broker.join()
    assert broker.error is None
    assert broker.read.startswith(_PUBACK)
    assert _DISCONNECT in broker.read
    assert taken == [1]


def test_parting_from_a_broker_that_keeps_the_line_takes_no_longer_than_it_may() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        options = Options("127.0.0.1", silent.getsockname()[1], "x", None, None, None, keepalive_s=10)
        terms = ConnectOptions(
            session_expiry_s=60, clean_start=False, receive_maximum=500, packet_max_bytes=65536, manual_ack=True
        )
        link = PolledConnection(options, terms)
        link.open()
        with silent.accept()[0]:
            begun_s = time.monotonic()
            link.part(0.2)
            assert 0.1 < time.monotonic() - begun_s < 60
        link.part(0.2)  # harmless when repeated
        link.abandon()
