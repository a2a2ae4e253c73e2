"""The contract, as a real subscriber of a real Mosquitto sees it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from edge.core.events import CameraStatus, Look, LookKind
from edge.core.protocols import Sink
from edge.sinks.mqtt.topics import Topics

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

RETAINED_AND_QOS = {
    "availability": (True, 1),
    "info": (True, 1),
    "camera": (True, 1),
    "state": (True, 0),
    "health": (True, 0),
    "event": (False, 1),
    "aggregate": (False, 1),
}


def test_the_table_is_the_contract() -> None:
    topics = Topics.of("a/b", "n-1")
    for name, (retain, qos) in RETAINED_AND_QOS.items():
        topic = getattr(topics, name)
        assert (topic.name, topic.retain, topic.qos) == (f"a/b/n-1/{name}", retain, qos)


def publish_all(sink: Any, messages: Any) -> None:
    for message in (messages.info(), messages.health(), CameraStatus.ONLINE, messages.state(2)):
        sink.handle(message)
    sink.handle(messages.event(7))
    sink.handle(messages.aggregate(3))


def test_every_kind_arrives_as_the_contract_says(mosquitto: Any, subscribe: Any, make_sink: Any, messages: Any) -> None:
    broker = mosquitto()
    subscriber = subscribe(broker.port)
    sink = make_sink(broker.uri, heartbeat_s=60)
    assert isinstance(sink, Sink)
    sink.open()
    publish_all(sink, messages)
    for kind, (retain, qos) in RETAINED_AND_QOS.items():
        (message,) = subscriber.wait(kind)
        assert message.topic == f"face-edge/n1/{kind}"
        assert (message.retain, message.qos) == (retain, qos), kind
        plain = kind in {"availability", "camera"}
        assert message.properties["ContentType"] == ("text/plain" if plain else "application/json")
        assert message.properties["PayloadFormatIndicator"] == 1
        # state and health are news for three heartbeats; the rest stays true
        assert message.properties.get("MessageExpiryInterval", 0) == (180 if kind in {"state", "health"} else 0)
    assert json.loads(subscriber.of("state")[0].payload)["people"] == 2
    assert json.loads(subscriber.of("event")[0].payload) == json.loads(messages.event(7).to_json())
    assert json.loads(subscriber.of("aggregate")[0].payload) == json.loads(messages.aggregate(3).to_json())
    assert subscriber.of("camera")[0].payload == "online"
    assert subscriber.of("availability")[0].payload == "online"


def test_a_late_subscriber_learns_everything_but_events(
    mosquitto: Any, subscribe: Any, make_sink: Any, messages: Any
) -> None:
    broker = mosquitto()
    early = subscribe(broker.port)
    sink = make_sink(broker.uri)
    sink.open()
    publish_all(sink, messages)
    for kind in RETAINED_AND_QOS:
        early.wait(kind)
    late = subscribe(broker.port, mqtt5=False)
    for kind, (retain, _) in RETAINED_AND_QOS.items():
        assert not retain or late.wait(kind)[0].retain
    assert not late.of("event") + late.of("aggregate")


def test_without_a_heartbeat_nothing_expires(mosquitto: Any, subscribe: Any, make_sink: Any, messages: Any) -> None:
    broker = mosquitto()
    subscriber = subscribe(broker.port)
    sink = make_sink(broker.uri)
    sink.open()
    sink.handle(messages.state(1))
    assert "MessageExpiryInterval" not in subscriber.wait("state")[0].properties


def test_a_clean_stop_says_offline_and_delivers_what_waits(
    mosquitto: Any, subscribe: Any, make_sink: Any, messages: Any, eventually: Callable[..., Any]
) -> None:
    broker = mosquitto()
    subscriber = subscribe(broker.port)
    sink = make_sink(broker.uri)
    sink.open()
    assert eventually(lambda: sink.connected)
    for number in range(200):
        sink.handle(messages.event(number))
    sink.handle(messages.state(9))
    sink.close()
    assert not sink.connected
    assert sink.queue_depth == 0
    subscriber.wait_payload("availability", "offline")
    assert [json.loads(message.payload)["seq"] for message in subscriber.wait("event", 200)] == list(range(200))
    assert subscriber.received[-1].payload == "offline"
    assert subscribe(broker.port).wait("availability")[0].payload == "offline"


def test_a_killed_device_is_offline_by_its_last_will(mosquitto: Any, subscribe: Any, run_device: Any) -> None:
    broker = mosquitto()
    subscriber = subscribe(broker.port)
    device = run_device(broker.uri)
    subscriber.wait_payload("availability", "online")
    device.kill()
    subscriber.wait_payload("availability", "offline")
    will = subscriber.of("availability")[-1]
    assert (will.retain, will.qos) == (True, 1)


def test_it_may_be_closed_before_opening_and_opened_again(
    mosquitto: Any, subscribe: Any, make_sink: Any, messages: Any
) -> None:
    broker = mosquitto()
    subscriber = subscribe(broker.port)
    sink = make_sink(broker.uri)
    sink.close()
    sink.handle(messages.event(1))
    for count in (1, 2):
        sink.open()
        sink.open()
        subscriber.wait("availability", 2 * count - 1)
        sink.close()
        sink.close()
        subscriber.wait("availability", 2 * count)
    assert [message.payload for message in subscriber.of("availability")] == ["online", "offline"] * 2
    assert len(subscriber.of("event")) == 1


def test_what_it_does_not_accept_goes_nowhere(mosquitto: Any, subscribe: Any, make_sink: Any, messages: Any) -> None:
    broker = mosquitto()
    subscriber = subscribe(broker.port)
    sink = make_sink(broker.uri)
    sink.open()
    sink.handle(Look(LookKind.NO_FACE))
    sink.handle(messages.event(1))
    subscriber.wait("event")
    assert {message.topic.rpartition("/")[2] for message in subscriber.received} == {"availability", "event"}


def test_user_name_and_password_file(
    mosquitto: Any, password_lines: str, subscribe: Any, make_sink: Any, tmp_path: Path
) -> None:
    broker = mosquitto(password_lines)
    secret = tmp_path / "secret"
    secret.write_text("correct\nsecond line\n")
    sink = make_sink(broker.uri, username="device", password_file=secret)
    sink.open()
    subscribe(broker.port, credentials=("device", "correct")).wait_payload("availability", "online")
