"""The discovery message, held against the fields that Home Assistant's own schemas name, and its templates."""

from __future__ import annotations

import contextlib
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from edge.core.commands import Mark, SetDisplay, StartSession, StopSession
from edge.core.events import CameraStatus, Event, EventType, RunningSession, Session, SessionKind, State, ulid
from edge.core.types import EMOTIONS, Emotion, Light
from edge.sinks.mqtt.homeassistant import BORN, LEAST_VERSION, announcement, birth_topic, removal
from edge.sinks.mqtt.payloads import display, request

jinja2 = pytest.importorskip("jinja2", reason="templates are rendered with jinja2: pip install jinja2")

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
FIELDS = json.loads((Path(__file__).parents[2] / "data" / "homeassistant_fields.json").read_text(encoding="utf-8"))
MALFORMED = ["", "null", "[]", "7", '"text"', "not JSON", "{}", '{"scores": null}', '{"scores": 1, "confidence": "x"}']


@pytest.fixture
def made(messages: Any) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(announcement("site/a", messages.info(), heartbeat_s=20).payload)
    return found


def render(component: dict[str, Any], payload: str, template: str = "value_template") -> str:
    """As Home Assistant does it: ``value``, and ``value_json`` where it is JSON; what is undefined is an error here."""
    variables: dict[str, Any] = {"value": payload}
    with contextlib.suppress(ValueError):
        variables["value_json"] = json.loads(payload)
    environment = jinja2.Environment(autoescape=False, undefined=jinja2.StrictUndefined)
    text: str = environment.from_string(component[template]).render(variables)
    return text


def state(**changes: Any) -> str:
    figures: dict[str, Any] = {
        "people": 2,
        "emotion": Emotion.HAPPY,
        "confidence": 0.613,
        "uncertain": False,
        "scores": dict.fromkeys(EMOTIONS, 0.1) | {Emotion.HAPPY: 0.4},
        "valence": -0.25,
        "suppressed": False,
    }
    return State(ts=NOW, **(figures | changes)).to_json()


WITHHELD = {"emotion": None, "confidence": None, "scores": None, "valence": None, "suppressed": True}


def test_it_is_one_retained_message(messages: Any) -> None:
    publication = announcement("face-edge", messages.info())
    assert publication.topic.name == "homeassistant/device/n1/config"
    assert (publication.topic.retain, publication.topic.qos) == (True, 1)
    other = announcement("face-edge", messages.info(), discovery_prefix="ha")
    assert other.topic.name == "ha/device/n1/config"
    assert (birth_topic(), birth_topic("ha"), BORN) == ("homeassistant/status", "ha/status", "online")


def test_removal_empties_the_same_topic(messages: Any) -> None:
    gone = removal("n1", discovery_prefix="ha")
    assert gone.topic == announcement("x", messages.info(), discovery_prefix="ha").topic
    assert gone.payload == ""


@pytest.mark.parametrize("version", FIELDS["versions"])
def test_every_key_is_one_that_home_assistant_knows(messages: Any, version: str) -> None:
    made = json.loads(announcement("site/a", messages.info(), heartbeat_s=20, page_url="http://192.0.2.1:8080").payload)
    fields = FIELDS["versions"][version]
    for short in ("dev", "o", "cmps"):
        made[FIELDS["abbreviations"]["message"][short]] = made.pop(short)
    _holds(made, fields["device"])
    _holds(
        {FIELDS["abbreviations"]["dev"].get(key, key): value for key, value in made["device"].items()}, fields["dev"]
    )
    origin = {FIELDS["abbreviations"]["origin"].get(key, key): value for key, value in made["origin"].items()}
    _holds(origin, fields["origin"])
    for component in made["components"].values():
        known = fields["platforms"][component["platform"]]
        # each version knows one of the two and ignores the other
        assert len({"object_id", "default_entity_id"} & set(known["optional"])) == 1
        _holds(component, known, besides=frozenset({"platform", "object_id", "default_entity_id"}))


def _holds(found: dict[str, Any], fields: dict[str, list[str]], *, besides: frozenset[str] = frozenset()) -> None:
    assert set(fields["required"]) <= set(found)
    assert set(found) - besides <= {*fields["required"], *fields["optional"]}


def test_the_least_version_is_one_of_those_whose_keys_are_known() -> None:
    assert LEAST_VERSION in FIELDS["versions"]
    assert len(FIELDS["versions"]) == 2
    manual = (Path(__file__).parents[3] / "docs" / "mqtt.md").read_text(encoding="utf-8")
    assert f"**Home Assistant {LEAST_VERSION.rpartition('.')[0]} or newer**" in manual


def test_the_device_links_to_its_page(messages: Any) -> None:
    made = json.loads(announcement("x", messages.info(), page_url="https://hall.example").payload)
    assert made["dev"]["cu"] == "https://hall.example"
    assert "cu" not in json.loads(announcement("x", messages.info()).payload)["dev"]


