"""A model with three classes of its own on a whole device: feed, LEDs, sessions, report and export name them."""

from __future__ import annotations

import csv
import json
from typing import TYPE_CHECKING, Any

import pytest

from edge import config as configuration
from edge.core.commands import StartSession
from edge.core.errors import ModelError
from edge.core.events import Aggregate, Event, EventType, Info, Look, State, Tracks
from edge.core.labels import LabelSet
from edge.runtime import build
from edge.sinks.display.simulated import simulated_pins
from edge.sinks.memory import MemorySink
from edge.sinks.mqtt.asyncapi import payload_schema
from edge.sinks.mqtt.homeassistant import announcement

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

THREE = ("positive", "neutral", "negative")
CLIP = "virtual:portrait?pace=fast&frames=220"
LEDS = {"positive": 5, "negative": 6}
KINDS = (Info, State, Event, Aggregate, Tracks, Look)
DETAILS = {"positive": {"colour": "#00ff00", "word": "content", "emoji": "👍"}}


def settings(folder: Path, model: Path, **flags: Any) -> configuration.Config:
    base: dict[str, Any] = {"node.id": "test", "node.state_dir": folder, "source.uri": CLIP, "model.path": model}
    base |= {"source.width": 640, "source.height": 480, "privacy.publish_tracks": True}
    return configuration.load(environment={}, flags=base | flags)


@pytest.fixture(scope="module")
def played(
    tmp_path_factory: pytest.TempPathFactory, own_classes: Callable[..., Path]
) -> tuple[Path, Path, MemorySink, dict[str, list[float]]]:
    """Folder and model of a device that has seen the portrait within a session, what it said, and its pins."""
    folder, memory = tmp_path_factory.mktemp("played"), MemorySink(KINDS)
    model = own_classes(THREE, DETAILS)
    displays = [
        {"kind": "rgb_led", "red": 17, "green": 27, "blue": 22, "min_hold_s": 0, "brightness": 1},
        {"kind": "leds", "leds": LEDS, "status": 21, "min_hold_s": 0},
    ]
    flags = {"display": displays, "privacy.k": 1, "sessions.k": 1, "events.aggregate_s": 5}
    with simulated_pins() as pins:
        wiring = build.device(settings(folder, model, **flags), extra_sinks=[memory])
        with wiring.resources:
            wiring.device._inbox.offer(StartSession("Three", k=1))
            wiring.device.run()
        seen = {
            name: [level for _, level in pins.history(pin)] for name, pin in (*LEDS.items(), ("green", 27), ("red", 17))
        }
    return folder, model, memory, seen


def test_the_feed_names_the_classes(played: Any) -> None:
    _, model, memory, _ = played
    [info] = memory.of(Info)
    assert info.labels == THREE
    events = [event for event in memory.of(Event) if event.type in {EventType.EXPRESSION_CHANGED, EventType.PEAK}]
    assert {event.emotion for event in events} == {"positive"}
    states = [state for state in memory.of(State) if state.scores is not None]
    assert states
    assert all(tuple(state.scores) == THREE for state in states if state.scores)
    assert max(state.valence or 0 for state in states) > 0.5
    aggregates = [window for window in memory.of(Aggregate) if window.scores is not None]
    assert all(tuple(window.shares or ()) == THREE for window in aggregates)
    assert any((window.shares or {})["positive"] > 0.9 for window in aggregates)
    faces = [face for tracks in memory.of(Tracks) for face in tracks.faces]
    assert {(face.emotion, tuple(face.scores)) for face in faces} == {("positive", THREE)}
    del model


@pytest.mark.parametrize("own", [False, True])
def test_messages_keep_to_the_schema(played: Any, own: bool) -> None:
    validator = pytest.importorskip("jsonschema").Draft202012Validator
    _, _, memory, _ = played
    labels = THREE if own else None
    for kind, made in (("state", State), ("event", Event), ("aggregate", Aggregate), ("info", Info), ("track", Tracks)):
        schema = validator(payload_schema(kind, labels))
        for message in memory.of(made):
            schema.validate(json.loads(message.to_json()))
    happy = {**json.loads(memory.of(Event)[1].to_json()), "emotion": "happy"}
    assert validator(payload_schema("event", labels)).is_valid(happy) is not own


def test_displays_show_the_look_of_each_class(played: Any) -> None:
    _, _, memory, seen = played
    looks = {look.label for look in memory.of(Look) if look.emotion == "positive"}
    assert {(label.word, label.emoji, label.colour) for label in looks} == {("content", "👍", "#00ff00")}
    assert max(seen["positive"]) > 0
    assert not any(seen["negative"])
    assert max(seen["green"]) == pytest.approx(1, abs=0.01)


def test_home_assistant_offers_the_classes(played: Any) -> None:
    _, _, memory, _ = played
    found = json.loads(announcement("x", memory.of(Info)[0]).payload)["cmps"]
    assert found["emotion"]["options"] == list(THREE)
    assert {key for key in found if key.startswith("score_")} == {f"score_{name}" for name in THREE}


def test_the_session_its_report_and_its_export_name_them(played: Any, tmp_path: Path) -> None:
    from edge.reports.export import write
    from edge.reports.library import digest, reading
    from edge.reports.report import report

    pytest.importorskip("matplotlib")
    folder, model, _, _ = played
    [path] = folder.glob("sessions-*.sqlite3")
    with reading(path) as file:
        [record] = file.sessions()
        recording = file.recording(record)
    assert record.labels == LabelSet.of(THREE, DETAILS)
    shares = digest(recording).shares
    assert tuple(shares) == THREE
    assert (shares["positive"] or 0) > 0.9
    page = report(recording)
    assert "content for" in page
    assert "the mean probability of positive less that of negative" in page
    assert "happy" not in page
    write(recording, tmp_path / "three.csv", "csv")
    rows = list(csv.DictReader((tmp_path / "three.csv").read_text(encoding="utf-8").splitlines()))
    assert {f"{kind}_{name}" for kind in ("score", "share") for name in THREE} <= set(rows[0])
    assert "score_happy" not in rows[0]
    assert any(row["share_positive"] not in {"", "0.0"} for row in rows)
    write(recording, tmp_path / "three.json", "json")
    assert json.loads((tmp_path / "three.json").read_text())["session"]["about"]["classes"][0]["word"] == "content"
    del model


def test_leds_of_classes_that_the_model_lacks_are_named(
    tmp_path: Path, own_classes: Callable[..., Path], caplog: pytest.LogCaptureFixture
) -> None:
    displays = [{"kind": "leds", "leds": {"positive": 5, "posh": 6}}]
    with simulated_pins():
        build.device(settings(tmp_path, own_classes(THREE), display=displays)).resources.close()
    assert "display.0.leds: the model has no class posh; it has positive, neutral, negative" in caplog.text


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"labels": ("positive", "neutral")}, "expected shape (1, 2), found (1, 3)"),
        ({"labels": ("Positive", "neutral", "negative")}, "is not a valid class name"),
        ({"labels": ("positive", "neutral", "fault")}, "the name is reserved"),
        ({"classes": None}, "expected labels angry, disgust"),
    ],
)
def test_a_manifest_that_does_not_fit_is_refused(
    own_classes: Callable[..., Path], changes: dict[str, Any], why: str
) -> None:
    from edge.vision.litert import LiteRtClassifier

    with pytest.raises(ModelError) as refusal:
        LiteRtClassifier(own_classes(THREE, **changes))
    assert why in str(refusal.value)
    assert "\n" not in str(refusal.value)
