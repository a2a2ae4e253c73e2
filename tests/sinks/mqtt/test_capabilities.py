"""Brokers that can do less: no retained messages, QoS 0 only, no wildcards, small packets; and what a port speaks."""

from __future__ import annotations

import json
import logging
import os
import signal
import socket
import threading
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from edge.config import Config, MqttConfig
from edge.core.commands import Answer, CommandQueue
from edge.diagnostics import broker as examination
from edge.diagnostics.finding import Status
from edge.sinks.mqtt import probe
from edge.sinks.mqtt.capabilities import QOS_NOT_SUPPORTED, RETAIN_NOT_SUPPORTED, Capabilities
from edge.sinks.mqtt.fence import PATIENCE_S, Fence
from edge.sinks.mqtt.options import options
from edge.sinks.mqtt.receipt import Receipt
from edge.sinks.mqtt.requests import without_wildcards
from edge.sinks.mqtt.topics import Topics

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

OPEN = "allow_anonymous true\n"
TOPICS = Topics.of("face-edge", "n1")


def sequence(subscriber: Any) -> list[int]:
    return [json.loads(message.payload)["seq"] for message in subscriber.of("event")]


def properties(**named: int) -> SimpleNamespace:
    return SimpleNamespace(**named)


def test_what_connack_does_not_name_is_there() -> None:
    assert Capabilities().narrowed(properties()) == Capabilities()
    assert Capabilities().narrowed(None) == Capabilities()
    less = properties(MaximumQoS=0, RetainAvailable=0, WildcardSubscriptionAvailable=0, MaximumPacketSize=500)
    assert Capabilities().narrowed(less) == Capabilities(0, retain=False, wildcards=False, packet_max=500)


def test_what_the_configuration_rules_out_stays_out() -> None:
    config = MqttConfig(broker="mqtt://host", max_qos=0, retain=False)
    configured = Capabilities.configured(options(config, "n1"))
    assert configured.narrowed(properties(MaximumQoS=1, RetainAvailable=1)) == Capabilities(0, retain=False)
    assert configured.form_of(TOPICS.event) == (0, False)
    assert configured.form_of(TOPICS.info) == (0, False)


def test_a_refused_will_is_asked_for_with_less_and_not_for_ever() -> None:
    first = Capabilities().after_refusal(RETAIN_NOT_SUPPORTED)
    assert first == Capabilities(retain=False)
    second = first.after_refusal(QOS_NOT_SUPPORTED)
    assert second == Capabilities(qos=0, retain=False)
    assert second.after_refusal(QOS_NOT_SUPPORTED) is None
    assert second.after_refusal(RETAIN_NOT_SUPPORTED) is None
    assert Capabilities().after_refusal(0x87) is None


class Asking:
    """Counts the requests of a fence."""

    def __init__(self) -> None:
        self.now_s = 0.0
        self.asked: list[int] = []
        self.fence = Fence(self._ask, clock=lambda: self.now_s)

    def _ask(self) -> int:
        self.asked.append(100 + len(self.asked))
        return self.asked[-1]


def numbers(receipts: list[Receipt]) -> list[int]:
    return [receipt.number for receipt in receipts]


def test_what_was_written_counts_when_the_request_behind_it_is_answered() -> None:
    asking = Asking()
    fence = asking.fence
    fence.expect(1)
    fence.expect(2)
    assert numbers(fence.sort([Receipt(1), Receipt(9)])) == [9], "others are confirmed by themselves"
    assert asking.asked == [100]
    assert fence.sort([Receipt(2)]) == [], "written behind the request: it waits for the next one"
    fence.answered(77)
    assert fence.sort([]) == []
    fence.answered(100)
    assert numbers(fence.sort([])) == [1]
    assert asking.asked == [100, 101]
    fence.answered(101)
    assert numbers(fence.sort([])) == [2]


