from __future__ import annotations

from typing import Any

import pytest

from edge.audience.aggregate import Aggregator
from edge.audience.event_detector import EventDetector
from edge.audience.track_publisher import TrackPublisher
from edge.config import Config
from edge.core.events import Aggregate, Event, EventType, Look, LookKind, Stamp, State, Tracks
from edge.core.stage_timer import StageTimer
from edge.core.types import EMOTIONS, Box, Emotion, Face, Observation, Scores
from edge.runtime.observation_publisher import ObservationPublisher

MS = 1_000_000
HAPPY = Scores(tuple(0.7 if emotion is Emotion.HAPPY else 0.05 for emotion in EMOTIONS))
FACE = Face("0" * 8, Box(0, 0, 50, 50), HAPPY, Emotion.HAPPY, 0.7, HAPPY)


class Heard:
    """A voice and what it said; a frame every 100 ms."""

    def __init__(self, *, full: bool = True) -> None:
        config = Config()
        self.stamp = Stamp(epoch_ns=0, seed=b"test")
        self.said: list[Any] = []
        self.now_ns = 0
        self.timer = StageTimer()
        self.voice = ObservationPublisher(
            EventDetector(self.stamp, events=config.events, smoothing=config.smoothing, privacy=config.privacy),
            self.said.append,
            aggregator=Aggregator(self.stamp, window_s=10) if full else None,
            tracks=TrackPublisher(self.stamp, interval_s=1.0) if full else None,
            timer=self.timer,
        )

    def see(self, seconds: float, *faces: Face) -> None:
        for _ in range(round(seconds * 10)):
            self.voice.observe(Observation(self.now_ns, 0, 640, 480, faces))
            self.now_ns += 100 * MS

    def of(self, kind: type) -> list[Any]:
        return [message for message in self.said if isinstance(message, kind)]


def test_all_that_a_frame_gives_is_said_the_frame_itself_first() -> None:
    heard = Heard()
    heard.see(12.0, FACE)
    assert isinstance(heard.said[0], Observation)
    assert heard.of(Event)[0].type is EventType.PRESENCE_START
    assert len(heard.of(Observation)) == len(heard.of(Look)) == 120
    assert len(heard.of(Aggregate)) == 1  # the window that ended after ten seconds
    assert len(heard.of(Tracks)) == 12
    assert set(heard.timer.spent_ns) == {"tell", "publish"}


def test_without_windows_and_faces_neither_is_said() -> None:
    heard = Heard(full=False)
    heard.see(12.0, FACE)
    heard.voice.pause(heard.now_ns)
    heard.voice.flush(heard.now_ns)
    assert heard.of(Aggregate) == heard.of(Tracks) == []
    assert heard.of(State)


@pytest.mark.parametrize(("how", "kind"), [("pause", LookKind.PAUSED), ("lose_sight", LookKind.FAULT)])
def test_who_is_out_of_sight_counts_no_longer(how: str, kind: LookKind) -> None:
    heard = Heard()
    heard.see(4.0, FACE)
    getattr(heard.voice, how)(heard.now_ns)
    assert heard.of(Look)[-1].kind is kind
    heard.now_ns += 5_000 * MS
    heard.voice.tick(heard.now_ns)
    heard.voice.resume(heard.now_ns)
    heard.now_ns += 3_000 * MS
    heard.voice.tick(heard.now_ns)
    [window] = heard.of(Aggregate)
    assert window.observed_s == pytest.approx(4.0)
    assert window.person_seconds == pytest.approx(4.0)


def test_a_window_that_was_begun_is_said_at_the_end() -> None:
    heard = Heard()
    heard.see(4.0, FACE)
    assert not heard.of(Aggregate)
    heard.voice.flush(heard.now_ns)
    [window] = heard.of(Aggregate)
    assert window.person_seconds == pytest.approx(4.0)
