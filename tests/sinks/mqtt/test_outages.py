"""Broker absent, killed, hanging, throwing us out: nothing blocks, nothing is lost that must not be."""

from __future__ import annotations

import contextlib
import json
import logging
import random
import socket
import time
from dataclasses import replace
from typing import Any

import pytest

from edge.config import MqttConfig, OutboxConfig
from edge.sinks.mqtt.client import Client
from edge.sinks.mqtt.options import options
from edge.sinks.mqtt.outbox import Outbox
from edge.sinks.mqtt.outgoing import Outgoing
from edge.sinks.mqtt.topics import Topics

TOPICS = Topics.of("face-edge", "n1")
HUNG_UP = "hung up without an answer: check the port; is the broker starting, overloaded, or out of a proxy's reach?"


def sequence(subscriber: Any) -> list[int]:
    return [json.loads(message.payload)["seq"] for message in subscriber.of("event")]


def without_repeats(numbers: list[int]) -> list[int]:
    return list(dict.fromkeys(numbers))


def test_a_broker_killed_and_started_again_gets_everything_in_order(  # noqa: PLR0917 - fixtures
    mosquitto: Any, subscribe: Any, make_sink: Any, messages: Any, relay: Any, eventually: Any
) -> None:
    broker = mosquitto()
    # the way to the broker opens again only when the subscriber, whose session died with the broker, is back
    way = relay(broker.port)
    sink = make_sink(way.uri)
    first = subscribe(broker.port)
    sink.open()
    sink.handle(messages.info())
    sink.handle(messages.event(0))
    first.wait("event")
    assert eventually(lambda: sink.queue_depth == 0)
    way.cut()
    broker.kill()
    for number in range(1, 40):
        sink.handle(messages.event(number))
        sink.handle(messages.state(number))
        sink.handle(messages.health(float(number)))
    assert sink.queue_depth == 39
    broker.start()
    second = subscribe(broker.port)
    way.mend()
    assert [json.loads(message.payload)["seq"] for message in second.wait("event", 39)] == list(range(1, 40))
    # of state and health only the newest; what the broker forgot with its death is there again
    assert [json.loads(message.payload)["people"] for message in second.wait("state")] == [39]
    assert [json.loads(message.payload)["uptime_s"] for message in second.wait("health")] == [39.0]
    assert len(second.wait("info")) == 1
    assert second.wait("availability")[-1].payload == "online"
    assert sink.reconnects == 1
    assert sink.drops == 0


def test_random_cuts_lose_no_event_and_keep_the_order(
    mosquitto: Any, subscribe: Any, make_sink: Any, messages: Any, relay: Any
) -> None:
    broker = mosquitto()
    subscriber = subscribe(broker.port)
    way = relay(broker.port)
    sink = make_sink(way.uri)
    sink.open()
    chance = random.Random(5)
    for number in range(400):
        sink.handle(messages.event(number))
        if chance.random() < 0.03:
            subscriber.wait("event", chance.randint(0, len(sequence(subscriber)) + 1))
            way.hang_up()
    subscriber.wait_for(lambda: len(subscriber.of("event")) >= 400 and len(set(sequence(subscriber))) == 400)
    assert without_repeats(sequence(subscriber)) == list(range(400))
    assert sink.drops == 0


def test_a_broker_that_appears_later_is_found(
    mosquitto: Any, subscribe: Any, make_sink: Any, messages: Any, caplog: pytest.LogCaptureFixture
) -> None:
    broker = mosquitto(start=False)
    sink = make_sink(broker.uri, backoff_max_s=0.4)
    caplog.set_level(logging.INFO, "edge")
    sink.open()
    sink.handle(messages.state(3))
    broker.start()
    subscriber = subscribe(broker.port)
    subscriber.wait_payload("availability", "online")
    subscriber.wait("state")
    refused = [record.message for record in caplog.records if "refuses connections" in record.message]
    assert len(refused) <= 1


def test_one_line_says_that_the_broker_is_absent_however_often_it_is_tried(
    free_port: Any, eventually: Any, caplog: pytest.LogCaptureFixture
) -> None:
    port = free_port()
    attempts = Outgoing(Outbox(None, TOPICS, OutboxConfig()))
    config = MqttConfig(broker=f"mqtt://127.0.0.1:{port}", backoff_max_s=0.01)
    asked = []

    def count_options() -> Any:
        asked.append(1)
        return options(config, "n1")

    client = Client(count_options, TOPICS, attempts, backoff_max_s=0.01)
    client.start()
    assert eventually(lambda: len(asked) > 10)
    assert client.stop()
    lines = [record.message for record in caplog.records if record.name.startswith("edge")]
    assert lines == [f"mqtt://127.0.0.1:{port} refuses connections: is the broker running, and is the port right?"]


