"""The discovery message, held against the fields that Home Assistant's own schemas name, and its templates."""

from __future__ import annotations

import contextlib
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from edge.events import CameraStatus, Event, EventType, State, ulid
from edge.sinks.mqtt.homeassistant import BORN, announcement, birth_topic, removal
from edge.types import EMOTIONS, Emotion, Light

jinja2 = pytest.importorskip("jinja2", reason="templates are rendered with jinja2: pip install jinja2")

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
FIELDS = json.loads((Path(__file__).parents[2] / "data" / "homeassistant_fields.json").read_text(encoding="utf-8"))
MALFORMED = ["", "null", "[]", "7", '"text"', "not JSON", "{}", '{"scores": null}', '{"scores": 1, "confidence": "x"}']


@pytest.fixture
def made(messages: Any) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(announcement("site/a", messages.info(), heartbeat_s=20).payload)
    return found


def render(component: dict[str, Any], payload: str) -> str:
    """As Home Assistant does it: ``value``, and ``value_json`` where it is JSON."""
    variables: dict[str, Any] = {"value": payload}
    with contextlib.suppress(ValueError):
        variables["value_json"] = json.loads(payload)
    text: str = jinja2.Environment(autoescape=False).from_string(component["value_template"]).render(variables)
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


def test_every_key_is_one_that_home_assistant_knows(made: dict[str, Any]) -> None:
    for short in ("dev", "o", "cmps"):
        made[FIELDS["abbreviations"]["message"][short]] = made.pop(short)
    _holds(made, FIELDS["device"])
    _holds(
        {FIELDS["abbreviations"]["dev"].get(key, key): value for key, value in made["device"].items()}, FIELDS["dev"]
    )
    origin = {FIELDS["abbreviations"]["origin"].get(key, key): value for key, value in made["origin"].items()}
    _holds(origin, FIELDS["origin"])
    for component in made["components"].values():
        _holds({k: v for k, v in component.items() if k != "platform"}, FIELDS["platforms"][component["platform"]])


def _holds(found: dict[str, Any], fields: dict[str, list[str]]) -> None:
    assert set(fields["required"]) <= set(found)
    assert set(found) <= {*fields["required"], *fields["optional"]}


def test_it_has_the_entities_that_were_promised(made: dict[str, Any]) -> None:
    platforms = {key: component["platform"] for key, component in made["cmps"].items()}
    scores = {f"score_{emotion}" for emotion in EMOTIONS}
    diagnostics = {"temperature_c", "process_fps", "infer_ms_p95", "queue_depth", "drops", "last_frame_age_s"}
    sensors = {"emotion", "confidence", "people", "valence", *scores, *diagnostics}
    assert {key for key, platform in platforms.items() if platform == "sensor"} == sensors
    assert {key: platform for key, platform in platforms.items() if platform != "sensor"} == {
        "event": "event",
        "privacy": "switch",
        "display": "light",
        "marker": "button",
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
        assert component["default_entity_id"].startswith(f"{component['platform']}.face_edge_n1_")
        assert "object_id" not in component


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
    assert topics == {"state", "health", "event", "camera", "request/marker", *switches}


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
def test_no_template_fails_on_anything(made: dict[str, Any], payload: str) -> None:
    for key, component in made["cmps"].items():
        if "value_template" in component:
            assert render(component, payload) in {"None", "ON", "OFF", ""}, key


def test_the_button_sends_what_a_marker_takes(made: dict[str, Any]) -> None:
    assert json.loads(made["cmps"]["marker"]["payload_press"]) == {"label": "Home Assistant"}
