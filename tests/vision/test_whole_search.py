from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from edge.core.types import Box, Detection
from edge.vision.budget import NARROWEST
from edge.vision.scan import Scan
from edge.vision.whole_search import WholeSearch
from tests.fixtures.room import FACE, FRAME_MS, FixedBudget, SearchRoom, WatchedDetector

if TYPE_CHECKING:
    from edge.vision.findings import SearchResult


class Watch:
    """A search of whole pictures and the room that it watches."""

    def __init__(self, *, interval_s: float = 0.2, scan_s: float = 60.0, width: int | None = None) -> None:
        self.room = SearchRoom()
        self.detector = WatchedDetector()
        scan = Scan(self.detector, budget=FixedBudget(interval_s, width), min_face=0.1)
        self.search = WholeSearch(scan, interval_s=min(interval_s, 0.2), scan_s=scan_s)

    def look(self, *faces: Box, **known: Any) -> SearchResult | None:
        return self.room.show(self.search, *faces, **known)


def test_the_first_frame_is_searched() -> None:
    watch = Watch()
    found = watch.look(FACE)
    assert found is not None
    assert found.detections[0].box.iou(FACE) > 0.9
    assert watch.look(FACE) is None


def test_an_empty_room_in_which_nothing_moves_is_searched_now_and_then() -> None:
    watch = Watch(scan_s=1.0)
    for _ in range(100):
        watch.look()
    assert watch.room.gaps_s() == pytest.approx([1.0] * 3, abs=FRAME_MS / 1000)
    assert watch.search.still


def test_known_faces_are_confirmed_less_often_than_the_interval_allows() -> None:
    watch = Watch()
    for _ in range(120):
        watch.look(FACE, tracks=(watch.room.track(),), followed={"one"})
    assert len(watch.room.gaps_s()) >= 2
    assert all(0.3 < gap < 1.5 for gap in watch.room.gaps_s())


@pytest.mark.parametrize("hits", [1, 9])
def test_a_new_face_and_a_lost_one_are_looked_for_at_once_where_they_should_be(hits: int) -> None:
    watch = Watch(interval_s=0.5)
    watch.look(FACE)
    found = watch.look(FACE, tracks=(watch.room.track(hits=hits),), followed={"one"} if hits == 1 else set())
    assert found is not None
    assert found.looked_for == {"one"}
    assert found.detections[0].box.iou(FACE) > 0.9
    first, second = watch.detector.shown
    assert second[0] * second[1] < 0.6 * first[0] * first[1], "not in the whole picture"


def test_who_fills_the_picture_is_looked_for_in_all_of_it_before_the_interval_is_over() -> None:
    watch = Watch(interval_s=0.5)
    large = Box(50, 20, 400, 400)
    watch.look(large)
    while len(watch.room.searched_ms) < 2:
        watch.look(large, tracks=(watch.room.track(large),))
    assert watch.detector.shown[0] == watch.detector.shown[1]
    assert 2 * FRAME_MS / 1000 < watch.room.gaps_s()[0] < 0.25


@pytest.mark.parametrize(("hits", "missed", "followed"), [(9, 0, True), (9, 5, False), (1, 5, True), (1, 5, False)])
def test_a_face_that_is_followed_and_one_that_was_missed_are_not_urgent(hits: int, missed: int, followed: bool) -> None:
    watch = Watch(interval_s=0.5)
    watch.look(FACE)
    for _ in range(14):
        known = (watch.room.track(hits=hits, missed=missed),)
        assert watch.look(FACE, tracks=known, followed={"one"} if followed else set()) is None


def test_a_newcomer_is_found_in_the_frame_in_which_it_comes() -> None:
    watch = Watch()
    watch.look()
    for _ in range(10):
        assert watch.look() is None
    found = watch.look(FACE)
    assert found is not None
    assert found.detections[0].box.iou(FACE) > 0.9
    assert not watch.search.still


def test_who_moves_is_searched_for_no_more_often_than_the_budget_allows() -> None:
    watch = Watch(interval_s=0.7, width=448)
    watch.detector.blind = True
    for index in range(60):
        watch.look(Box(40 + 9 * index, 120, 100, 100))
    assert min(watch.room.gaps_s()) >= 0.7
    assert max(shape[1] for shape in watch.detector.shown) == 448


def test_what_moves_and_is_no_face_is_searched_ever_more_rarely() -> None:
    watch = Watch()
    watch.look()
    watch.detector.blind = True
    for step in range(180):
        watch.look(Box(200 + 48 * (step % 2), 120, 100, 100))
    gaps = watch.room.gaps_s()
    assert 3 <= len(gaps) <= 12, "30 without patience"
    assert max(gaps[len(gaps) // 2 :]) > 2 * gaps[1]


def test_a_place_where_somebody_new_was_found_is_not_given_up() -> None:
    watch = Watch()
    watch.look()
    for step in range(60):
        watch.look(Box(100 + 60 * (step % 2), 120, 100, 100))
    assert len(watch.room.gaps_s()) >= 7, "nobody remembers the face here, so it is new each time"
    assert min(watch.room.gaps_s()) >= 0.2, "but not more often than the interval allows"


def test_a_known_face_in_the_middle_of_what_moves_is_nobody_new() -> None:
    watch = Watch()
    known = Box(300, 220, 40, 40)
    small = known.scaled(watch.search.grey_width(640, 480) / 640)
    watch.detector.only = [Detection(small)]
    ring = Box(180, 120, 300, 30), Box(180, 360, 300, 30), Box(180, 120, 30, 270), Box(450, 120, 30, 270)
    for step in range(120):
        shown = ring if step % 2 else ()
        watch.look(*shown, tracks=(watch.room.track(known),), followed={"one"})
    assert len(watch.room.gaps_s()) <= 9, "18 if it were"


def test_a_known_face_that_moves_is_no_newcomer() -> None:
    watch = Watch()
    for index in range(60):
        place = replace(FACE, x=200 + 3 * (index % 20))
        watch.look(place, tracks=(watch.room.track(place),), followed={"one"})
    assert all(gap > 0.3 for gap in watch.room.gaps_s())


def test_the_small_picture_is_narrower_than_a_wide_search_but_not_too_narrow() -> None:
    def grey_width(min_face: float, width: int, height: int) -> int:
        scan = Scan(WatchedDetector(), budget=FixedBudget(0.2), min_face=min_face)
        return WholeSearch(scan, interval_s=0.2, scan_s=2.0).grey_width(width, height)

    assert NARROWEST < grey_width(0.02, 1920, 1080) < 1920
    assert grey_width(0.1, 640, 480) == NARROWEST
    assert grey_width(0.02, 160, 120) == 160


def test_it_knows_where_something_moved() -> None:
    watch = Watch()
    watch.look()
    watch.look(FACE)
    scale = 640 / watch.search.grey_width(640, 480)
    assert watch.search.changed(FACE.expanded(0.1).scaled(1 / scale))
    assert not watch.search.changed(Box(420, 300, 100, 100).scaled(1 / scale))


@pytest.mark.parametrize("how", ["reset", "clock"])
def test_after_a_reset_or_a_step_of_the_clock_it_begins_anew(how: str) -> None:
    watch = Watch()
    watch.room.index = 1000
    watch.look(FACE)
    assert watch.look(FACE) is None
    if how == "reset":
        watch.search.reset()
    else:
        watch.room.index = 0
    assert watch.look(FACE) is not None
    assert watch.look(FACE) is None
