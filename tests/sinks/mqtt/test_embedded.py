from __future__ import annotations

import builtins
import json
import logging
import socket
from typing import TYPE_CHECKING, Any

import pytest
from paho.mqtt import client as paho
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from edge.config import MqttConfig
from edge.core.errors import ConfigError, HardwareUnavailable, SinkError
from edge.core.events import CameraStatus
from edge.sinks.mqtt.client import Client
from edge.sinks.mqtt.embedded import EmbeddedBroker
from edge.sinks.mqtt.options import options
from edge.sinks.mqtt.outgoing import Outgoing
from edge.sinks.mqtt.topics import Publication, Topics

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def broker() -> Iterator[EmbeddedBroker]:
    pytest.importorskip("amqtt", reason="amqtt is not installed: pip install -e '.[broker]'")
    with EmbeddedBroker(port=0) as running:
        yield running


def test_everything_arrives_with_its_retain_flag_in_mqtt_3(
    broker: EmbeddedBroker, subscribe: Any, make_sink: Any, messages: Any, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    live = subscribe(broker.port, mqtt5=False)
    sink = make_sink(f"embedded:{broker.port}")
    sink.open()
    for message in (messages.info(), messages.health(), CameraStatus.PAUSED, messages.state(4)):
        sink.handle(message)
    for number in range(50):
        sink.handle(messages.event(number))
    assert [json.loads(message.payload)["seq"] for message in live.wait("event", 50)] == list(range(50))
    assert {message.qos for message in live.of("event")} == {1}
    late = subscribe(broker.port, mqtt5=False)
    for kind, payload in (("availability", "online"), ("camera", "paused")):
        first = late.wait(kind)[0]
        assert (first.payload, first.retain) == (payload, True)
    for kind in ("info", "health", "state"):
        assert late.wait(kind)[0].retain
    assert late.of("event") == []
    sink.close()
    live.wait_payload("availability", "offline")
    assert sink.queue_depth == 0
    said = [record.message for record in caplog.records if record.name.startswith(("amqtt", "transitions", "edge"))]
    assert said == [f"connected to mqtt://127.0.0.1:{broker.port} as face-edge-n1 over MQTT 3.1.1"]


def test_a_killed_client_leaves_its_last_will(
    broker: EmbeddedBroker, subscribe: Any, run_device: Any, eventually: Any
) -> None:
    subscriber = subscribe(broker.port, mqtt5=False)
    device = run_device(f"embedded:{broker.port}")
    subscriber.wait_payload("availability", "online")
    device.kill()
    subscriber.wait_payload("availability", "offline")

    def is_retained() -> bool:
        first = subscribe(broker.port, mqtt5=False).wait("availability")[0]
        return (first.payload, first.retain) == ("offline", True)

    # amqtt tells who listens first and keeps the message after that
    assert eventually(is_retained)


def test_a_broker_that_misreads_mqtt_5_is_spoken_to_in_3(
    broker: EmbeddedBroker, subscribe: Any, make_outbox: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """amqtt refuses a short MQTT 5 CONNECT, but waits for the rest of one that has a last will."""
    caplog.set_level(logging.INFO, "edge.sinks.mqtt")
    subscriber = subscribe(broker.port, mqtt5=False)
    made = options(MqttConfig(broker=f"mqtt://127.0.0.1:{broker.port}"), "n1")
    topics, outgoing = Topics.of("face-edge", "n1"), Outgoing(make_outbox())
    client = Client(lambda: made, topics, outgoing, answer_timeout_s=0.3)
    client.start()
    client.publish(Publication(topics.event, "{}"))
    subscriber.wait("event")
    assert client.stop()
    assert caplog.messages == [f"connected to {made.address} as face-edge-n1 over MQTT 3.1.1"]


def test_it_stops_soon_with_clients_connected_and_may_start_again(
    broker: EmbeddedBroker, make_sink: Any, eventually: Any, stopwatch: Any
) -> None:
    sink = make_sink(f"embedded:{broker.port}")
    sink.open()
    assert eventually(lambda: sink.connected)
    with stopwatch() as took:
        broker.stop()
        broker.stop()
    assert took.seconds < 2
    with socket.socket() as sock:
        assert sock.connect_ex(("127.0.0.1", broker.port)) != 0
    assert eventually(lambda: not sink.connected)
    broker.start()
    broker.start()
    assert eventually(lambda: sink.connected)
    assert sink.reconnects == 1


def hung_up(connection: socket.socket) -> bool:
    """True for an end, or for a reset, which a client meets that was not accepted yet."""
    try:
        return connection.recv(1) == b""
    except ConnectionResetError:
        return True


def test_it_stops_soon_with_a_client_that_says_nothing(
    broker: EmbeddedBroker, caplog: pytest.LogCaptureFixture
) -> None:
    with socket.create_connection(("127.0.0.1", broker.port)) as silent, socket.socket() as half:
        half.connect(("127.0.0.1", broker.port))
        half.sendall(bytes([0x10, 60, 0, 4]))
        broker.stop()
        silent.settimeout(5)
        assert hung_up(silent)
    assert caplog.records == []


def test_rubbish_harms_nobody(broker: EmbeddedBroker, subscribe: Any, caplog: pytest.LogCaptureFixture) -> None:
    subscriber = subscribe(broker.port, mqtt5=False)
    for rubbish in (b"GET / HTTP/1.1\r\n\r\n", b"\xff" * 64, b"\x10\x02\x00\x00", b"\x30\x00", b"\x10"):
        with socket.create_connection(("127.0.0.1", broker.port)) as client:
            client.sendall(rubbish)
    other = subscribe(broker.port, mqtt5=False)
    other.publish("face-edge/x", "still here")
    subscriber.wait_payload("x", "still here")
    assert caplog.records == []


def test_a_taken_port_is_one_clear_line(caplog: pytest.LogCaptureFixture) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(SinkError) as caught:
            EmbeddedBroker(port=port).start()
    assert str(caught.value) == (
        f'port {port} is used by another program: stop it or set mqtt.broker = "embedded:PORT"'
    )
    assert caught.value.exit_code == 7
    assert caplog.records == []


def test_a_second_broker_on_the_port_of_the_first_is_refused(broker: EmbeddedBroker) -> None:
    with pytest.raises(SinkError, match=f"port {broker.port} is used by another program"):
        EmbeddedBroker(port=broker.port).start()


def test_beyond_this_machine_it_wants_a_password() -> None:
    with pytest.raises(ConfigError, match=r"beyond this machine \(0\.0\.0\.0\) .* set mqtt\.username"):
        EmbeddedBroker(host="0.0.0.0")
    with pytest.raises(ConfigError, match=r"set mqtt\.username and mqtt\.password_file"):
        EmbeddedBroker(host="::", username="hall")


@pytest.fixture
def locked() -> Iterator[EmbeddedBroker]:
    pytest.importorskip("amqtt", reason="amqtt is not installed: pip install -e '.[broker]'")
    with EmbeddedBroker(port=0, host="0.0.0.0", username="hall", password="geheim") as running:
        yield running


@pytest.mark.parametrize(
    "credentials", [None, ("hall", "falsch"), ("foyer", "geheim"), ("hall", ""), ("", "geheim"), ("hall", "geheim ")]
)
def test_without_the_password_nobody_comes_in(locked: EmbeddedBroker, credentials: tuple[str, str] | None) -> None:
    answers: list[Any] = []
    client = paho.Client(CallbackAPIVersion.VERSION2, protocol=MQTTProtocolVersion.MQTTv311)
    if credentials is not None:
        client.username_pw_set(*credentials)
    client.on_connect = lambda _client, _data, _flags, reason, _properties: answers.append(reason)
    client.connect("127.0.0.1", locked.port)
    for _ in range(100):
        if client.loop(0.05) or answers:
            break
    client.disconnect()
    client._reset_sockets()
    assert answers
    assert answers[0].is_failure


def test_with_the_password_the_device_and_its_neighbours_meet(
    locked: EmbeddedBroker, subscribe: Any, make_sink: Any, messages: Any, tmp_path: Path
) -> None:
    (tmp_path / "password").write_text("geheim\n")
    neighbour = subscribe(locked.port, mqtt5=False, credentials=("hall", "geheim"))
    sink = make_sink(
        f"embedded:{locked.port}",
        embedded_host="0.0.0.0",
        username="hall",
        password_file=tmp_path / "password",
    )
    sink.open()
    sink.handle(messages.event(0))
    assert json.loads(neighbour.wait("event")[0].payload)["seq"] == 0
    sink.close()


def test_without_amqtt_the_remedy_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without_amqtt(name: str, *arguments: Any, **keywords: Any) -> Any:
        if name.startswith("amqtt"):
            raise ImportError(name)
        return real(name, *arguments, **keywords)

    monkeypatch.setattr(builtins, "__import__", without_amqtt)
    with pytest.raises(HardwareUnavailable, match=r"pip install -e '\.\[broker\]'"):
        EmbeddedBroker(port=0).start()
