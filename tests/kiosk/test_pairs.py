"""What the page shows together comes from one frame, whatever was dropped on the way to it."""

from __future__ import annotations

import itertools
import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

pytest.importorskip("starlette", reason="the extra `kiosk` is not installed")

from edge import config as configuration
from edge.audience.event_detector import EventDetector
from edge.config import EventsConfig, PrivacyConfig, SmoothingConfig
from edge.core.commands import CommandQueue
from edge.core.events import Look, LookKind, Stamp
from edge.core.types import EMOTIONS, Box, Emotion, Face, Observation, Scores
from edge.kiosk.sink import KioskSink
from edge.runtime.dispatch import Mailbox

if TYPE_CHECKING:
    from pathlib import Path

S = 10**9


def face(emotion: Emotion) -> Face:
    scores = Scores.of(0.94 if e is emotion else 0.01 for e in EMOTIONS)
    return Face("0" * 8, Box(0, 0, 9, 9), scores, emotion, 0.94)


@pytest.fixture
def sink(tmp_path: Path) -> KioskSink:
    flags = {"node.id": "n1", "node.state_dir": tmp_path, "kiosk.enabled": True, "kiosk.port": 0}
    return KioskSink(configuration.load(environment={}, flags=flags), CommandQueue())


def told(sink: KioskSink) -> dict[str, Any]:
    found = dict(sink.board.newer_than(0, {"mood"})[1])
    return json.loads(found["mood"]) if found else {}


def look(at_s: float, emotion: Emotion, people: int) -> Look:
    return Look(LookKind.EMOTION, emotion, 0.94, people, frame_ns=int(at_s * S))


def frame(at_s: float, *faces: Face) -> Observation:
    return Observation(int(at_s * S), 0, 640, 480, faces)


def test_a_look_that_comes_before_its_frame_waits_for_it(sink: KioskSink) -> None:
    sink.handle(frame(1, face(Emotion.HAPPY), face(Emotion.HAPPY)))
    sink.handle(look(1, Emotion.HAPPY, 2))
    assert (told(sink)["emotion"], told(sink)["people"]) == ("happy", 2)
    sink.handle(frame(2))  # everybody has left, and the look of this frame is not here yet
    assert (told(sink)["emotion"], told(sink)["people"]) == ("happy", 2)
    sink.handle(look(3, Emotion.SAD, 1))  # that of the second frame was replaced by a newer one
    assert (told(sink)["emotion"], told(sink)["people"]) == ("happy", 2)
    sink.handle(frame(3, face(Emotion.SAD)))
    assert (told(sink)["emotion"], told(sink)["people"]) == ("sad", 1)


def test_a_pause_waits_for_no_frame(sink: KioskSink) -> None:
    sink.handle(frame(1, face(Emotion.HAPPY)))
    sink.handle(look(1, Emotion.HAPPY, 1))
    sink.handle(Look(LookKind.PAUSED))
    assert (told(sink)["kind"], told(sink)["people"]) == ("paused", 0)


@given(st.lists(st.tuples(st.integers(0, 3), st.sampled_from(EMOTIONS), st.integers(0, 4)), min_size=4, max_size=40))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_figures_agree_however_late_the_page_is(sink: KioskSink, moments: list[tuple[int, Emotion, int]]) -> None:
    """The loop puts, the sink takes a few of what waits, and only the newest of a kind waits, as on a busy board."""
    narrator = EventDetector(Stamp(epoch_ns=0, seed=b"x"), events=EventsConfig(), smoothing=SmoothingConfig(),
                        privacy=PrivacyConfig())  # fmt: skip
    mailbox = Mailbox(64)
    start = next(_STARTS)
    for number, (people, emotion, takes) in enumerate(moments):
        observation = frame(start + number * 0.1, *[face(emotion)] * people)
        for message in (observation, narrator.observe(observation).look):
            mailbox.put(message)
            for _ in range(min(takes, len(mailbox))):
                sink.handle(mailbox.take())
                now = told(sink)
                if now and now["emotion"] is not None:
                    assert now["people"] > 0
                    assert now["scores"][EMOTIONS.index(Emotion(now["emotion"]))] == now["confidence"]


_STARTS = itertools.count(0, 1000)
