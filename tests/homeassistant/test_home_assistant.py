"""What Home Assistant itself makes of the device: its own schemas, its own MQTT integration, a real broker."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from edge.cli import main
from edge.core.events import Event, EventType, RunningSession, Session, SessionKind, State, ulid
from edge.core.types import EMOTIONS, Emotion, Light
from edge.sinks.mqtt.homeassistant import announcement, birth_topic, discovery_topic, removal

if TYPE_CHECKING:
    from collections.abc import Callable

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
ENTITY = "face_edge_n1"
DOCS = Path(__file__).parents[2] / "docs"
FIELDS = json.loads((Path(__file__).parents[1] / "data" / "homeassistant_fields.json").read_text(encoding="utf-8"))[
    "versions"
]

pytestmark = pytest.mark.timeout(600)


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
    known = home.ask("known")
    version = known.pop("version")
    assert FIELDS.get(version, known) == known, f"tests/data/homeassistant_fields.json is wrong for {version}"
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
    assert not home.complaints()

    device.says("face-edge/n1/availability", "offline")
    home.wait({f"sensor.{ENTITY}_people": "unavailable", f"switch.{ENTITY}_privacy": "unavailable"})
    gone = removal("n1")
    assert gone.topic.name == discovery_topic("n1")
    device.says(gone.topic.name, gone.payload)
    home.wait(dict.fromkeys(entities, None))
    assert home.ask("entities") == {}
    assert not home.complaints()


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
        ("button", "press", "session_start", "face-edge/n1/request/session_start", '{"title": "Home Assistant"}'),
        ("button", "press", "session_stop", "face-edge/n1/request/session_stop", "{}"),
        ("light", "turn_off", "display", "face-edge/n1/display/set", '{"state": "OFF"}'),
    ):
        home.ask("call", domain=domain, service=service, data={"entity_id": f"{domain}.{ENTITY}_{entity}"})
        kind = topic.removeprefix("face-edge/n1/")
        listener.wait_payload(kind, payload)
        assert not listener.of(kind)[-1].retain
        assert listener.of(kind)[-1].qos == 1
    home.ask("call", domain="light", service="turn_on", data={"entity_id": f"light.{ENTITY}_display", "brightness": 64})
    listener.wait_for(lambda: json.loads(listener.of("display/set")[-1].payload) == {"state": "ON", "brightness": 64})


@pytest.fixture
def automations(tmp_path: Path) -> tuple[Path, list[str]]:
    """A file with all automations of the documentation, and their entities."""
    manual = (DOCS / "mqtt.md").read_text(encoding="utf-8")
    parts = [manual.partition("```yaml automations\n")[2].partition("```")[0]]
    parts += [path.read_text(encoding="utf-8") for path in sorted((DOCS / "examples").glob("home-assistant-*.yaml"))]
    path = tmp_path / "automations.yaml"
    path.write_text("\n".join(parts), encoding="utf-8")
    names = re.findall(r"^  alias: (.+)$", path.read_text(encoding="utf-8"), re.MULTILINE)
    return path, [f"automation.{re.sub('[^a-z]+', '_', name.lower())}" for name in names]


def test_the_automations_of_the_documentation_work(
    mosquitto: Any,
    subscribe: Any,
    messages: Any,
    home_assistant: Callable[..., Any],
    automations: tuple[Path, list[str]],
) -> None:
    path, entities = automations
    broker = mosquitto()
    listener = subscribe(broker.port, topic="#")
    device = Device(listener, "hall")
    discovery = announcement("face-edge", messages.info().model_copy(update={"node": "hall"}))
    device.says(discovery.topic.name, discovery.payload)
    for kind, payload in (("availability", "online"), ("privacy/state", "OFF"), ("session", "null")):
        device.says(f"face-edge/hall/{kind}", payload)
    device.says("face-edge/hall/health", messages.health().model_copy(update={"light": Light.NORMAL}).to_json())
    device.state(emotion=Emotion.NEUTRAL, people=3)
    home = home_assistant(broker.port, path)
    home.wait(
        {
            "switch.face_edge_hall_privacy": "off",
            "sensor.face_edge_hall_session": "idle",
            "sensor.face_edge_hall_emotion": "neutral",
            "binary_sensor.face_edge_hall_too_dark": "off",
            **dict.fromkeys(entities, "on"),
        }
    )
    for number, kind in enumerate((EventType.PEAK, EventType.PRESENCE_START)):
        event = Event(id=ulid(number, bytes(10)), seq=number, ts=NOW, type=kind, people=1)
        device.says("face-edge/hall/event", event.to_json(), retain=False)
    (wake,) = listener.wait("display/set")
    assert json.loads(wake.payload) == {"state": "ON", "brightness": 128}

    def trigger(name: str) -> None:
        data = {"entity_id": f"automation.{name}", "skip_condition": False}
        home.ask("call", domain="automation", service="trigger", data=data)

    trigger("nobody_is_looked_at_by_night")
    listener.wait_payload("privacy/set", "ON")
    trigger("the_session_ends_with_the_show")  # none is running: its condition does not hold
    trigger("a_session_begins_with_the_show")
    listener.wait_payload("request/session_start", '{"title": "Home Assistant"}')
    running = Session(id=ulid(1, bytes(10)), title="Show", start=NOW, kind=SessionKind.FILM)
    device.says("face-edge/hall/session", RunningSession(running).to_payload())
    home.wait({"sensor.face_edge_hall_session": "running"})
    assert listener.of("request/session_stop") == []
    trigger("the_session_ends_with_the_show")
    listener.wait_payload("request/session_stop", "{}")
    device.state(emotion=Emotion.HAPPY, people=3)
    listener.wait_payload("request/marker", '{"label": "Home Assistant"}')
    device.says("face-edge/hall/health", messages.health().model_copy(update={"light": Light.TOO_DARK}).to_json())
    home.wait_for(lambda: home.attributes("automation.somebody_adds_light")["last_triggered"])
    assert not home.complaints()


def test_a_real_device_is_discovered_obeys_and_is_retired(  # noqa: PLR0917 - fixtures
    mosquitto: Any,
    subscribe: Any,
    home_assistant: Callable[..., Any],
    running: Callable[..., Any],
    tmp_path: Path,
    free_port: Callable[[], int],
) -> None:
    broker = mosquitto()
    listener = subscribe(broker.port, topic="#")
    home = home_assistant(broker.port)
    listener.wait_payload("status", "online")
    page = {"kiosk.enabled": True, "kiosk.port": free_port(), "kiosk.public_url": "http://hall.example"}
    settings = {"source.uri": "virtual:portrait", "mqtt.broker": broker.uri, **page}
    with running(**settings):
        home.wait({f"sensor.{ENTITY}_session": "idle", f"binary_sensor.{ENTITY}_camera": "off"})
        [[name, url]] = home.ask("devices")
        assert (name, url) == ("FACE Edge n1", "http://hall.example")

        home.press(f"button.{ENTITY}_session_start")
        home.wait({f"sensor.{ENTITY}_session": "running"})
        assert home.attributes(f"sensor.{ENTITY}_session")["title"] == "Home Assistant"
        home.press(f"button.{ENTITY}_marker")
        home.wait_for(lambda: home.attributes(f"event.{ENTITY}_event").get("label") == "Home Assistant")
        home.press(f"button.{ENTITY}_session_stop")
        home.wait({f"sensor.{ENTITY}_session": "idle"})
        assert "title" not in home.attributes(f"sensor.{ENTITY}_session")

        for service, state in (("turn_on", "on"), ("turn_off", "off")):
            home.ask("call", domain="switch", service=service, data={"entity_id": f"switch.{ENTITY}_privacy"})
            home.wait({f"switch.{ENTITY}_privacy": state})
        data = {"entity_id": f"light.{ENTITY}_display", "brightness": 64}
        home.ask("call", domain="light", service="turn_on", data=data)
        home.wait_for(lambda: home.attributes(f"light.{ENTITY}_display").get("brightness") == 64)
    home.wait({f"sensor.{ENTITY}_session": "unavailable"})
    entities = home.ask("entities")
    assert main(["--set", "node.id=n1", "--set", f"node.state_dir={tmp_path}", *_set(broker), "retire"]) == 0
    home.wait(dict.fromkeys(entities, None))
    assert home.ask("entities") == {}
    assert home.ask("devices") == []
    assert not home.complaints()


def _set(broker: Any) -> tuple[str, str]:
    return "--set", f"mqtt.broker={broker.uri}"


def test_emptied_topics_are_no_complaint(
    mosquitto: Any, subscribe: Any, messages: Any, home_assistant: Callable[..., Any]
) -> None:
    """As when a person or a broker's console removes what is retained, the discovery message last."""
    broker = mosquitto()
    listener = subscribe(broker.port, topic="#")
    home = home_assistant(broker.port)
    listener.wait_payload("status", "online")
    device = Device(listener)
    discovery = announcement("face-edge", messages.info(), heartbeat_s=60)
    device.says(discovery.topic.name, discovery.payload)
    running = RunningSession(Session(id=ulid(1, bytes(10)), title="Show", start=NOW, kind=SessionKind.FILM))
    said = {
        "availability": "online",
        "camera": "online",
        "privacy/state": "OFF",
        "display/state": '{"state": "ON", "brightness": 128}',
        "session": running.to_payload(),
        "health": messages.health().to_json(),
    }
    for kind, payload in said.items():
        device.says(f"face-edge/n1/{kind}", payload)
    device.state(people=2)
    shown = {f"sensor.{ENTITY}_people": "2", f"sensor.{ENTITY}_session": "running", f"light.{ENTITY}_display": "on"}
    home.wait(shown)
    home.wait({f"sensor.{ENTITY}_process_fps": "1.0", f"switch.{ENTITY}_privacy": "off"})
    for kind in (*said, "state", "event"):
        device.says(f"face-edge/n1/{kind}", "")
    home.wait({f"light.{ENTITY}_display": "unknown", f"binary_sensor.{ENTITY}_camera": "unknown"})
    for payload in ("null", "[]", "7", "not JSON", "{}"):
        for kind in ("state", "health", "session", "display/state", "event"):
            device.says(f"face-edge/n1/{kind}", payload)
    device.says("face-edge/n1/camera", "paused")
    home.wait({f"binary_sensor.{ENTITY}_camera": "off"})
    device.says(discovery.topic.name, "")
    home.wait({f"light.{ENTITY}_display": None, f"sensor.{ENTITY}_people": None})
    assert not home.complaints()


