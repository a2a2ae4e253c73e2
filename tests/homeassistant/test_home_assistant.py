"""What Home Assistant itself makes of the device: its own schemas, its own MQTT integration, a real broker."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from edge.events import Event, EventType, State, ulid
from edge.sinks.mqtt.homeassistant import announcement, birth_topic, discovery_topic, removal
from edge.types import EMOTIONS, Emotion, Light

if TYPE_CHECKING:
    from collections.abc import Callable

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
ENTITY = "face_edge_n1"

pytestmark = pytest.mark.timeout(180)


class Device:
    """Speaks for a node, retained messages too."""

    def __init__(self, client: Any, node: str = "n1") -> None:
        self._client = client
        self._node = node

    def says(self, topic: str, payload: str, *, retain: bool = True) -> None:
        self._client._client.publish(topic, payload, 1, retain)

    def state(self, **figures: Any) -> None:
        empty = {"emotion": None, "confidence": None, "scores": None, "valence": None}
        made = State(ts=NOW, uncertain=False, **({"people": 0, "suppressed": False} | empty | figures))
        self.says(f"face-edge/{self._node}/state", made.to_json())


def test_the_device_shows_up_works_and_goes(
    mosquitto: Any,
    subscribe: Any,
    messages: Any,
    home_assistant: Callable[..., Any],
    eventually: Callable[..., Any],
) -> None:
    broker = mosquitto()
    listener = subscribe(broker.port, topic="#")
    home = home_assistant(broker.port)
    listener.wait_payload("status", "online")
    assert listener.of("status")[0].topic == birth_topic()
    device = Device(listener)

    discovery = announcement("face-edge", messages.info(), heartbeat_s=60)
    assert home.ask("validate", discovery=json.loads(discovery.payload)) == []
    device.says(discovery.topic.name, discovery.payload)
    for kind, payload in (("availability", "online"), ("camera", "online"), ("privacy/state", "OFF")):
        device.says(f"face-edge/n1/{kind}", payload)
    device.says("face-edge/n1/display/state", '{"state": "ON", "brightness": 128}')
    home.wait({f"switch.{ENTITY}_privacy": "off", f"light.{ENTITY}_display": "on"})
    assert home.attributes(f"light.{ENTITY}_display")["brightness"] == 128
    _figures(home, device, messages, eventually)
    _commands(home, listener)

    entities = home.ask("entities")
    disabled = {entity for entity, (_, off) in entities.items() if off}
    assert disabled == {f"sensor.{ENTITY}_score_{emotion}" for emotion in EMOTIONS}
    assert len(entities) == len(json.loads(discovery.payload)["cmps"])
    assert home.ask("complaints") == []

    device.says("face-edge/n1/availability", "offline")
    home.wait({f"sensor.{ENTITY}_people": "unavailable", f"switch.{ENTITY}_privacy": "unavailable"})
    gone = removal("n1")
    assert gone.topic.name == discovery_topic("n1")
    device.says(gone.topic.name, gone.payload)
    home.wait(dict.fromkeys(entities, None))
    assert home.ask("entities") == {}


def _figures(home: Any, device: Device, messages: Any, eventually: Callable[..., Any]) -> None:
    scores = dict.fromkeys(EMOTIONS, 0.1) | {Emotion.HAPPY: 0.4}
    device.state(people=3, emotion=Emotion.HAPPY, confidence=0.4, scores=scores, valence=0.25)
    mood = ("emotion", "confidence", "valence")
    home.wait(
        {f"sensor.{ENTITY}_{key}": value for key, value in zip(mood, ("happy", "40.0", "0.25"), strict=True)}
        | {f"sensor.{ENTITY}_people": "3", f"binary_sensor.{ENTITY}_suppressed": "off"}
    )
    device.state(people=2, suppressed=True)
    home.wait(
        {f"sensor.{ENTITY}_{key}": "unknown" for key in mood}
        | {f"sensor.{ENTITY}_people": "2", f"binary_sensor.{ENTITY}_suppressed": "on"}
    )
    device.says("face-edge/n1/health", messages.health().to_json())
    home.wait({f"sensor.{ENTITY}_process_fps": "1.0", f"sensor.{ENTITY}_temperature_c": "unknown"})
    home.wait({f"binary_sensor.{ENTITY}_too_dark": "unknown"})
    for light, shown in ((Light.TOO_DARK, "on"), (Light.DARK, "off")):
        device.says("face-edge/n1/health", messages.health().model_copy(update={"light": light}).to_json())
        home.wait({f"binary_sensor.{ENTITY}_too_dark": shown})
    device.says("face-edge/n1/camera", "offline")
    home.wait({f"binary_sensor.{ENTITY}_camera": "on"})
    event = Event(id=ulid(1, b"\0" * 10), seq=1, ts=NOW, type=EventType.MARKER, people=1, label='the "best" <joke>')
    device.says("face-edge/n1/event", event.to_json(), retain=False)
    entity = f"event.{ENTITY}_event"
    assert eventually(lambda: home.attributes(entity)["event_type"] == "marker"), home.ask("complaints")
    assert home.attributes(entity)["label"] == event.label


def _commands(home: Any, listener: Any) -> None:
    for domain, service, entity, topic, payload in (
        ("switch", "turn_on", "privacy", "face-edge/n1/privacy/set", "ON"),
        ("switch", "turn_off", "privacy", "face-edge/n1/privacy/set", "OFF"),
        ("button", "press", "marker", "face-edge/n1/request/marker", '{"label": "Home Assistant"}'),
        ("light", "turn_off", "display", "face-edge/n1/display/set", '{"state":"OFF"}'),
    ):
        home.ask("call", domain=domain, service=service, data={"entity_id": f"{domain}.{ENTITY}_{entity}"})
        kind = topic.removeprefix("face-edge/n1/")
        listener.wait_payload(kind, payload)
        assert not listener.of(kind)[-1].retain
        assert listener.of(kind)[-1].qos == 1
    home.ask("call", domain="light", service="turn_on", data={"entity_id": f"light.{ENTITY}_display", "brightness": 64})
    listener.wait_for(lambda: json.loads(listener.of("display/set")[-1].payload) == {"state": "ON", "brightness": 64})


def test_the_automations_of_the_manual_work(
    mosquitto: Any, subscribe: Any, messages: Any, home_assistant: Callable[..., Any], tmp_path: Path
) -> None:
    manual = (Path(__file__).parents[2] / "docs" / "mqtt.md").read_text(encoding="utf-8")
    automations = tmp_path / "automations.yaml"
    automations.write_text(manual.partition("```yaml automations\n")[2].partition("```")[0])
    broker = mosquitto()
    listener = subscribe(broker.port, topic="#")
    device = Device(listener, "hall")
    discovery = announcement("face-edge", messages.info().model_copy(update={"node": "hall"}))
    device.says(discovery.topic.name, discovery.payload)
    device.says("face-edge/hall/availability", "online")
    device.says("face-edge/hall/privacy/state", "OFF")
    home = home_assistant(broker.port, automations)
    home.wait(
        {
            "switch.face_edge_hall_privacy": "off",
            "automation.the_display_wakes_when_someone_comes": "on",
            "automation.nobody_is_looked_at_by_night": "on",
        }
    )
    for number, kind in enumerate((EventType.PEAK, EventType.PRESENCE_START)):
        event = Event(id=ulid(number, bytes(10)), seq=number, ts=NOW, type=kind, people=1)
        device.says("face-edge/hall/event", event.to_json(), retain=False)
    (wake,) = listener.wait("display/set")
    assert json.loads(wake.payload) == {"state": "ON", "brightness": 128}
    home.ask(
        "call",
        domain="automation",
        service="trigger",
        data={"entity_id": "automation.nobody_is_looked_at_by_night"},
    )
    listener.wait_payload("privacy/set", "ON")
    assert home.ask("complaints") == []
