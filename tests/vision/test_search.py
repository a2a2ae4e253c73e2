from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from edge.types import Box, Frame
from edge.vision.reduce import Reducer
from edge.vision.scripted import BrightDetector
from edge.vision.search import Search
from edge.vision.track import Track

if TYPE_CHECKING:
    from numpy.typing import NDArray

MS = 1_000_000


class Watched(BrightDetector):
    """Remembers what it was shown; ``blind`` finds nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.shown: list[tuple[tuple[int, ...], tuple[float, float] | None]] = []
        self.blind = False

    def detect(self, grey: NDArray[np.uint8], *, sizes: tuple[float, float] | None = None) -> list[Box]:
        self.shown.append((grey.shape, sizes))
        found = super().detect(grey, sizes=sizes)
        return [] if self.blind else found

    def whole(self) -> int:
        return sum(sizes is None for _, sizes in self.shown)


class Room:
    """A search and what it is shown, a frame every 33 ms."""

    def __init__(self, *, scan_s: float = 2.0, width: int = 640, height: int = 480) -> None:
        self.detector = Watched()
        self.search = Search(self.detector, interval_s=0.2, scan_s=scan_s, min_face=0.1, min_hits=2)
        self.size = width, height
        self.index = 0

    def look(self, *faces: Box, tracks: tuple[Track, ...] = ()) -> list[Box] | None:
        width, height = self.size
        image = np.full((height, width, 3), 40, np.uint8)
        for box in faces:
            x, y, w, h = box.rounded()
            image[y : y + h, x : x + w] = 220
        frame = Frame(image, self.now_ns, self.index)
        self.index += 1
        return self.search.look(frame, Reducer().reduce(frame, 320), tracks)

    @property
    def now_ns(self) -> int:
        return self.index * 33 * MS

    def track(self, box: Box, *, age_s: float, hits: int = 5) -> Track:
        return Track("t", box, hits, self.now_ns - int(age_s * 1e9))


FACE = Box(200, 120, 100, 100)


def test_the_whole_picture_is_searched_first_and_then_now_and_then() -> None:
    room = Room(scan_s=1.0)
    (found,) = room.look(FACE) or []
    assert found.iou(FACE) > 0.9
    for _ in range(70):
        room.look(FACE, tracks=(room.track(FACE, age_s=0.0),))
    assert room.detector.whole() == 3
    assert room.detector.calls == 3  # in between nothing was due and nothing moved


def test_a_known_face_is_looked_for_where_it_should_be() -> None:
    room = Room()
    room.look(FACE)
    moved = Box(208, 124, 100, 100)
    (found,) = room.look(moved, tracks=(room.track(FACE, age_s=0.25),)) or []
    assert found.iou(moved) > 0.85
    shape, sizes = room.detector.shown[-1]
    assert sizes is not None
    assert max(shape) < 60


def test_a_small_face_is_looked_for_in_the_full_picture() -> None:
    room = Room(width=1920, height=1080)
    small = Box(900, 500, 60, 60)
    room.look(small)
    (found,) = room.look(small, tracks=(room.track(small, age_s=0.25),)) or []
    assert found.iou(small) > 0.9  # 10 pixels across in the reduced picture


def test_a_face_at_the_border_and_one_that_has_left() -> None:
    room = Room()
    corner = Box(-30, -20, 100, 100)
    room.look(Box(0, 0, 70, 80))
    assert room.look(Box(0, 0, 70, 80), tracks=(room.track(corner, age_s=0.3),)) != []
    room = Room(scan_s=60.0)
    room.look(FACE)
    away = [Box(x, y, side, side) for x, y in ((700, 500), (-200, 100), (100, -200)) for side in (30, 100)]
    for number, gone in enumerate(away):
        calls = room.detector.calls
        left = replace(room.track(gone, age_s=0.3), id=f"gone {number}")
        assert room.look(FACE, tracks=(room.track(FACE, age_s=0.0), left)) == []
        assert room.detector.calls == calls  # out of the picture there is nothing to search


def test_an_unconfirmed_face_is_looked_for_in_every_frame() -> None:
    room = Room()
    room.look(FACE)
    for hits in (1, 1, 1):
        assert room.look(FACE, tracks=(room.track(FACE, age_s=0.033, hits=hits),))
    assert room.look(FACE, tracks=(room.track(FACE, age_s=0.033, hits=2),)) is None


def test_a_newcomer_is_found_in_the_frame_in_which_it_comes() -> None:
    room = Room(scan_s=60.0)
    room.look()
    for _ in range(10):
        assert room.look() is None
    (found,) = room.look(FACE) or []
    assert found.iou(FACE) > 0.9
    assert room.detector.whole() == 1


def test_two_searches_that_find_the_same_face_give_it_once() -> None:
    room = Room(scan_s=60.0)
    room.look(FACE)
    for _ in range(10):
        room.look(FACE, tracks=(room.track(FACE, age_s=0.0),))
    other = Box(310, 120, 100, 100)
    found = room.look(FACE, other, tracks=(room.track(FACE, age_s=0.3),)) or []
    assert len(found) == 2


def test_a_face_that_is_not_found_is_sought_at_once_again_and_then_as_rarely_as_others() -> None:
    room = Room(scan_s=60.0)
    room.look(FACE)
    room.detector.blind = True
    start_ns = room.now_ns
    calls = []
    for _ in range(18):
        before = room.detector.calls
        age_s = 0.25 + (room.now_ns - start_ns) / 1e9
        room.look(FACE, tracks=(room.track(FACE, age_s=age_s),))
        calls.append(room.detector.calls - before)
    assert calls[:4] == [1, 1, 1, 1]
    assert sum(calls[4:]) == 2


def test_after_a_look_in_vain_a_known_face_is_looked_for_finely() -> None:
    room = Room(scan_s=60.0)
    room.look(FACE)
    room.detector.blind = True
    for _ in range(2):
        room.look(FACE, tracks=(room.track(FACE, age_s=0.3),))
    (coarse, coarse_sizes), (fine, fine_sizes) = room.detector.shown[-2:]
    assert coarse_sizes is not None
    assert fine_sizes is not None
    assert fine_sizes[0] >= 48 > coarse_sizes[0]  # twice the cascade's window: it takes steps of one pixel
    assert fine_sizes[0] / coarse_sizes[0] < max(fine) / max(coarse)  # and further around
    room.detector.blind = False
    (found,) = room.look(FACE, tracks=(room.track(FACE, age_s=0.3),)) or []
    assert found.iou(FACE) > 0.9


@pytest.mark.parametrize(("width", "height"), [(640, 480), (1920, 1080)])
def test_a_place_searched_twice_in_vain_is_searched_finely_for_small_faces(width: int, height: int) -> None:
    room = Room(scan_s=60.0, width=width, height=height)
    factor = width / 320
    room.look()
    room.detector.blind = True
    newcomer = Box(60 * factor, 40 * factor, 60 * factor, 60 * factor)
    shown = room.detector.shown
    while len(shown) < 4:
        room.detector.blind = len(shown) < 3
        found = room.look(newcomer) or []
        assert room.index < 60
    smallest = 0.1 * (320 * height / width)
    assert [sizes[0] / smallest for _, sizes in shown[1:] if sizes] == pytest.approx([1, 1, 2])
    assert shown[3][1] == pytest.approx((2 * smallest, 4 * smallest))
    assert max(shown[3][0]) == pytest.approx(2 * max(shown[2][0]), abs=2)
    assert found[0].iou(newcomer) > 0.85


def test_a_picture_that_moves_as_a_whole_is_never_searched_finely() -> None:
    room = Room(scan_s=60.0)
    room.look()
    room.detector.blind = True
    for _ in range(60):
        room.look(Box(20, 20, 300, 440))  # less than half: otherwise it is the light that has changed
    assert len(room.detector.shown) >= 4
    assert all(sizes is None or sizes[0] == pytest.approx(24) for _, sizes in room.detector.shown)


def test_what_moves_and_is_no_face_is_searched_ever_more_rarely() -> None:
    room = Room(scan_s=60.0)
    room.look()
    room.detector.blind = True
    for step in range(90):
        room.look(Box(200 + 8 * (step % 2) * 6, 120, 100, 100))
    assert 2 <= room.detector.calls - 1 <= 12


def test_after_a_reset_it_begins_with_the_whole_picture() -> None:
    room = Room(scan_s=60.0)
    room.look(FACE)
    room.search.reset()
    assert room.look(FACE)
    assert room.detector.whole() == 2
