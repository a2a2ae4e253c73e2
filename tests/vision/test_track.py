from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from edge.types import Box
from edge.vision.track import Tracker

MS = 1_000_000


def tracker(**changes: float) -> Tracker:
    settings: dict[str, Any] = {"iou_threshold": 0.25, "max_age_s": 0.8, "min_hits": 2, "max_faces": 100, "seed": 1}
    return Tracker(**(settings | changes))


def test_a_face_counts_from_its_second_detection_on() -> None:
    tracks = tracker()
    tracks.update([Box(10, 10, 40, 40)], 0)
    assert tracks.faces(0) == []
    tracks.update([Box(12, 10, 40, 40)], 200 * MS)
    ((track, box),) = tracks.faces(200 * MS)
    assert box == Box(12, 10, 40, 40)
    assert len(track.id) == 8


def test_a_moving_face_keeps_its_id_and_is_predicted_between_detections() -> None:
    tracks = tracker()
    for step in range(6):
        tracks.update([Box(10 + 20 * step, 10, 40, 40)], step * 200 * MS)
    ((track, _),) = tracks.faces(1000 * MS)
    assert track.hits == 6
    ((_, ahead),) = tracks.faces(1100 * MS)
    assert 114 < ahead.x < 122


def test_two_faces_that_pass_each_other_stay_two() -> None:
    tracks = tracker()
    ids: set[str] = set()
    for step in range(10):
        left, right = Box(10 + 10 * step, 10, 30, 30), Box(100 - 10 * step, 60, 30, 30)
        tracks.update([left, right], step * 100 * MS)
        ids |= {track.id for track, _ in tracks.faces(step * 100 * MS)}
    assert len(ids) == 2


def test_a_face_that_is_gone_lives_on_for_its_age_and_no_longer() -> None:
    tracks = tracker(min_hits=1)
    tracks.update([Box(10, 10, 40, 40)], 0)
    tracks.update([], 400 * MS)
    assert len(tracks.faces(700 * MS)) == 1
    assert tracks.faces(900 * MS) == []


def test_only_the_largest_are_kept() -> None:
    tracks = tracker(min_hits=1, max_faces=3)
    tracks.update([Box(100 * i, 0, 10 + i, 10 + i) for i in range(8)], 0)
    assert [box.width for _, box in tracks.faces(0)] == [17, 16, 15]


def test_the_same_seed_gives_the_same_ids() -> None:
    first, second = tracker(min_hits=1), tracker(min_hits=1)
    for each in (first, second):
        each.update([Box(0, 0, 10, 10), Box(50, 0, 10, 10)], 0)
    assert [t.id for t, _ in first.faces(0)] == [t.id for t, _ in second.faces(0)]


boxes = st.builds(Box, st.floats(0, 600), st.floats(0, 400), st.floats(10, 200), st.floats(10, 200))


@settings(deadline=None)
@given(st.lists(st.lists(boxes, max_size=6), min_size=1, max_size=8))
def test_every_detection_is_one_track_and_ids_are_unique(rounds: list[list[Box]]) -> None:
    tracks = tracker(min_hits=1)
    for index, detections in enumerate(rounds):
        now = index * 100 * MS
        tracks.update(detections, now)
        found = tracks.faces(now)
        assert len({track.id for track, _ in found}) == len(found)
        fresh = [box for track, box in found if track.detected_ns == now]
        assert sorted(map(str, fresh)) == sorted(map(str, detections))
