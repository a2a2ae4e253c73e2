from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.core.types import EMOTIONS, Box, Emotion, Frame, Scores

coordinates = st.floats(-1e4, 1e4)
sides = st.floats(0.1, 1e4)
boxes = st.builds(Box, coordinates, coordinates, sides, sides)


def test_emotions_follow_fer2013_label_numbers() -> None:
    assert [emotion.value for emotion in EMOTIONS] == [
        "angry",
        "disgust",
        "fear",
        "happy",
        "sad",
        "surprise",
        "neutral",
    ]


@given(boxes, boxes)
def test_iou_is_symmetric_and_between_0_and_1(a: Box, b: Box) -> None:
    assert 0 <= a.iou(b) <= 1
    assert a.iou(b) == pytest.approx(b.iou(a))


@given(boxes)
def test_iou_with_itself_is_1(box: Box) -> None:
    assert box.iou(box) == pytest.approx(1)


def test_iou_of_half_overlap() -> None:
    assert Box(0, 0, 10, 10).iou(Box(5, 0, 10, 10)) == pytest.approx(1 / 3)


@given(boxes, st.floats(-0.4, 2))
def test_expanding_keeps_the_centre(box: Box, margin: float) -> None:
    assert box.expanded(margin).centre == pytest.approx(box.centre, abs=1e-6)


@given(boxes, st.floats(0.01, 10))
def test_scaling_back_gives_the_same_box(box: Box, factor: float) -> None:
    back = box.scaled(factor).scaled(1 / factor)
    assert (back.x, back.y, back.width, back.height) == pytest.approx((box.x, box.y, box.width, box.height), rel=1e-6)


@given(st.lists(st.floats(0, 1e6), min_size=7, max_size=7))
def test_scores_are_normalised(values: list[float]) -> None:
    scores = Scores.of(values)
    assert sum(scores) == pytest.approx(1)
    assert scores.confidence == max(scores)
    assert scores[scores.top] == scores.confidence


@pytest.mark.parametrize("values", [(1.0,), (0.5,) * 8, (2.0, -1.0, 0, 0, 0, 0, 0)])
def test_scores_of_wrong_shape_or_range_are_refused(values: tuple[float, ...]) -> None:
    with pytest.raises(ValueError, match=r"expected 7 scores|0\.\.1"):
        Scores(values)


def test_scores_as_dict_name_every_emotion() -> None:
    assert Scores.of([0, 0, 0, 1, 0, 0, 1]).as_dict() == {
        "angry": 0,
        "disgust": 0,
        "fear": 0,
        "happy": 0.5,
        "sad": 0,
        "surprise": 0,
        "neutral": 0.5,
    }
    assert Scores.of([0] * 7)[Emotion.SAD] == pytest.approx(1 / 7)


@pytest.mark.parametrize(
    "image",
    [
        np.zeros((4, 4, 4), np.uint8),
        np.zeros((4,), np.uint8),
        np.zeros((4, 4), np.float32),
        np.zeros((0, 4), np.uint8),
    ],
)
def test_frames_of_wrong_shape_or_type_are_refused(image: np.ndarray) -> None:
    with pytest.raises(ValueError, match="a frame must be uint8"):
        Frame(image, 0, 0)