def test_a_broker_that_answers_no_such_request_does_not_hold_events_up_for_ever() -> None:
    asking = Asking()
    fence = asking.fence
    fence.expect(1)
    assert fence.sort([Receipt(1)]) == []
    asking.now_s = PATIENCE_S + 0.1
    assert numbers(fence.sort([])) == [1]
    fence.expect(2)
    assert numbers(fence.sort([Receipt(2)])) == [2]
    assert asking.asked == [100]


@pytest.mark.parametrize(
    ("lines", "settings"),
    [
        ("max_qos 0", {}),
        ("retain_available false", {}),
        ("max_qos 0\nretain_available false", {}),
        ("max_inflight_messages 1", {}),
        ("max_keepalive 10", {}),
        ("", {"max_qos": 0}),
        ("", {"retain": False}),
        ("", {"max_qos": 0, "retain": False}),
    ],
)
@pytest.mark.parametrize("mqtt5", [True, False])
def test_events_reach_a_broker_that_can_do_less(  # noqa: PLR0917 - fixtures
    mosquitto: Any, subscribe: Any, make_sink: Any, messages: Any, relay: Any, eventually: Any,
    *, lines: str, settings: dict[str, Any], mqtt5: bool,
) -> None:  # fmt: skip
    if lines and not mqtt5:
        settings = {"max_qos": 0, "retain": False, "keepalive_s": 5}  # such a broker cannot say it
    broker = mosquitto(OPEN + lines)
    subscriber = subscribe(broker.port)
    way = relay(broker.port, refuse_mqtt5=not mqtt5)
    sink = make_sink(way.uri, **settings)
    sink.open()
    sink.handle(messages.info())
    for number in range(200):
        sink.handle(messages.event(number))
    subscriber.wait("event", 200)
    assert sequence(subscriber) == list(range(200))
    assert eventually(lambda: sink.queue_depth == 0), "all of them are confirmed"
    assert sink.drops == 0
    assert subscriber.wait("availability")[0].payload == "online"
    assert subscriber.wait("info")
    sink.close()
    subscriber.wait_payload("availability", "offline")


@pytest.mark.parametrize("lines", ["max_qos 0", "max_qos 0\nretain_available false"])
def test_no_event_is_lost_where_qos_is_0_and_the_connection_breaks(  # noqa: PLR0917 - fixtures
    mosquitto: Any, subscribe: Any, make_sink: Any, messages: Any, relay: Any, eventually: Any, *, lines: str
) -> None:
    broker = mosquitto(OPEN + lines)
    subscriber = subscribe(broker.port)
    way = relay(broker.port)
    sink = make_sink(way.uri)
    sink.open()
    for round_number in range(6):
        for number in range(50):
            sink.handle(messages.event(50 * round_number + number))
        subscriber.wait("event", 10)
        way.cut()
        way.mend()
    assert eventually(lambda: sink.queue_depth == 0)
    assert eventually(lambda: set(sequence(subscriber)) == set(range(300)))
    assert list(dict.fromkeys(sequence(subscriber))) == list(range(300)), "in order, but for repeats"


def test_the_last_will_is_left_with_a_broker_that_can_do_less(mosquitto: Any, subscribe: Any, run_device: Any) -> None:
    broker = mosquitto(OPEN + "max_qos 0\nretain_available false")
    subscriber = subscribe(broker.port)
    device = run_device(broker.uri)
    subscriber.wait_payload("availability", "online")
    device.kill()
    subscriber.wait_payload("availability", "offline")


def test_what_is_not_retained_is_said_again_to_those_who_come_later(
    mosquitto: Any, subscribe: Any, make_sink: Any, messages: Any, caplog: pytest.LogCaptureFixture
) -> None:
    broker = mosquitto(OPEN + "retain_available false")
    sink = make_sink(broker.uri, heartbeat_s=0.3)
    early = subscribe(broker.port)
    sink.open()
    sink.handle(messages.info())
    early.wait("info")
    late = subscribe(broker.port)
    for kind in ("info", "availability"):
        assert late.wait(kind)[0].retain is False
    said = [message for message in caplog.messages if "retained messages are not kept" in message]
    assert said == [
        f"{broker.uri}: retained messages are not kept, so state and the like are published again every 0.3 s"
    ]