def test_a_full_queue_drops_the_oldest_and_counts(  # noqa: PLR0917 - fixtures
    mosquitto: Any, subscribe: Any, make_sink: Any, make_outbox: Any, messages: Any, relay: Any
) -> None:
    broker = mosquitto()
    way = relay(broker.port)
    way.cut()
    sink = make_sink(way.uri, outbox=make_outbox(max_messages=10))
    sink.open()
    for number in range(25):
        sink.handle(messages.event(number))
    assert (sink.queue_depth, sink.drops) == (10, 15)
    subscriber = subscribe(broker.port)
    way.mend()
    subscriber.wait("event", 10)
    assert sequence(subscriber) == list(range(15, 25))


def test_nothing_waits_for_a_broker_that_never_answers(make_sink: Any, messages: Any, stopwatch: Any) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        sink = make_sink(f"mqtt://127.0.0.1:{silent.getsockname()[1]}")
        with stopwatch() as took:
            sink.open()
            for number in range(500):
                sink.handle(messages.event(number))
                sink.handle(messages.state(number))
        assert took.seconds < 4  # thousand calls; each attempt to connect takes five seconds
        with stopwatch() as took:
            sink.close()
        assert took.seconds < 1.9
        assert sink.queue_depth == 500


def test_a_network_that_swallows_packets_does_not_hold_the_stop_up(
    make_sink: Any, messages: Any, stopwatch: Any
) -> None:
    """Beyond its backlog a listener lets SYN packets go unanswered, as a firewall does."""
    with socket.create_server(("127.0.0.1", 0), backlog=0) as full, contextlib.ExitStack() as fillers:
        for _ in range(3):
            filler = fillers.enter_context(socket.socket())
            filler.setblocking(False)
            filler.connect_ex(full.getsockname())
        sink = make_sink(f"mqtt://127.0.0.1:{full.getsockname()[1]}")
        sink.open()
        sink.handle(messages.event(1))
        with stopwatch() as took:
            sink.close()
        assert took.seconds < 1.9
        assert sink.queue_depth == 1


CONNACK = bytes([0x20, 3, 0, 0, 0])


def test_a_connection_gone_dead_is_noticed_by_its_pings(
    scripted_broker: Any, eventually: Any, caplog: pytest.LogCaptureFixture
) -> None:
    broker = scripted_broker(CONNACK)
    made = replace(options(MqttConfig(broker=broker.uri), "n1"), keepalive_s=1)
    client = Client(lambda: made, TOPICS, Outgoing(Outbox(None, TOPICS, OutboxConfig())), backoff_max_s=0.01)
    client.start()
    assert eventually(lambda: client.reconnects)
    assert bytes([0xC0, 0]) in broker.seen
    assert [record.message for record in caplog.records] == [f"the connection to {broker.uri} was lost"]
    client.stop(0.1)


def test_a_stop_waits_a_second_for_the_receipt_of_offline_and_then_goes(
    scripted_broker: Any, make_sink: Any, eventually: Any, stopwatch: Any
) -> None:
    broker = scripted_broker(CONNACK)
    sink = make_sink(broker.uri)
    sink.open()
    assert eventually(lambda: sink.connected)
    begun_s = time.monotonic()
    with stopwatch() as took:
        sink.close()
    assert time.monotonic() - begun_s > 0.9
    assert took.seconds < 1.9
    assert eventually(lambda: broker.seen.endswith(b"offline" + bytes([0xE0, 0])))


@pytest.mark.parametrize(
    ("answer", "line"),
    [
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", HUNG_UP),
        (b"", HUNG_UP),
        (bytes([0x20, 1, 0]), "does not speak MQTT: check the port in mqtt.broker"),
        (bytes([0x20, 3, 0, 0x88, 0]), "refuses the connection: server unavailable"),
        (bytes([0x20, 3, 0, 0x85, 0]), "set another node.id or mqtt.client_id, or a smaller mqtt.keepalive_s"),
        (
            CONNACK + bytes([0xE0, 2, 0x8E, 0]),
            "another client took over client id 'face-edge-n1': give each device a node.id of its own",
        ),
        (CONNACK + bytes([0xE0, 2, 0x8B, 0]), "ended the connection: server shutting down"),
    ],
)
def test_what_a_broker_answers_is_one_clear_line(  # noqa: PLR0917 - fixtures
    scripted_broker: Any, make_sink: Any, eventually: Any, caplog: pytest.LogCaptureFixture, answer: bytes, line: str
) -> None:
    broker = scripted_broker(answer, hang_up=True)
    sink = make_sink(broker.uri, backoff_max_s=60)
    sink.open()
    (record,) = eventually(lambda: [record for record in caplog.records if record.name.startswith("edge")])
    assert record.message.startswith(broker.uri)
    assert record.message.endswith(line)
    assert record.exc_info is None


