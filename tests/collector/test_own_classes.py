"""A device whose model has classes of its own beside one with the usual seven: both are stored, and asked for alike."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from edge.core.events import Info

if TYPE_CHECKING:
    from collections.abc import Callable

THREE = {"positive": 0.7, "neutral": 0.2, "negative": 0.1}


def test_classes_of_a_models_own_are_stored(collector: Callable[..., Any], fleet: Any, device: Any) -> None:
    collector()
    own, usual = device("own"), device("usual")
    shares = {"positive": 0.8, "neutral": 0.2, "negative": 0.0}
    info = Info(
        node="own", software_version="1", model="m", model_sha256="0", head="consensus", detector="haar", runtime="x",
        source="usb:0", privacy={"k": 3}, labels=tuple(THREE),
    )  # fmt: skip
    fleet.send("own", "info", info.to_json(), retain=True)
    fleet.send("own", "aggregate", own.aggregate(scores=THREE, shares=shares).to_json())
    fleet.send("own", "event", own.event(1, emotion="positive").to_json())
    fleet.send("usual", "aggregate", usual.aggregate().to_json())
    fleet.eventually(lambda: len(fleet.query("SELECT id FROM face_edge.aggregates")) == 2)
    fleet.eventually(lambda: fleet.query("SELECT emotion FROM face_edge.events") == [("positive",)])
    fleet.eventually(lambda: fleet.query("SELECT labels FROM face_edge.nodes WHERE node = 'own'") == [(list(THREE),)])
    [(classes, neutral)] = fleet.query("SELECT classes, score_neutral FROM face_edge.aggregates WHERE node = 'own'")
    assert {name: pair["score"] for name, pair in classes.items()} == THREE
    assert neutral is None, "the columns of the seven say nothing of another model's neutral"
    found = fleet.query("SELECT node, class, share FROM face_edge.classes_per_minute ORDER BY node, share DESC")
    assert found[:3] == [("own", "positive", 0.8), ("own", "neutral", 0.2), ("own", "negative", 0.0)]
    assert len(found) == 3 + 7
    assert found[3] == ("usual", "happy", 1.0)
    assert fleet.query("SELECT dominant FROM face_edge.mood_per_minute WHERE node = 'usual'") == [("happy",)]