def test_where_it_is_retained_nothing_is_said_twice(
    mosquitto: Any, subscribe: Any, make_sink: Any, messages: Any
) -> None:
    broker = mosquitto()
    subscriber = subscribe(broker.port)
    sink = make_sink(broker.uri, heartbeat_s=0.1)
    sink.open()
    sink.handle(messages.info())
    for number in range(50):
        sink.handle(messages.event(number))
    subscriber.wait("event", 50)
    assert len(subscriber.of("info")) == 1


@pytest.mark.parametrize("lines", ["max_qos 0", "retain_available false"])
def test_requests_are_heard_and_answered(
    mosquitto: Any, subscribe: Any, make_sink: Any, eventually: Any, *, lines: str
) -> None:
    class Prompt(CommandQueue):
        def offer(
            self, _command: Any, answer: Callable[[Answer], None] = lambda _: None, *, remote: bool = False
        ) -> bool:
            assert remote
            answer(Answer({"done": True}))
            return True

    broker = mosquitto(OPEN + lines)
    subscriber = subscribe(broker.port)
    sink = make_sink(broker.uri, inbox=Prompt())
    sink.open()
    subscriber.wait("availability")
    assert eventually(lambda: sink.connected)
    subscriber._client.publish("face-edge/n1/request/marker", json.dumps({"label": "x"}), 0)
    answer = subscriber.wait("response/marker")[0]
    assert json.loads(answer.payload)["status"] == "ok"


def test_a_message_beyond_the_brokers_bound_is_named_with_the_bound(  # noqa: PLR0917 - fixtures
    mosquitto: Any, subscribe: Any, make_sink: Any, messages: Any, caplog: pytest.LogCaptureFixture, eventually: Any
) -> None:
    broker = mosquitto(OPEN + "max_packet_size 250")
    subscriber = subscribe(broker.port)
    sink = make_sink(broker.uri)
    sink.open()
    sink.handle(messages.info())
    sink.handle(messages.state(3))
    subscriber.wait("availability")
    line = "the broker can never accept a message on face-edge/n1/info: packet too large: it takes 250 bytes, raise its"
    assert eventually(lambda: any(message.startswith(line) for message in caplog.messages)), caplog.messages
    assert sink.connected, "the connection is kept"


def connack(*more: tuple[int, int]) -> bytes:
    body = bytes(byte for pair in more for byte in pair)
    return bytes([0x20, 3 + len(body), 0, 0, len(body)]) + body


def filters(seen: bytes) -> set[str]:
    """The topic filters in what a client sent."""
    return {name for name in map(str, LISTENED) if name.encode() in seen}


LISTENED = [
    *(f"face-edge/n1/request/{name}" for name in ("+", "marker", "session_start", "session_stop", "health_check")),
    "face-edge/n1/privacy/set",
    "face-edge/n1/display/set",
]


@pytest.mark.parametrize("wildcards", [True, False])
def test_without_wildcards_each_request_is_subscribed_to(
    scripted_broker: Any, make_sink: Any, eventually: Any, *, wildcards: bool
) -> None:
    broker = scripted_broker(connack((0x28, int(wildcards))))
    sink = make_sink(broker.uri, inbox=CommandQueue())
    sink.open()
    assert eventually(lambda: b"display/set" in broker.seen)
    wanted = {name for name in LISTENED if name.endswith("+") is wildcards or name.endswith("/set")}
    assert eventually(lambda: filters(broker.seen) == wanted), filters(broker.seen)


