"""Requests and switches through a real broker to a running device, and back."""

from __future__ import annotations

import json
import threading
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from paho.mqtt import client as paho
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from edge import config as configuration
from edge.config import MqttConfig, OutboxConfig
from edge.core.commands import CommandQueue
from edge.runtime import build
from edge.sinks.display.simulated import SimulatedPins, simulated_pins
from edge.sinks.mqtt.client import Client
from edge.sinks.mqtt.connection import Connection
from edge.sinks.mqtt.options import options
from edge.sinks.mqtt.outbox import Outbox
from edge.sinks.mqtt.outgoing import Outgoing
from edge.sinks.mqtt.requests import Requests
from edge.sinks.mqtt.topics import Topics

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

NODE = "face-edge/hall"
LED = {"kind": "rgb_led", "red": 17, "green": 27, "blue": 22, "min_hold_s": 0}


class Panel:
    """A client that asks, on MQTT 5 or 3.1.1."""

    def __init__(self, port: int, *, mqtt5: bool = True) -> None:
        protocol = MQTTProtocolVersion.MQTTv5 if mqtt5 else MQTTProtocolVersion.MQTTv311
        self._client = paho.Client(CallbackAPIVersion.VERSION2, protocol=protocol)
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()

    def send(self, what: str, payload: str | bytes = "", *, retain: bool = False, **properties: Any) -> None:
        given = None
        if properties:
            given = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
            for name, value in properties.items():
                setattr(given, name, value)
        self._client.publish(f"{NODE}/{what}", payload, 1, retain, given).wait_for_publish(5)

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()
        self._client._reset_sockets()


@pytest.fixture
def run_device(tmp_path: Path) -> Iterator[Callable[..., None]]:
    """``run_device(broker)``: a device that looks at an empty scene, on a thread."""
    running: list[tuple[Any, Any, threading.Thread]] = []

    def start(broker: str, **flags: Any) -> None:
        settings = {
            "node.id": "hall",
            "node.state_dir": tmp_path / "state",
            "source.uri": "virtual",
            "mqtt.broker": broker,
        }
        config = configuration.load(environment={}, flags={**settings, "display": [LED], **flags})
        wiring = build.device(config)
        thread = threading.Thread(target=wiring.device.run)
        thread.start()
        running.append((wiring.device, wiring.resources, thread))

    def stop() -> None:
        while running:
            device, resources, thread = running.pop()
            device.stop()
            thread.join(60)
            assert not thread.is_alive()
            resources.close()

    start.stop = stop  # type: ignore[attr-defined]
    yield start
    stop()


@pytest.fixture
def pins() -> Iterator[SimulatedPins]:
    with simulated_pins() as board:
        yield board


@pytest.fixture
def panel(broker: Any) -> Iterator[Panel]:
    made = Panel(broker.port)
    yield made
    made.close()


@pytest.fixture
def broker(mosquitto: Callable[..., Any]) -> Any:
    return mosquitto()


@pytest.fixture
def feed(broker: Any, run_device: Any, subscribe: Any, pins: SimulatedPins) -> Any:  # noqa: ARG001 - in this order
    """What a subscriber gets of a running device."""
    subscriber = subscribe(broker.port)
    run_device(broker.uri)
    subscriber.wait_payload("camera", "online")
    return subscriber


def replies(feed: Any, command: str, count: int = 1) -> list[dict[str, Any]]:
    return [json.loads(message.payload) for message in feed.wait(f"response/{command}", count)]


def asked_for(feed: Any, count: int) -> list[dict[str, Any]]:
    """Events that someone asked for, and not what the camera saw."""

    def found() -> list[dict[str, Any]]:
        events = [json.loads(message.payload) for message in feed.of("event")]
        return [event for event in events if event["type"].startswith(("session", "marker", "privacy"))]

    if count:
        feed.wait_for(lambda: len(found()) >= count)
    return found()


@pytest.mark.usefixtures("feed")
def test_how_everything_is_switched_is_retained(broker: Any, subscribe: Any) -> None:
    late = subscribe(broker.port)
    for kind, payload in (
        ("privacy/state", "OFF"),
        ("display/state", '{"state": "ON", "brightness": 255}'),
        ("session", "null"),
    ):
        [message] = late.wait(kind)
        assert (message.payload, message.retain) == (payload, True)


def test_a_session_with_a_marker(feed: Any, panel: Panel) -> None:
    panel.send("request/session_start", '{"title": "Premiere", "transaction": "t1"}')
    [started] = replies(feed, "session_start")
    assert (started["status"], started["transaction"]) == ("ok", "t1")
    session = started["data"]["id"]
    feed.wait_for(lambda: feed.of("session") and json.loads(feed.of("session")[-1].payload))
    assert json.loads(feed.of("session")[-1].payload)["title"] == "Premiere"
    panel.send("request/marker", '{"label": "the kiss"}')
    assert replies(feed, "marker")[0]["data"]["label"] == "the kiss"
    panel.send("request/session_stop")
    assert replies(feed, "session_stop")[0]["data"]["id"] == session
    events = asked_for(feed, 3)
    assert [(event["type"], event.get("label"), event["session"]) for event in events] == [
        ("session_start", "Premiere", session),
        ("marker", "the kiss", session),
        ("session_end", "Premiere", session),
    ]
    windows = [json.loads(message.payload)["session"] for message in feed.wait("aggregate", 2)]
    assert windows[:2] == [None, session]
    feed.wait_payload("session", "null")