def test_a_broker_that_hangs_up_on_mqtt_5_is_spoken_to_in_3(  # noqa: PLR0917 - fixtures
    mosquitto: Any, subscribe: Any, make_sink: Any, messages: Any, relay: Any, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "edge")
    broker = mosquitto()
    subscriber = subscribe(broker.port)
    way = relay(broker.port, refuse_mqtt5=True)
    sink = make_sink(way.uri)
    sink.open()
    sink.handle(messages.event(1))
    (message,) = subscriber.wait("event")
    assert message.properties == {}
    lines = [record.message for record in caplog.records if record.name.startswith("edge.sinks")]
    assert lines == [f"connected to {way.uri} as face-edge-n1 over MQTT 3.1.1"]
    assert way.accepted == 2
    # once known, the version is kept
    way.hang_up()
    subscriber.wait_for(lambda: [message.payload for message in subscriber.of("availability")].count("online") == 2)
    assert way.accepted == 3


def test_two_devices_with_one_node_id_are_told_so_once(
    mosquitto: Any, make_sink: Any, eventually: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """This broker ends the older connection without a word, so that only the pattern tells."""
    broker = mosquitto()
    one, other = make_sink(broker.uri), make_sink(broker.uri)
    one.open()
    other.open()
    assert eventually(lambda: min(one.reconnects, other.reconnects) > 8)
    lines = [record.message for record in caplog.records if "break as soon" in record.message]
    assert len(lines) == 2  # one each
    assert "does another client use id 'face-edge-n1'? Give each device a node.id of its own" in lines[0]


def test_access_rules_that_forbid_a_topic_are_named_once_and_events_wait_until_they_are_mended(  # noqa: PLR0917
    mosquitto: Any, make_sink: Any, messages: Any, subscribe: Any, eventually: Any, tmp_path: Any, caplog: Any
) -> None:
    rules = tmp_path / "acl"
    rules.write_text("topic write face-edge/n1/availability\ntopic write face-edge/n1/aggregate\ntopic read #\n")
    broker = mosquitto(f"allow_anonymous true\nlog_type all\nacl_file {rules}")
    subscriber = subscribe(broker.port)
    sink = make_sink(broker.uri)
    sink.open()
    for number in range(30):
        sink.handle(messages.event(number))
    # one topic does not hold the other up
    sink.handle(messages.aggregate(0))
    subscriber.wait("aggregate")
    assert eventually(lambda: broker.log.read_text().count("Denied PUBLISH") >= 17)
    assert (sink.queue_depth, sink.drops) == (30, 0)
    lines = [record.message for record in caplog.records if record.name.startswith("edge")]
    assert lines == [
        "the broker does not take face-edge/n1/event: not authorized; check its access rules; events wait until it does"
    ]
    rules.write_text(rules.read_text() + "topic write face-edge/n1/event\n")
    broker.reload()
    subscriber.wait("event", 30)
    assert sequence(subscriber) == list(range(30))
    assert eventually(lambda: sink.queue_depth == 0)


def test_a_message_that_the_broker_can_never_take_is_dropped_and_holds_nothing_up(  # noqa: PLR0917
    mosquitto: Any, make_sink: Any, messages: Any, subscribe: Any, eventually: Any, caplog: Any
) -> None:
    broker = mosquitto("allow_anonymous true\nmessage_size_limit 250")
    subscriber = subscribe(broker.port)
    sink = make_sink(broker.uri)
    sink.open()
    sink.handle(messages.event(0))
    sink.handle(messages.event(1).model_copy(update={"label": "x" * 200}))
    sink.handle(messages.event(2))
    subscriber.wait("event", 2)
    assert sequence(subscriber) == [0, 2]
    assert eventually(lambda: (sink.queue_depth, sink.drops) == (0, 1))
    lines = [record.message for record in caplog.records if record.name.startswith("edge")]
    line = "the broker can never accept a message on face-edge/n1/event: packet too large; such messages are dropped"
    assert lines == [line]


def test_a_broker_that_ends_connections_over_large_packets_is_spared_them(
    mosquitto: Any, make_sink: Any, messages: Any, subscribe: Any
) -> None:
    broker = mosquitto("allow_anonymous true\nmax_packet_size 300")
    subscriber = subscribe(broker.port)
    sink = make_sink(broker.uri)
    sink.open()
    sink.handle(messages.event(1).model_copy(update={"label": "x" * 200}))
    sink.handle(messages.event(2))
    subscriber.wait("event")
    assert sequence(subscriber) == [2]
    assert (sink.drops, sink.reconnects) == (1, 0)