def test_it_has_the_entities_that_were_promised(made: dict[str, Any]) -> None:
    platforms = {key: component["platform"] for key, component in made["cmps"].items()}
    scores = {f"score_{emotion}" for emotion in EMOTIONS}
    diagnostics = {"temperature_c", "process_fps", "infer_ms_p95", "queue_depth", "drops", "last_frame_age_s"}
    sensors = {"emotion", "confidence", "people", "valence", "session", *scores, *diagnostics}
    assert {key for key, platform in platforms.items() if platform == "sensor"} == sensors
    assert {key: platform for key, platform in platforms.items() if platform != "sensor"} == {
        "event": "event",
        "privacy": "switch",
        "display": "light",
        "marker": "button",
        "session_start": "button",
        "session_stop": "button",
        "camera": "binary_sensor",
        "too_dark": "binary_sensor",
        "suppressed": "binary_sensor",
    }
    problems = {"camera", "too_dark", "suppressed"}
    for key, component in made["cmps"].items():
        assert component.get("enabled_by_default", True) is (key not in scores)
        assert (component.get("entity_category") == "diagnostic") is (key in diagnostics | problems)


def test_ids_are_stable_and_unique(made: dict[str, Any], messages: Any) -> None:
    again = json.loads(announcement("elsewhere", messages.info(), discovery_prefix="ha").payload)
    ids = [component["unique_id"] for component in made["cmps"].values()]
    assert len(set(ids)) == len(ids)
    assert ids == [component["unique_id"] for component in again["cmps"].values()]
    assert ids[0] == "face_edge_n1_emotion"
    for component in made["cmps"].values():
        # what Home Assistant makes an entity id of before 2025.10, and since
        assert component["object_id"].startswith("face_edge_n1_")
        assert component["default_entity_id"] == f"{component['platform']}.{component['object_id']}"


@pytest.mark.parametrize(
    ("node", "slug"), [("Kiosk-2", "kiosk_2"), ("_a--b_", "a_b"), ("---", "node"), ("pi4-a1b2c3", "pi4_a1b2c3")]
)
def test_entity_ids_are_valid_whatever_the_node_is_called(messages: Any, node: str, slug: str) -> None:
    info = messages.info().model_copy(update={"node": node})
    components = json.loads(announcement("x", info).payload)["cmps"]
    assert components["people"]["default_entity_id"] == f"sensor.face_edge_{slug}_people"
    assert components["people"]["unique_id"] == f"face_edge_{node}_people"


def test_topics_are_those_of_the_contract(made: dict[str, Any]) -> None:
    base = "site/a/n1"
    assert made["availability_topic"] == f"{base}/availability"
    topics = {
        component[key].removeprefix(f"{base}/")
        for component in made["cmps"].values()
        for key in ("state_topic", "command_topic")
        if key in component
    }
    switches = {f"{name}/{what}" for name in ("privacy", "display") for what in ("state", "set")}
    requests = {f"request/{name}" for name in ("marker", "session_start", "session_stop")}
    assert topics == {"state", "health", "event", "camera", "session", *requests, *switches}


def test_units_suit_the_device_classes(made: dict[str, Any]) -> None:
    for component in made["cmps"].values():
        if component.get("device_class") in FIELDS["units"]:
            assert component["unit_of_measurement"] in FIELDS["units"][component["device_class"]]
        if "options" in component:
            assert component["device_class"] == "enum"
            assert not {"state_class", "unit_of_measurement"} & set(component)


def test_what_comes_with_every_beat_goes_stale_after_three(made: dict[str, Any], messages: Any) -> None:
    lasting = json.loads(announcement("x", messages.info()).payload)["cmps"]
    assert not any("expire_after" in component for component in lasting.values())
    for component in made["cmps"].values():
        beats = component.get("state_topic", "").rpartition("/")[2] in {"state", "health"}
        beats = beats and component["platform"] in {"sensor", "binary_sensor"}
        assert component.get("expire_after") == (60 if beats else None)


@pytest.mark.parametrize(
    ("key", "shown", "hidden"),
    [
        ("emotion", "happy", "None"),
        ("confidence", "61.3", "None"),
        ("people", "2", "2"),
        ("valence", "-0.25", "None"),
        ("score_happy", "40.0", "None"),
        ("suppressed", "OFF", "ON"),
    ],
)
def test_templates_show_what_a_state_says(made: dict[str, Any], key: str, shown: str, hidden: str) -> None:
    assert render(made["cmps"][key], state()) == shown
    assert render(made["cmps"][key], state(**WITHHELD)) == hidden


def test_zero_is_a_figure(made: dict[str, Any]) -> None:
    nobody = state(people=0, valence=0.0, confidence=0.0)
    assert [render(made["cmps"][key], nobody) for key in ("people", "valence", "confidence")] == ["0", "0.0", "0.0"]


def test_templates_show_what_health_says(made: dict[str, Any], messages: Any) -> None:
    unknown = messages.health().to_json()
    known = messages.health().model_copy(update={"temperature_c": 51.5, "infer_ms_p95": 3.25, "last_frame_age_s": 0.1})
    for key, value in (("temperature_c", "51.5"), ("infer_ms_p95", "3.25"), ("last_frame_age_s", "0.1")):
        assert render(made["cmps"][key], unknown) == "None"
        assert render(made["cmps"][key], known.to_json()) == value
    for key, value in (("process_fps", "1.0"), ("queue_depth", "0"), ("drops", "0")):
        assert render(made["cmps"][key], unknown) == value