def test_mqtt_5_gets_its_answer_where_it_asked(feed: Any, panel: Panel) -> None:
    panel.send("request/health_check", ResponseTopic="face-edge/panels/7", CorrelationData=b"\x07\xff")
    [message] = feed.wait("panels/7")
    assert json.loads(message.payload)["data"]["queue_depth"] >= 0
    assert message.properties["CorrelationData"] == "07ff"
    assert message.properties["ContentType"] == "application/json"
    assert feed.of("response/health_check") == []


def test_privacy_outlives_a_restart(feed: Any, panel: Panel, run_device: Any, broker: Any) -> None:
    panel.send("privacy/set", "ON")
    feed.wait_payload("privacy/state", "ON")
    feed.wait_payload("camera", "paused")
    assert asked_for(feed, 1)[-1]["type"] == "privacy_on"
    run_device.stop()
    feed.wait_payload("availability", "offline")
    before = len(feed.of("camera"))
    run_device(broker.uri)
    feed.wait("camera", before + 1)
    assert {message.payload for message in feed.of("camera")[before:]} == {"paused"}, "not looked at, not even at first"
    panel.send("privacy/set", "OFF")
    feed.wait_payload("camera", "online")


def test_displays_go_dark_and_shine_again(feed: Any, panel: Panel, pins: SimulatedPins, eventually: Any) -> None:
    def light() -> float:
        return max(pins.levels([17, 27, 22]).values())

    assert eventually(lambda: light() > 0)
    panel.send("display/set", '{"state": "OFF"}')
    feed.wait_payload("display/state", '{"state": "OFF", "brightness": 255}')
    assert eventually(lambda: light() == 0)
    panel.send("display/set", '{"brightness": 128}')
    feed.wait_payload("display/state", '{"state": "ON", "brightness": 128}')
    assert eventually(lambda: light() > 0)


def test_retained_requests_are_refused_live_and_not_even_asked_for_at_the_start(
    feed: Any, panel: Panel, run_device: Any, broker: Any
) -> None:
    panel.send("request/marker", '{"label": "now"}', retain=True)
    [reply] = replies(feed, "marker")
    assert reply["error"].startswith("retained requests are refused")
    panel.send("privacy/set", "ON", retain=True)
    run_device.stop()
    run_device(broker.uri)
    feed.wait_payload("camera", "online")
    time.sleep(0.3)
    assert feed.of("privacy/state")[-1].payload == "OFF"
    assert asked_for(feed, 0) == []


def test_a_retained_request_is_refused_over_3_1_1_too(
    broker: Any, panel: Panel, caplog: pytest.LogCaptureFixture
) -> None:
    panel.send("privacy/set", "ON", retain=True)
    inbox, outbox = CommandQueue(), Outbox(None, Topics.of("face-edge", "hall"), OutboxConfig())
    requests = Requests("face-edge", "hall", inbox, lambda _: None)
    wanted = options(MqttConfig(broker=broker.uri), "hall")
    with outbox:
        client = Client(
            lambda: replace(wanted, mqtt5=False), Topics.of("face-edge", "hall"), Outgoing(outbox), listeners=[requests]
        )
        client.start()
        deadline = time.monotonic() + 60
        while "refused" not in caplog.text and time.monotonic() < deadline:
            time.sleep(0.02)
        client.stop()
    assert "face-edge/hall/privacy/set: refused: retained requests are refused" in caplog.text
    assert list(inbox.take()) == []


def test_rubbish_is_answered_and_does_no_harm(feed: Any, panel: Panel) -> None:
    rubbish: list[bytes] = [b"{", b"\xff\xfe\xfd", b"[1,2]", b'{"label": 1}', b'{"bogus": 1}', b"x" * 5000, b"[" * 3000]
    for payload in rubbish:
        panel.send("request/marker", payload)
        panel.send("privacy/set", payload)
        panel.send("display/set", payload)
        panel.send("request/nonsense", payload)
    panel.send("request/marker", "x" * 100_000)
    found = replies(feed, "marker", len(rubbish))
    assert {reply["status"] for reply in found} == {"error"}
    panel.send("request/marker", '{"label": "alive"}')
    feed.wait_for(lambda: "alive" in feed.of("response/marker")[-1].payload)
    assert feed.of("availability")[-1].payload == "online"


def test_a_broker_that_grants_no_subscription_costs_a_line(
    broker: Any, make_sink: Any, subscribe: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Mosquitto's access list refuses none (it filters what is delivered), so its answer is made to say so."""
    refusal = [ReasonCode(PacketTypes.SUBACK, "Not authorized")]
    granted = Connection._on_subscribe
    monkeypatch.setattr(
        Connection, "_on_subscribe", lambda self, c, d, number, _reasons, p: granted(self, c, d, number, refusal, p)
    )
    sink = make_sink(broker.uri, inbox=CommandQueue(), homeassistant={"discovery": False})
    sink.open()
    subscribe(broker.port).wait("availability")
    deadline = time.monotonic() + 60
    while caplog.text.count("refuses the subscription") < 3 and time.monotonic() < deadline:
        time.sleep(0.02)
    sink.close()
    said = {record.message for record in caplog.records if record.levelname == "ERROR"}
    assert said == {
        f"the broker refuses the subscription to face-edge/n1/{what}; check its access rules"
        for what in ("request/+", "privacy/set", "display/set")
    }
