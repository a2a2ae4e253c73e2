from __future__ import annotations

import math

import pytest

from edge.types import Box, Light
from edge.vision.budget import NARROWEST, Plan, ScanBudget
from edge.vision.scan import Scan
from tests.fixtures.room import FACE, FixedBudget, Room, WatchedDetector


def scan_of(
    detector: WatchedDetector, *, min_face: float = 0.1, width: int = 0, budget: ScanBudget | None = None
) -> Scan:
    return Scan(detector, budget=budget or FixedBudget(0.2), min_face=min_face, width=width)


def test_faces_come_in_pixels_of_the_frame() -> None:
    detector, room = WatchedDetector(), Room(1280, 960)
    found = scan_of(detector).run(room.view(320, FACE), [], Plan(320, 0.2))
    (face,) = found.detections
    assert detector.shown == [(240, 320)]
    assert face.box.iou(FACE) > 0.9


@pytest.mark.parametrize(("width", "looked_for"), [(320, {"large"}), (1280, {"small", "large"})])
def test_tracks_too_small_for_the_searchs_width_were_not_looked_for(width: int, looked_for: set[str]) -> None:
    room = Room(1280, 960)
    tracks = [room.track(Box(50, 50, 40, 40), name="small"), room.track(Box(400, 300, 200, 200), name="large")]
    found = scan_of(WatchedDetector()).run(room.view(320), tracks, Plan(width, 0.2))
    assert found.looked_for == looked_for, "the detector finds faces of 24 pixels; 40 are 10 in a search 320 wide"


@pytest.mark.parametrize(("brightness", "light"), [(1.0, Light.NORMAL), (0.1, Light.DARK)])
@pytest.mark.parametrize("colour", [False, True])
def test_in_the_dark_the_picture_is_searched_less_wide(brightness: float, light: Light, colour: bool) -> None:
    detector, budget, room = WatchedDetector(colour=colour), FixedBudget(0.2), Room(1280, 720, brightness)
    scan = scan_of(detector, min_face=0.02, budget=budget)
    view = room.view(1280, FACE)
    assert view.exposure.light is light
    found = scan.run(view, [], scan.plan(view))
    width, height = (1280, 720) if light is Light.NORMAL else (640, 360)
    assert detector.shown == [(height, width, 3) if colour else (height, width)]
    assert max(face.box.iou(FACE) for face in found.detections) > 0.9
    assert budget.ended == [(width, height, 1280)], "the budget hears what was searched and what was wanted"


def test_a_narrow_picture_is_as_wide_in_the_dark() -> None:
    detector, room = WatchedDetector(), Room(320, 240, 0.1)
    scan_of(detector).run(room.view(320, FACE), [], Plan(320, 0.2))
    assert detector.shown == [(240, 320)]


def test_it_plans_by_its_budget() -> None:
    room = Room(1280, 720)
    view = room.view(320)
    budget = FixedBudget(0.7, 448)
    assert scan_of(WatchedDetector(), budget=budget).plan(view) == Plan(448, 0.7)
    assert budget.aspect == 720 / 1280
    wide = scan_of(WatchedDetector(), min_face=0.1)
    assert wide.plan(view) == Plan(wide.width(1280, 720), 0.2)


def test_its_width_is_such_that_the_smallest_face_is_found() -> None:
    def width(min_face: float, across: int, down: int, given: int = 0) -> int:
        return scan_of(WatchedDetector(), min_face=min_face, width=given).width(across, down)

    # the detector finds faces of 24 pixels
    assert width(0.05, 1920, 1080) == pytest.approx(1920 * 24 / (0.05 * 1080), abs=1)
    assert width(0.05, 1080, 1920) == pytest.approx(1080 * 24 / (0.05 * 1080), abs=1)
    assert width(0.5, 1920, 1080) == NARROWEST
    assert width(0.01, 1920, 1080) == 1920
    assert width(0.5, 160, 120) == 160
    assert width(0.05, 1920, 1080, 500) == 500
    assert width(0.05, 400, 300, 500) == 400


def test_the_time_since_the_last_one() -> None:
    scan, room = scan_of(WatchedDetector()), Room()
    assert scan.since_s(0) == math.inf
    room.index = 100
    scan.run(room.view(320), [], Plan(320, 0.2))
    assert scan.since_s(room.now_ns + 500_000_000) == pytest.approx(0.5)
    assert scan.since_s(room.now_ns - 1) == math.inf, "a clock that was set back"
    scan.reset()
    assert scan.since_s(room.now_ns + 500_000_000) == math.inf
