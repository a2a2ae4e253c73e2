from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from edge.core.types import Box
from edge.vision.local_search import LocalSearch
from edge.vision.scan import Scan
from tests.fixtures.room import FACE, FRAME_MS, FixedBudget, SearchRoom, WatchedDetector

if TYPE_CHECKING:
    from edge.vision.findings import SearchResult

SMALL = 320
"""Pixels across of the small picture."""


class Watch:
    """A search close by and the room that it watches."""

    def __init__(
        self,
        *,
        scan_s: float = 60.0,
        size: tuple[int, int] = (640, 480),
        plan_s: float = 0.2,
        near: WatchedDetector | None = None,
    ) -> None:
        self.room = SearchRoom(*size)
        self.detector = WatchedDetector()
        scan = Scan(self.detector, budget=FixedBudget(plan_s), min_face=0.1, width=SMALL)
        self.search = LocalSearch(scan, near=near or self.detector, interval_s=0.2, scan_s=scan_s, min_hits=2)

    def look(self, *faces: Box, **known: Any) -> SearchResult | None:
        return self.room.show(self.search, *faces, **known)

    def boxes(self, *faces: Box, **known: Any) -> list[Box]:
        found = self.look(*faces, **known)
        return [] if found is None else [each.box for each in found.detections]


def test_the_whole_picture_is_searched_first_and_then_now_and_then() -> None:
    watch = Watch(scan_s=1.0)
    (found,) = watch.boxes(FACE)
    assert found.iou(FACE) > 0.9
    for _ in range(70):
        watch.look(FACE, tracks=(watch.room.track(),), followed={"one"})
    assert watch.detector.whole() == 3
    assert watch.detector.calls == 3, "in between nothing was due and nothing moved"


def test_a_known_face_is_looked_for_where_it_should_be() -> None:
    watch = Watch()
    watch.look(FACE)
    moved = Box(208, 124, 100, 100)
    found = watch.look(moved, tracks=(watch.room.track(age_s=0.25),))
    assert found is not None
    assert found.detections[0].box.iou(moved) > 0.85
    assert found.looked_for == {"one"}
    assert watch.detector.sizes[-1] is not None
    assert max(watch.detector.shown[-1]) < 60


def test_known_faces_have_a_detector_of_their_own() -> None:
    near = WatchedDetector()
    watch = Watch(near=near)
    watch.look(FACE)
    for _ in range(10):
        watch.look(FACE, tracks=(watch.room.track(),))
    assert (watch.detector.calls, near.calls) == (1, 0)
    watch.look(FACE, tracks=(watch.room.track(age_s=0.25),))
    assert (watch.detector.calls, near.calls) == (1, 1)
    watch.look(FACE, Box(450, 300, 100, 100), tracks=(watch.room.track(),))
    assert (watch.detector.calls, near.calls) == (2, 1)


def test_only_who_is_due_was_looked_for() -> None:
    watch = Watch()
    other = Box(420, 250, 100, 100)
    watch.look(FACE, other)
    tracks = watch.room.track(age_s=0.25), watch.room.track(other, age_s=0.05, name="two")
    found = watch.look(FACE, other, tracks=tracks)
    assert found is not None
    assert found.looked_for == {"one"}
    assert len(found.detections) == 1


def test_a_face_that_is_followed_is_looked_for_less_often() -> None:
    watch = Watch()
    watch.look(FACE)
    for age_s in (0.25, 0.4):
        assert watch.look(FACE, tracks=(watch.room.track(age_s=age_s),), followed={"one"}) is None
    assert watch.look(FACE, tracks=(watch.room.track(age_s=2.0),), followed={"one"}) is not None


def test_a_face_that_moves_fast_is_looked_for_before_its_time() -> None:
    watch = Watch()
    watch.look(FACE)
    slow, fast = (replace(watch.room.track(age_s=0.1), speed_x=speed) for speed in (40.0, -400.0))
    assert watch.look(FACE, tracks=(slow,)) is None
    assert watch.look(FACE, tracks=(fast,)) is not None


def test_a_small_face_is_looked_for_in_the_full_picture() -> None:
    watch = Watch(size=(1920, 1080))
    small = Box(900, 500, 60, 60)
    watch.look(small)
    (found,) = watch.boxes(small, tracks=(watch.room.track(small, age_s=0.25),))
    assert found.iou(small) > 0.9, "10 pixels across in the reduced picture"


def test_a_face_at_the_border_and_one_that_has_left() -> None:
    watch = Watch()
    watch.look(Box(0, 0, 70, 80))
    assert watch.boxes(Box(0, 0, 70, 80), tracks=(watch.room.track(Box(-30, -20, 100, 100), age_s=0.3),))
    watch = Watch()
    watch.look(FACE)
    away = [Box(x, y, side, side) for x, y in ((700, 500), (-200, 100), (100, -200)) for side in (30, 100)]
    for number, gone in enumerate(away):
        calls = watch.detector.calls
        tracks = watch.room.track(), watch.room.track(gone, age_s=0.3, name=f"gone {number}")
        found = watch.look(FACE, tracks=tracks)
        assert found is not None
        assert found.detections == ()
        assert found.looked_for == {f"gone {number}"}
        assert watch.detector.calls == calls, "out of the picture there is nothing to search"


def test_an_unconfirmed_face_is_looked_for_in_every_frame() -> None:
    watch = Watch()
    watch.look(FACE)
    for _ in range(3):
        assert watch.boxes(FACE, tracks=(watch.room.track(age_s=0.033, hits=1),), followed={"one"})
    assert watch.look(FACE, tracks=(watch.room.track(age_s=0.033, hits=2),)) is None