def test_every_request_has_a_topic_without_wildcards() -> None:
    assert set(without_wildcards(["a/n/request/+", "a/n/privacy/set", "x/+"])) == {
        "a/n/request/marker", "a/n/request/session_start", "a/n/request/session_stop", "a/n/request/health_check",
        "a/n/privacy/set", "x/+",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ("max_qos 0", "only QoS 0 is available"),
        ("retain_available false", "retained messages are not kept"),
        ("max_packet_size 2000", "messages beyond 2,000 bytes are not taken"),
    ],
)
def test_doctor_says_what_a_broker_cannot_do(mosquitto: Any, lines: str, said: str) -> None:
    broker = mosquitto(OPEN + lines)
    finding = examination.broker(Config(mqtt=MqttConfig(broker=broker.uri)))
    assert finding.status is Status.WARN
    assert said in finding.message


def test_doctor_says_who_needs_mqtt_5(relay: Any, mosquitto: Any) -> None:
    way = relay(mosquitto().port, refuse_mqtt5=True)
    finding = examination.broker(Config(mqtt=MqttConfig(broker=way.uri)))
    assert finding.status is Status.OK
    assert finding.message.endswith("MQTT 3.1.1; `face-edge collect` and `simulate` need MQTT 5")


@pytest.fixture
def frozen(mosquitto: Any) -> Iterator[Any]:
    """A broker whose process stands still: the kernel takes connections, nobody answers."""
    broker = mosquitto()
    pid = broker._process.pid
    os.kill(pid, signal.SIGSTOP)
    yield broker
    os.kill(pid, signal.SIGCONT)


@pytest.mark.parametrize("tls", [False, True])
def test_a_broker_that_hangs_is_not_taken_for_one_that_wants_tls(
    frozen: Any, make_sink: Any, certificates: Any, caplog: pytest.LogCaptureFixture, eventually: Any, *, tls: bool
) -> None:
    settings = {"tls": {"ca": certificates.ca}} if tls else {}
    sink = make_sink(frozen.tls_uri if tls else frozen.uri, backoff_max_s=60, **settings)
    sink.open()
    (record,) = eventually(lambda: [record for record in caplog.records if record.name.startswith("edge")])
    assert "does it hang, is it overloaded, or is the port another service's?" in record.message
    assert "mqtts://)" not in record.message
    assert "use mqtt" not in record.message
    assert record.levelno == logging.WARNING, "it may come back by itself"


@pytest.mark.parametrize("tls", [False, True])
def test_a_proxy_without_its_broker_is_not_taken_for_one_that_wants_tls(
    make_sink: Any, certificates: Any, caplog: pytest.LogCaptureFixture, eventually: Any, *, tls: bool
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def hang_up() -> None:
            while True:
                try:
                    listener.accept()[0].close()
                except OSError:
                    return

        thread = threading.Thread(target=hang_up, daemon=True)
        thread.start()
        host = f"localhost:{listener.getsockname()[1]}"
        uri, settings = (f"mqtts://{host}", {"tls": {"ca": certificates.ca}}) if tls else (f"mqtt://{host}", {})
        sink = make_sink(uri, backoff_max_s=60, **settings)
        sink.open()
        (record,) = eventually(lambda: [record for record in caplog.records if record.name.startswith("edge")])
        assert record.message.startswith(f"{uri} hung up without an answer: check the port; is the broker starting")
        assert record.levelno == logging.WARNING
        sink.close()
        listener.shutdown(socket.SHUT_RDWR)
    thread.join(30)


def test_what_a_port_speaks(mosquitto: Any, certificates: Any, free_port: Callable[[], int]) -> None:
    plain, secured = mosquitto(), mosquitto(certificates.broker_lines())
    asking = mosquitto("allow_anonymous false")
    assert probe.speaks_mqtt("127.0.0.1", plain.port)
    assert probe.speaks_mqtt("127.0.0.1", asking.port), "a refusal is an answer"
    assert not probe.speaks_mqtt("127.0.0.1", secured.port)
    assert probe.speaks_tls("127.0.0.1", secured.port)
    assert not probe.speaks_tls("127.0.0.1", plain.port)
    nobody = free_port()
    assert not probe.speaks_tls("127.0.0.1", nobody)
    assert not probe.speaks_mqtt("127.0.0.1", nobody)
    assert not probe.speaks_mqtt("no such host", nobody)