@pytest.mark.parametrize(
    ("light", "shown"), [(None, "None"), (Light.NORMAL, "OFF"), (Light.DARK, "OFF"), (Light.TOO_DARK, "ON")]
)
def test_too_dark_to_see_is_a_problem(made: dict[str, Any], messages: Any, light: Light | None, shown: str) -> None:
    component = made["cmps"]["too_dark"]
    assert component["device_class"] == "problem"
    assert render(component, messages.health().model_copy(update={"light": light}).to_json()) == shown


def test_health_of_a_device_that_says_nothing_of_light_leaves_it_unknown(made: dict[str, Any], messages: Any) -> None:
    health = json.loads(messages.health().to_json())
    del health["light"]
    assert render(made["cmps"]["too_dark"], json.dumps(health)) == "None"


@pytest.mark.parametrize("status", CameraStatus)
def test_a_paused_camera_is_no_problem(made: dict[str, Any], status: CameraStatus) -> None:
    expected = "ON" if status is CameraStatus.OFFLINE else "OFF"
    assert render(made["cmps"]["camera"], status.value) == expected


@pytest.mark.parametrize("kind", EventType)
def test_events_carry_their_type_as_home_assistant_wants_it(made: dict[str, Any], kind: EventType) -> None:
    label = 'it\'s "5" <&> ä'
    event = Event(id=ulid(1, b"\0" * 10), seq=1, ts=NOW, type=kind, people=1, label=label)
    component = made["cmps"]["event"]
    rendered = json.loads(render(component, event.to_json()))
    assert rendered["event_type"] == kind.value
    assert kind.value in component["event_types"]
    assert rendered["label"] == label
    assert rendered["id"] == event.id


@pytest.mark.parametrize("payload", MALFORMED)
def test_no_template_fails_or_meets_what_is_undefined(made: dict[str, Any], payload: str) -> None:
    for key, component in made["cmps"].items():
        for name in ("value_template", "state_template"):
            if name in component:
                assert render(component, payload, name) in {"None", "ON", "OFF", "idle", ""}, key
    assert int(render(made["cmps"]["display"], payload, "brightness_template")) == 0
    assert isinstance(json.loads(render(made["cmps"]["session"], payload, "json_attributes_template")), dict)


def test_what_is_removed_is_unknown(made: dict[str, Any]) -> None:
    """An empty payload takes a retained message off the broker."""
    for component in made["cmps"].values():
        for name in ("value_template", "state_template"):
            if name in component:
                assert render(component, "", name) == ("" if component["platform"] == "event" else "None")


@pytest.mark.parametrize(
    ("payload", "shown", "brightness"),
    [
        ('{"state": "ON", "brightness": 128}', "on", "128"),
        ('{"state": "OFF", "brightness": 255}', "off", "255"),
        ('{"state": "ON", "brightness": null}', "on", "0"),
        ('{"state": "on"}', "None", "0"),
    ],
)
def test_the_light_shows_what_the_displays_do(made: dict[str, Any], payload: str, shown: str, brightness: str) -> None:
    light = made["cmps"]["display"]
    assert render(light, payload, "state_template") == shown
    assert render(light, payload, "brightness_template") == brightness


def test_the_light_asks_for_what_the_displays_take(made: dict[str, Any]) -> None:
    template = jinja2.Environment(autoescape=False).from_string(made["cmps"]["display"]["command_on_template"])
    assert display(template.render(state=True, brightness=64).encode()) == SetDisplay(on=True, brightness=64 / 255)
    assert display(template.render(state=True).encode()) == SetDisplay(on=True)
    assert display(made["cmps"]["display"]["command_off_template"].encode()) == SetDisplay(on=False)


def test_the_session_is_shown_with_what_is_known_of_it(made: dict[str, Any]) -> None:
    running = Session(id="0" * 26, title='the "best"', start=NOW, kind=SessionKind.FILM)
    sensor = made["cmps"]["session"]
    for session, shown in ((running, "running"), (None, "idle")):
        payload = RunningSession(session).to_payload()
        assert render(sensor, payload) == shown
        assert shown in sensor["options"]
        details = json.loads(render(sensor, payload, "json_attributes_template"))
        assert details.get("title") == (None if session is None else session.title)


@pytest.mark.parametrize(
    ("key", "command"),
    [
        ("marker", Mark("Home Assistant")),
        ("session_start", StartSession("Home Assistant", SessionKind.OTHER, None, None)),
        ("session_stop", StopSession()),
    ],
)
def test_a_button_sends_what_its_request_takes(made: dict[str, Any], key: str, command: Any) -> None:
    button = made["cmps"][key]
    assert button["command_topic"] == f"site/a/n1/request/{key}"
    assert request(key, button["payload_press"].encode()) == (None, command)
