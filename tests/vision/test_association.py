from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.core.types import Box
from edge.vision.association import associate

FACE = Box(100, 100, 40, 40)


def match(expected: list[Box], detections: list[Box], *, unseen_s: float = 0.0, least: float = 0.25) -> dict[int, int]:
    return associate(expected, [unseen_s] * len(expected), detections, iou_threshold=least)


def right(sides: float, size: float = 1.0) -> Box:
    """Return a box that many sides to the right of the face, ``size`` times as large."""
    side = FACE.width * size
    return Box(120 + 40 * sides - side / 2, 120 - side / 2, side, side)


def test_the_greatest_overlap_goes_first() -> None:
    left, middle = FACE, right(0.5)
    assert match([left, middle], [right(0.4), right(0.1)]) == {0: 1, 1: 0}
    assert match([left, middle], [right(0.4)]) == {1: 0}
    assert match([left], [right(0.1), right(0.4)]) == {0: 0}
    assert match([left], [right(0.4), right(0.1)]) == {0: 1}


def test_overlap_counts_before_distance() -> None:
    # the second face is as near to the detection, but only the first overlaps it
    assert match([FACE, right(0.9)], [right(0.45)], least=0.3) == {0: 0}
    assert match([right(0.9), FACE], [right(0.35)], least=0.3) == {1: 0}


def test_what_overlaps_too_little_is_matched_by_distance() -> None:
    assert FACE.iou(right(0.7)) < 0.25
    assert match([FACE], [right(0.7)]) == {0: 0}
    assert match([FACE, right(1.6)], [right(0.7)]) == {0: 0}, "the nearer one"
    assert match([FACE], [right(2.5)]) == {}


@pytest.mark.parametrize(("size", "same"), [(0.3, False), (0.7, True), (1.0, True), (1.5, True), (2.5, False)])
def test_a_face_does_not_change_its_size_at_once(size: float, same: bool) -> None:
    detection = right(0.7 if size < 1 else 0.75, size)
    assert (match([FACE], [detection], least=0.9) == {0: 0}) is same


def test_who_was_not_seen_for_longer_may_be_further_away_but_not_anywhere() -> None:
    assert match([FACE], [right(1.2)]) == {}
    assert match([FACE], [right(1.2)], unseen_s=2.0) == {0: 0}
    assert match([FACE], [right(3.0)], unseen_s=60.0) == {}


def test_distance_is_a_matter_of_the_faces_size_and_of_each_axis() -> None:
    large, small = Box(0, 0, 200, 200), Box(0, 0, 20, 20)
    assert match([large], [Box(0, 140, 200, 200)], least=0.9) == {0: 0}
    assert match([small], [Box(0, 140, 20, 20)], least=0.9) == {}


def test_without_an_overlap_asked_for_faces_that_do_not_touch_are_still_matched_by_distance() -> None:
    assert match([FACE, right(10)], [right(10.1), right(0.1)], least=0.0) == {0: 1, 1: 0}


boxes = st.builds(Box, st.floats(-50, 600), st.floats(-50, 400), st.floats(0, 200), st.floats(0, 200))


@settings(deadline=None)
@given(
    st.lists(st.tuples(boxes, st.floats(0, 5)), max_size=8),
    st.lists(boxes, max_size=8),
    st.floats(0, 1),
)
def test_each_face_and_each_detection_is_matched_at_most_once(
    known: list[tuple[Box, float]], detections: list[Box], least: float
) -> None:
    expected, unseen_s = [box for box, _ in known], [seconds for _, seconds in known]
    pairs = associate(expected, unseen_s, detections, iou_threshold=least)
    assert set(pairs) <= set(range(len(expected)))
    assert set(pairs.values()) <= set(range(len(detections)))
    assert len(set(pairs.values())) == len(pairs)
    for face, detection in pairs.items():
        (x, y), (other_x, other_y) = expected[face].centre, detections[detection].centre
        side = max(expected[face].width, expected[face].height)
        assert max(abs(x - other_x), abs(y - other_y)) <= max(3 * side, detections[detection].width + side)