def test_a_device_that_was_discovered_by_an_earlier_version_goes_on(
    mosquitto: Any, subscribe: Any, messages: Any, home_assistant: Callable[..., Any]
) -> None:
    """Its light had another schema, its sensors other templates."""
    broker = mosquitto()
    listener = subscribe(broker.port, topic="#")
    device = Device(listener)
    new = announcement("face-edge", messages.info(), heartbeat_s=60)
    old = json.loads(new.payload)
    light = old["cmps"]["display"]
    for key in ("state_template", "brightness_template", "command_on_template", "command_off_template"):
        del light[key]
    light.update(schema="json", brightness=True, supported_color_modes=["brightness"], flash=False, transition=False)
    for key in ("session", "session_start", "session_stop"):
        del old["cmps"][key]
    device.says(new.topic.name, json.dumps(old))
    device.says("face-edge/n1/availability", "online")
    device.says("face-edge/n1/display/state", '{"state": "ON", "brightness": 128}')
    home = home_assistant(broker.port)
    home.wait({f"light.{ENTITY}_display": "on", f"sensor.{ENTITY}_session": None})
    device.says(new.topic.name, new.payload)
    device.says("face-edge/n1/session", "null")
    home.wait({f"light.{ENTITY}_display": "on", f"sensor.{ENTITY}_session": "idle"})
    home.ask("call", domain="light", service="turn_off", data={"entity_id": f"light.{ENTITY}_display"})
    listener.wait("display/set")
    assert json.loads(listener.of("display/set")[-1].payload) == {"state": "OFF"}
    assert not home.complaints()