def test_an_unconfirmed_face_that_is_not_found_is_given_up() -> None:
    watch = Watch()
    watch.look(FACE)
    watch.detector.blind = True
    for _ in range(30):
        watch.look(FACE, tracks=(watch.room.track(age_s=0.033, hits=1),))
    assert 2 <= watch.detector.calls - 1 <= 6


def test_a_newcomer_is_found_in_the_frame_in_which_it_comes() -> None:
    watch = Watch()
    watch.look()
    for _ in range(10):
        assert watch.look() is None
    (found,) = watch.boxes(FACE)
    assert found.iou(FACE) > 0.9
    assert watch.detector.whole() == 1


def test_two_searches_that_find_the_same_face_give_it_once() -> None:
    watch = Watch()
    watch.look(FACE)
    for _ in range(10):
        watch.look(FACE, tracks=(watch.room.track(),))
    other = Box(310, 120, 100, 100)
    assert len(watch.boxes(FACE, other, tracks=(watch.room.track(age_s=0.3),))) == 2
    watch = Watch()
    watch.look(FACE)
    twice = watch.room.track(age_s=0.3), watch.room.track(age_s=0.3, name="the same once more")
    assert len(watch.boxes(FACE, tracks=twice)) == 1
    assert watch.detector.calls == 3


def test_a_face_that_is_not_found_is_sought_at_once_again_and_then_as_rarely_as_others() -> None:
    watch = Watch()
    watch.look(FACE)
    watch.detector.blind = True
    start_ns = watch.room.now_ns
    calls = []
    for _ in range(18):
        before = watch.detector.calls
        age_s = 0.25 + (watch.room.now_ns - start_ns) / 1e9
        watch.look(FACE, tracks=(watch.room.track(age_s=age_s),))
        calls.append(watch.detector.calls - before)
    assert calls[:4] == [1, 1, 1, 1]
    assert sum(calls[4:]) == 2


def test_after_a_miss_a_known_face_is_searched_for_at_a_finer_scale() -> None:
    watch = Watch()
    watch.look(FACE)
    watch.detector.blind = True
    for _ in range(2):
        watch.look(FACE, tracks=(watch.room.track(age_s=0.3),))
    coarse_sizes, fine_sizes = watch.detector.sizes[-2:]
    coarse, fine = watch.detector.shown[-2:]
    assert coarse_sizes is not None
    assert fine_sizes is not None
    assert sum(fine_sizes) / 2 >= 40 > sum(coarse_sizes) / 2, "from twice its window on the cascade takes small steps"
    assert fine_sizes[0] / coarse_sizes[0] < max(fine) / max(coarse), "and further around"
    watch.detector.blind = False
    (found,) = watch.boxes(FACE, tracks=(watch.room.track(age_s=0.3),))
    assert found.iou(FACE) > 0.9


@pytest.mark.parametrize(("width", "height"), [(640, 480), (1920, 1080)])
def test_a_place_with_two_misses_is_searched_at_a_finer_scale_for_small_faces(width: int, height: int) -> None:
    watch = Watch(size=(width, height))
    factor = width / SMALL
    watch.look()
    watch.detector.blind = True
    newcomer = Box(60 * factor, 40 * factor, 60 * factor, 60 * factor)
    shown, sizes = watch.detector.shown, watch.detector.sizes
    while len(shown) < 4:
        watch.detector.blind = len(shown) < 3
        found = watch.boxes(newcomer)
        assert watch.room.index < 60
    smallest = 0.1 * (SMALL * height / width)
    assert [each[0] / smallest for each in sizes[1:] if each] == pytest.approx([1, 1, 2])
    assert sizes[3] == pytest.approx((2 * smallest, 4 * smallest))
    assert max(shown[3]) == pytest.approx(2 * max(shown[2]), abs=2)
    assert found[0].iou(newcomer) > 0.85


def test_a_large_place_that_moves_is_never_searched_finely() -> None:
    watch = Watch()
    watch.look()
    watch.detector.blind = True
    for _ in range(60):
        watch.look(Box(20, 20, 300, 320))
    assert len(watch.detector.shown) >= 4
    assert all(sizes is None or sizes[0] == pytest.approx(24) for sizes in watch.detector.sizes)


def test_where_most_of_the_picture_moves_all_of_it_is_searched_as_often_as_the_budget_allows() -> None:
    watch = Watch(plan_s=0.7)
    watch.look()
    while len(watch.room.searched_ms) < 2:
        found = watch.boxes(Box(20, 20, 300, 440))  # less than half: otherwise it is the light that has changed
    assert watch.detector.whole() == watch.detector.calls == 2
    assert watch.room.gaps_s() == pytest.approx([0.7], abs=FRAME_MS / 1000)
    assert len(found) == 1


def test_what_moves_and_is_no_face_is_searched_ever_more_rarely() -> None:
    watch = Watch()
    watch.look()
    watch.detector.blind = True
    for step in range(90):
        watch.look(Box(200 + 8 * (step % 2) * 6, 120, 100, 100))
    assert 2 <= watch.detector.calls - 1 <= 12


@pytest.mark.parametrize("how", ["reset", "clock"])
def test_after_a_reset_or_a_step_of_the_clock_it_begins_with_the_whole_picture(how: str) -> None:
    watch = Watch()
    watch.room.index = 1000
    watch.look(FACE)
    assert watch.look(FACE) is None
    if how == "reset":
        watch.search.reset()
    else:
        watch.room.index = 0
    assert watch.boxes(FACE)
    assert watch.detector.whole() == 2
