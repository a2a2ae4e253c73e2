from __future__ import annotations

import pytest

from edge.audience.track_publisher import TrackPublisher
from edge.core.events import Stamp
from edge.core.types import EMOTIONS, Box, Emotion, Face, Observation, Scores

MS = 1_000_000


def face(box: Box, track_id: str = "a" * 8) -> Face:
    return Face(track_id, box, Scores.of([0, 0, 0, 3, 0, 0, 1]), Emotion.HAPPY, 0.75, primary=True)


def seen(ms: int, *faces: Face) -> Observation:
    return Observation(ms * MS, 0, 640, 480, faces)


def teller(k: int = 1) -> TrackPublisher:
    return TrackPublisher(Stamp(epoch_ns=0, seed=b"x"), interval_s=0.2, k=k)


def test_a_face_is_told_in_shares_of_the_picture() -> None:
    told = teller().observe(seen(0, face(Box(320, 120, 64, 96))))
    assert told is not None
    [one] = told.faces
    assert one.box == pytest.approx((0.5, 0.25, 0.1, 0.2))
    assert (one.id, one.emotion, one.confidence, one.primary) == ("a" * 8, Emotion.HAPPY, 0.75, True)
    assert one.scores == {
        emotion: pytest.approx({"happy": 0.75, "neutral": 0.25}.get(emotion, 0)) for emotion in EMOTIONS
    }


def test_a_box_that_reaches_beyond_the_picture_is_cut() -> None:
    told = teller().observe(seen(0, face(Box(-64, 400, 128, 160))))
    assert told is not None
    assert told.faces[0].box == pytest.approx((0, 400 / 480, 0.1, 80 / 480))


def test_a_box_beyond_the_picture_lies_on_its_edge() -> None:
    told = teller().observe(seen(0, face(Box(700, 500, 64, 96))))
    assert told is not None
    assert told.faces[0].box == (1.0, 1.0, 0.0, 0.0)


def test_at_most_so_often_and_once_more_when_all_have_gone() -> None:
    made, one = teller(), face(Box(0, 0, 64, 64))
    told = [made.observe(seen(ms, *([one] if ms < 500 else []))) for ms in range(0, 1000, 100)]
    assert [index for index, each in enumerate(told) if each is not None] == [0, 2, 4, 5]
    assert told[5] is not None
    assert told[5].faces == ()


def test_nobody_is_told_below_k_people() -> None:
    made, one = teller(k=2), face(Box(0, 0, 64, 64))
    assert made.observe(seen(0, one)) is None
    told = made.observe(seen(100, one, face(Box(90, 0, 64, 64), "b" * 8)))
    assert told is not None
    assert len(told.faces) == 2
    gone = made.observe(seen(200, one))
    assert gone is not None
    assert gone.faces == ()
