"""The embedded broker under attack: what strangers and clients can take from it, and what the device keeps."""

from __future__ import annotations

import contextlib
import json
import logging
import resource
import socket
import struct
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import pytest

from edge.sinks.mqtt.embedded import EmbeddedBroker

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

pytest.importorskip("amqtt", reason="amqtt is not installed: pip install -e '.[broker]'")

from edge.sinks.mqtt import admission, bounded_broker, packet_streams

OWN = "face-edge-n1"
TAKEN, REFUSED_IDENTIFIER, REFUSED_BUSY, REFUSED_CREDENTIALS = 0, 2, 3, 5


@pytest.fixture
def broker() -> Iterator[EmbeddedBroker]:
    with EmbeddedBroker(port=0, own_client_id=OWN) as running:
        yield running


@pytest.fixture
def locked() -> Iterator[EmbeddedBroker]:
    with EmbeddedBroker(port=0, username="hall", password="geheim") as running:
        yield running


@pytest.fixture
def attacker() -> Iterator[Attacker]:
    with contextlib.ExitStack() as opened:
        yield Attacker(opened)


class Attacker:
    """Opens raw connections, which are closed at the end."""

    def __init__(self, opened: contextlib.ExitStack) -> None:
        self._opened = opened

    def connection(self, port: int, *, source: str = "127.0.0.1") -> socket.socket:
        made = socket.create_connection(("127.0.0.1", port), 30, source_address=(source, 0))
        return self._opened.enter_context(made)

    def client(self, port: int, client_id: str, **wishes: Any) -> tuple[socket.socket, int]:
        """``(connection, return code)``; the code is -1 where the broker hangs up."""
        made = self.connection(port)
        made.sendall(connect(client_id, **wishes))
        return made, answer(made)


def text(value: str | bytes) -> bytes:
    data = value.encode() if isinstance(value, str) else value
    return struct.pack("!H", len(data)) + data


def packet(kind: int, body: bytes) -> bytes:
    length, left = b"", len(body)
    while True:
        left, byte = left >> 7, left & 0x7F
        length += bytes([byte | (0x80 if left else 0)])
        if not left:
            return bytes([kind]) + length + body


def connect(client_id: str, *, credentials: tuple[str, str] | None = None, clean: bool = True) -> bytes:
    flags = (2 if clean else 0) | (0xC0 if credentials else 0)
    body = text("MQTT") + bytes([4, flags, 0, 60]) + text(client_id)
    return packet(0x10, body + b"".join(map(text, credentials or ())))


def publish(topic: str, payload: bytes, *, retain: bool = False) -> bytes:
    return packet(0x31 if retain else 0x30, text(topic) + payload)


def subscribe_to(*filters: str) -> bytes:
    return packet(0x82, struct.pack("!H", 1) + b"".join(text(name) + b"\0" for name in filters))


def ping(connection: socket.socket) -> None:
    """Wait until the broker has read everything that was sent before."""
    connection.sendall(packet(0xC0, b""))
    assert connection.recv(2) == b"\xd0\0"


def answer(connection: socket.socket) -> int:
    connection.settimeout(30)
    try:
        said = connection.recv(4)
    except ConnectionResetError:
        return -1
    return said[3] if len(said) == 4 else -1


def is_closed(connection: socket.socket) -> bool:
    connection.settimeout(30)
    try:
        return connection.recv(1) == b""
    except ConnectionResetError:
        return True


@pytest.mark.parametrize("said", [b"", b"\x10", connect("x")[:-1], b"\x10\xff\xff\xff\x7f"])
def test_silent_and_half_open_connections_keep_nobody_out(
    broker: EmbeddedBroker, attacker: Attacker, make_sink: Any, eventually: Callable[..., Any], said: bytes
) -> None:
    for number in range(200):
        attacker.connection(broker.port, source=f"127.0.0.{1 + number % 100}").sendall(said)
    sink = make_sink(f"embedded:{broker.port}")
    sink.open()
    assert eventually(lambda: sink.connected)
    _, code = attacker.client(broker.port, "neighbour")
    assert code == TAKEN


def test_who_says_nothing_is_hung_up_on(
    broker: EmbeddedBroker, attacker: Attacker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(admission, "CONNECT_S", 0.2)
    silent, half = attacker.connection(broker.port), attacker.connection(broker.port)
    half.sendall(connect("x")[:-1])
    assert is_closed(silent)
    assert is_closed(half)


def test_who_stops_within_a_packet_is_hung_up_on(
    broker: EmbeddedBroker, attacker: Attacker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(packet_streams, "PACKET_S", 0.2)
    client, code = attacker.client(broker.port, "slow")
    assert code == TAKEN
    client.sendall(publish("a", b"x" * 1000)[:-1])
    assert is_closed(client)


def test_a_client_that_outlives_its_keepalive_is_hung_up_on(broker: EmbeddedBroker, attacker: Attacker) -> None:
    client = attacker.connection(broker.port)
    client.sendall(packet(0x10, text("MQTT") + bytes([4, 2, 0, 1]) + text("quiet")))
    assert answer(client) == TAKEN
    assert is_closed(client)


def test_a_huge_message_costs_no_memory(
    broker: EmbeddedBroker, attacker: Attacker, subscribe: Any, caplog: pytest.LogCaptureFixture
) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for huge in (publish("a", b"")[:1] + b"\x80\x80\x80\x32", b"\x82\xff\xff\xff\x7f", b"\x30\xff\xff\xff\xff\x7f"):
        client, code = attacker.client(broker.port, "huge")
        assert code == TAKEN
        with contextlib.suppress(OSError):
            client.sendall(huge)
            for _ in range(100):
                client.sendall(bytes(1 << 20))
        assert is_closed(client)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 40_000
    subscribe(broker.port, mqtt5=False)
    assert caplog.records == []


def test_the_longest_message_that_is_taken(broker: EmbeddedBroker, attacker: Attacker, subscribe: Any) -> None:
    listener = subscribe(broker.port, mqtt5=False)
    client, _ = attacker.client(broker.port, "long")
    topic = "face-edge/n1/long"
    client.sendall(publish(topic, b"x" * (packet_streams.PUBLISH_MAX - len(text(topic)))))
    assert len(listener.wait("long")[0].payload) > 65_000


def test_without_the_password_no_client_is_disturbed(
    locked: EmbeddedBroker, attacker: Attacker, caplog: pytest.LogCaptureFixture
) -> None:
    right = ("hall", "geheim")
    victim, code = attacker.client(locked.port, "victim", credentials=right)
    assert code == TAKEN
    victim.sendall(subscribe_to("a"))
    assert victim.recv(5) == bytes([0x90, 3, 0, 1, 0])
    for clean in (True, False):
        for credentials in (None, ("hall", "falsch")):
            _, code = attacker.client(locked.port, "victim", credentials=credentials, clean=clean)
            assert code == REFUSED_CREDENTIALS
    other, _ = attacker.client(locked.port, "other", credentials=right)
    other.sendall(publish("a", b"still here"))
    assert victim.recv(100).endswith(b"still here")
    assert len(caplog.records) == 1


def test_no_other_process_takes_the_devices_client_id(
    broker: EmbeddedBroker, make_sink: Any, eventually: Callable[..., Any]
) -> None:
    sink = make_sink(f"embedded:{broker.port}")
    sink.open()
    assert eventually(lambda: sink.connected)
    script = (
        "import socket, sys\nmade = socket.create_connection(('127.0.0.1', int(sys.argv[1])))\n"
        "made.sendall(bytes.fromhex(sys.argv[2]))\nprint(made.recv(4).hex())"
    )
    command = [sys.executable, "-c", script, str(broker.port)]
    said = subprocess.run([*command, connect(OWN).hex()], check=True, capture_output=True, text=True).stdout
    assert said.strip() == bytes([0x20, 2, 0, REFUSED_IDENTIFIER]).hex()
    said = subprocess.run([*command, connect("other").hex()], check=True, capture_output=True, text=True).stdout
    assert said.strip() == bytes([0x20, 2, 0, TAKEN]).hex()
    assert (sink.connected, sink.reconnects) == (True, 0)


def test_at_the_bound_of_clients_the_device_still_comes_in(
    broker: EmbeddedBroker,
    attacker: Attacker,
    make_sink: Any,
    eventually: Callable[..., Any],
    caplog: pytest.LogCaptureFixture,
) -> None:
    codes = [attacker.client(broker.port, f"client-{number}")[1] for number in range(admission.CLIENTS + 5)]
    assert codes == [TAKEN] * admission.CLIENTS + [REFUSED_BUSY] * 5
    sink = make_sink(f"embedded:{broker.port}")
    sink.open()
    assert eventually(lambda: sink.connected)
    said = [record.message for record in caplog.records if record.levelno >= logging.WARNING]
    assert said == ["the embedded broker: the maximum number of clients is connected: further clients are refused"]


@pytest.mark.parametrize("client_id", ["x" * (admission.CLIENT_ID_MAX + 1), "a\nb", "a\0b"])
def test_strange_client_ids_are_refused(broker: EmbeddedBroker, attacker: Attacker, client_id: str) -> None:
    assert attacker.client(broker.port, client_id)[1] == REFUSED_IDENTIFIER


def test_subscriptions_are_bounded(broker: EmbeddedBroker, attacker: Attacker) -> None:
    client, _ = attacker.client(broker.port, "greedy")
    count = bounded_broker.SUBSCRIPTIONS_PER_CLIENT
    codes = b""
    for name in [*(f"a/{number}" for number in range(count + 1)), "a/" * 40, "b" * 600]:
        client.sendall(subscribe_to(name))
        codes += client.recv(5)[4:]
    assert codes == bytes(count) + b"\x80\x80\x80"


def test_retained_messages_are_bounded_and_the_devices_are_kept(  # noqa: PLR0917 - fixtures
    broker: EmbeddedBroker,
    attacker: Attacker,
    make_sink: Any,
    messages: Any,
    subscribe: Any,
    eventually: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(bounded_broker, "RETAINED_BYTES", 200_000)
    sink = make_sink(f"embedded:{broker.port}")
    sink.open()
    sink.handle(messages.info())
    assert eventually(lambda: sink.connected and not sink.queue_depth)
    client, _ = attacker.client(broker.port, "flood")
    for number in range(20):
        client.sendall(publish(f"face-edge/x/{number}", bytes([number]) * 20_000, retain=True))
    client.settimeout(30)
    ping(client)

    def heard() -> int:
        late = subscribe(broker.port, mqtt5=False)
        assert json.loads(late.wait("info")[0].payload)["node"]
        return sum(len(late.of(str(number))) for number in range(20))

    assert eventually(lambda: 0 < heard() < 10)


def test_a_subscriber_that_reads_nothing_is_dropped_and_holds_nobody_up(
    broker: EmbeddedBroker,
    attacker: Attacker,
    subscribe: Any,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(bounded_broker, "UNWRITTEN_MAX", 50)
    monkeypatch.setattr(packet_streams, "DRAIN_S", 0.5)
    lazy, _ = attacker.client(broker.port, "lazy")
    lazy.sendall(subscribe_to("#"))
    listener = subscribe(broker.port, mqtt5=False)
    client, _ = attacker.client(broker.port, "loud")
    for _ in range(200):
        client.sendall(publish("face-edge/n1/loud", b"x" * 50_000))
    client.sendall(publish("face-edge/n1/last", b"last"))
    listener.wait("last")
    assert drained(lazy)
    assert caplog.records == []


def test_when_others_have_filled_the_retained_messages_the_devices_are_still_kept(  # noqa: PLR0917 - fixtures
    broker: EmbeddedBroker,
    attacker: Attacker,
    make_sink: Any,
    messages: Any,
    subscribe: Any,
    eventually: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(bounded_broker, "RETAINED", 3)
    client, _ = attacker.client(broker.port, "")
    for number in range(5):
        client.sendall(publish(f"face-edge/x/{number}", b"x", retain=True))
    ping(client)
    sink = make_sink(f"embedded:{broker.port}")
    sink.open()
    sink.handle(messages.info())
    assert eventually(lambda: sink.connected and not sink.queue_depth)

    def is_kept() -> bool:
        late = subscribe(broker.port, mqtt5=False)
        late.publish("face-edge/x/sign", "that all retained came")
        late.wait("sign")
        return bool(late.of("info"))

    assert eventually(is_kept)


def test_clients_without_an_id_get_one_each(broker: EmbeddedBroker, attacker: Attacker) -> None:
    first, code = attacker.client(broker.port, "")
    second, again = attacker.client(broker.port, "")
    assert (code, again) == (TAKEN, TAKEN)
    for client in (first, second):
        ping(client)


def drained(connection: socket.socket) -> bool:
    """True where the connection ends after what was sent to it."""
    connection.settimeout(30)
    try:
        while connection.recv(1 << 20):
            pass
    except ConnectionResetError:
        pass
    return True


def test_a_flood_of_messages_is_slowed_down_and_the_device_is_not(
    broker: EmbeddedBroker, attacker: Attacker, make_sink: Any, messages: Any, eventually: Callable[..., Any]
) -> None:
    sink = make_sink(f"embedded:{broker.port}")
    sink.open()
    assert eventually(lambda: sink.connected)
    client, _ = attacker.client(broker.port, "flood")
    client.setblocking(False)
    flood, sent, until_s = publish("a", b"x") * 1000, 0, time.monotonic() + 3
    while time.monotonic() < until_s:
        with contextlib.suppress(BlockingIOError):
            sent += client.send(flood)
        time.sleep(0.01)
    for number in range(50):
        sink.handle(messages.event(number))
    assert eventually(lambda: sink.queue_depth == 0)
    assert sink.reconnects == 0
    # beyond the budget it waits in the sockets' buffers, which take a few MB
    assert sent < 40e6


def received(connection: socket.socket) -> list[tuple[str, bytes]]:
    """Messages of every QoS that come until the answer to a ping, each acknowledged: topic and payload."""
    connection.settimeout(30)
    connection.sendall(packet(0xC0, b""))
    found: list[tuple[str, bytes]] = []
    while True:
        kind = exactly(connection, 1)[0]
        length, shift = 0, 0
        while True:
            byte = exactly(connection, 1)[0]
            length, shift = length | (byte & 0x7F) << shift, shift + 7
            if not byte & 0x80:
                break
        body = exactly(connection, length)
        if kind == 0xD0:
            return found
        if kind & 0xF0 == 0x30:
            end = 2 + int.from_bytes(body[:2], "big")
            topic, number = body[2:end].decode(), body[end : end + 2] if kind & 6 else b""
            if number:
                connection.sendall(packet(0x40, number))
            found.append((topic, body[end + len(number) :]))


def exactly(connection: socket.socket, count: int) -> bytes:
    data = b""
    while len(data) < count:
        piece = connection.recv(count - len(data))
        assert piece, "the broker has hung up"
        data += piece
    return data


@pytest.fixture
def absent(
    locked: EmbeddedBroker, attacker: Attacker, eventually: Callable[..., Any]
) -> Callable[[list[bytes]], list[bytes]]:
    """``absent(payloads)``: what a client with a session gets of those that were published while it was away."""

    def run(payloads: list[bytes]) -> list[bytes]:
        right = ("hall", "geheim")
        client, _ = attacker.client(locked.port, "away", credentials=right, clean=False)
        client.sendall(packet(0x82, struct.pack("!H", 1) + text("kept/#") + b"\1"))
        assert exactly(client, 5) == bytes([0x90, 3, 0, 1, 1])
        client.sendall(packet(0xE0, b""))
        assert is_closed(client)
        loud, _ = attacker.client(locked.port, "loud", credentials=right)
        for number, payload in enumerate(payloads):
            loud.sendall(packet(0x32, text("kept/a") + struct.pack("!H", number + 1) + payload))
            assert exactly(loud, 4)[0] == 0x40
        sign, _ = attacker.client(locked.port, "sign", credentials=right)
        sign.sendall(subscribe_to("sign"))
        exactly(sign, 5)
        loud.sendall(publish("sign", b""))
        assert eventually(lambda: received(sign)), "all before it was handed out"
        again, code = attacker.client(locked.port, "away", credentials=right, clean=False)
        assert code == TAKEN
        came: list[bytes] = []

        def is_all() -> bool:
            came.extend(data for _, data in received(again))
            return came[-1:] == payloads[-1:]

        assert eventually(is_all)
        return came

    return run


def test_of_many_messages_for_an_absent_client_the_latest_wait(
    absent: Callable[..., list[bytes]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bounded_broker, "WAITING_PER_SESSION", 5)
    assert absent([b"%d" % number for number in range(20)]) == [b"15", b"16", b"17", b"18", b"19"]


def test_of_long_messages_for_an_absent_client_as_many_bytes_wait_as_may(
    absent: Callable[..., list[bytes]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bounded_broker, "WAITING_BYTES_PER_SESSION", 1000)
    assert [data[:1] for data in absent([b"%d" % number + bytes(399) for number in range(6)])] == [b"4", b"5"]


def test_sessions_are_bounded_and_those_that_are_known_come_back(
    broker: EmbeddedBroker,
    attacker: Attacker,
    make_sink: Any,
    eventually: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(admission, "SESSIONS", 3)
    for number in range(3):
        client, code = attacker.client(broker.port, f"kept-{number}", clean=False)
        assert code == TAKEN
        client.sendall(packet(0xE0, b""))
        assert is_closed(client)
    assert attacker.client(broker.port, "one-more", clean=False)[1] == REFUSED_BUSY
    assert attacker.client(broker.port, "kept-1", clean=False)[1] == TAKEN
    sink = make_sink(f"embedded:{broker.port}")
    sink.open()
    assert eventually(lambda: sink.connected)


def test_another_machine_gets_its_share_of_the_clients(
    broker: EmbeddedBroker, attacker: Attacker, monkeypatch: pytest.MonkeyPatch, eventually: Callable[..., Any]
) -> None:
    site = admission._site
    monkeypatch.setattr(admission, "_site", lambda address: address if address == "127.0.0.9" else site(address))
    codes, made = [], []
    for number in range(admission.CLIENTS_PER_ADDRESS + 3):
        made.append(attacker.connection(broker.port, source="127.0.0.9"))
        made[-1].sendall(connect(f"far-{number}"))
        codes.append(answer(made[-1]))
    assert codes == [TAKEN] * admission.CLIENTS_PER_ADDRESS + [REFUSED_BUSY] * 3
    assert attacker.client(broker.port, "here")[1] == TAKEN
    made[0].close()

    def is_taken() -> bool:
        again = attacker.connection(broker.port, source="127.0.0.9")
        again.sendall(connect("again"))
        return answer(again) == TAKEN

    assert eventually(is_taken), "a place is free again"


def test_filters_of_all_clients_are_bounded_together(
    broker: EmbeddedBroker, attacker: Attacker, monkeypatch: pytest.MonkeyPatch, eventually: Callable[..., Any]
) -> None:
    each = bounded_broker.SUBSCRIPTIONS_PER_CLIENT
    monkeypatch.setattr(bounded_broker, "SUBSCRIPTIONS", 3 * each)  # with all, its own search takes half a minute
    clients = []
    for number in range(bounded_broker.SUBSCRIPTIONS // each + 1):
        client, code = attacker.client(broker.port, f"many-{number}")
        assert code == TAKEN
        clients.append(client)
        client.sendall(subscribe_to(*(f"a/{number}/{index}" for index in range(each))))
        codes = exactly(client, 4 + each)[4:]
        full = number == bounded_broker.SUBSCRIPTIONS // each
        assert codes == (b"\x80" * each if full else bytes(each))
    clients[0].sendall(packet(0xE0, b""))
    assert is_closed(clients[0])

    def is_taken() -> bool:
        clients[-1].sendall(subscribe_to("a/last"))
        return exactly(clients[-1], 5)[4:] == b"\0"

    assert eventually(is_taken), "a client that has gone leaves its filters to others"


def test_retained_messages_go_to_the_client_that_asked_and_to_no_other(
    broker: EmbeddedBroker, attacker: Attacker, eventually: Callable[..., Any]
) -> None:
    loud, _ = attacker.client(broker.port, "loud")
    loud.sendall(publish("a/one", b"kept", retain=True))
    ping(loud)
    first, _ = attacker.client(broker.port, "first")
    first.sendall(subscribe_to("a/#"))
    assert exactly(first, 5)[4] == 0
    came: list[tuple[str, bytes]] = []

    def is_there() -> bool:
        came.extend(received(first))
        return came == [("a/one", b"kept")]

    assert eventually(is_there)
    for number in range(3):
        other, _ = attacker.client(broker.port, f"other-{number}")
        other.sendall(subscribe_to("b/#", f"a/{number}"))
        exactly(other, 6)
        assert received(other) + received(other) == []
    assert received(first) == []
