from __future__ import annotations

import math

import pytest

from edge.core.types import Box, Detection, Light
from edge.vision.budget import NARROWEST, ScanBudget, ScanPlan
from edge.vision.scan import Scan, distinct
from tests.fixtures.room import FACE, FixedBudget, SearchRoom, WatchedDetector


def scan_of(
    detector: WatchedDetector,
    *,
    min_face: float = 0.1,
    width: int = 0,
    budget: ScanBudget | None = None,
    least: tuple[float, float] = (0.0, 0.0),
) -> Scan:
    return Scan(detector, budget=budget or FixedBudget(0.2), min_face=min_face, width=width, least=least)


@pytest.mark.parametrize(("brightness", "scores"), [(1.0, [0.4]), (0.1, [0.4, 0.3])])
def test_weak_finds_are_left_out_less_strictly_in_the_dark(brightness: float, scores: list[float]) -> None:
    detector, room = WatchedDetector(), SearchRoom(320, 240, brightness)
    detector.only = [Detection(Box(10, 10, 50, 50), 0.4), Detection(Box(90, 10, 50, 50), 0.3), Detection(FACE, 0.2)]
    found = scan_of(detector, least=(0.4, 0.3)).run(room.view(320, FACE), [], ScanPlan(320, 0.2))
    assert [each.score for each in found.detections] == scores


def test_faces_come_in_pixels_of_the_frame() -> None:
    detector, room = WatchedDetector(), SearchRoom(1280, 960)
    found = scan_of(detector).run(room.view(320, FACE), [], ScanPlan(320, 0.2))
    (face,) = found.detections
    assert detector.shown == [(240, 320)]
    assert face.box.iou(FACE) > 0.9


@pytest.mark.parametrize(("width", "looked_for"), [(320, {"large"}), (1280, {"small", "large"})])
def test_tracks_too_small_for_the_searchs_width_were_not_looked_for(width: int, looked_for: set[str]) -> None:
    room = SearchRoom(1280, 960)
    tracks = [room.track(Box(50, 50, 40, 40), name="small"), room.track(Box(400, 300, 200, 200), name="large")]
    found = scan_of(WatchedDetector()).run(room.view(320), tracks, ScanPlan(width, 0.2))
    assert found.looked_for == looked_for, "the detector finds faces of 24 pixels; 40 are 10 in a search 320 wide"


@pytest.mark.parametrize(("brightness", "light"), [(1.0, Light.NORMAL), (0.1, Light.DARK)])
@pytest.mark.parametrize("colour", [False, True])
def test_in_the_dark_the_picture_is_searched_less_wide(brightness: float, light: Light, colour: bool) -> None:
    detector, budget, room = WatchedDetector(colour=colour), FixedBudget(0.2), SearchRoom(1280, 720, brightness)
    scan = scan_of(detector, min_face=0.02, budget=budget)
    view = room.view(1280, FACE)
    assert view.exposure.light is light
    found = scan.run(view, [], scan.plan(view))
    width, height = (1280, 720) if light is Light.NORMAL else (640, 360)
    assert detector.shown == [(height, width, 3) if colour else (height, width)]
    assert max(face.box.iou(FACE) for face in found.detections) > 0.9
    assert budget.ended == [(width, height, 1280)], "the budget hears what was searched and what was wanted"


def test_a_narrow_picture_is_as_wide_in_the_dark() -> None:
    detector, room = WatchedDetector(), SearchRoom(320, 240, 0.1)
    scan_of(detector).run(room.view(320, FACE), [], ScanPlan(320, 0.2))
    assert detector.shown == [(240, 320)]


def test_it_plans_by_its_budget() -> None:
    room = SearchRoom(1280, 720)
    view = room.view(320)
    budget = FixedBudget(0.7, 448)
    assert scan_of(WatchedDetector(), budget=budget).plan(view) == ScanPlan(448, 0.7)
    assert budget.aspect == 720 / 1280
    wide = scan_of(WatchedDetector(), min_face=0.1)
    assert wide.plan(view) == ScanPlan(wide.width(1280, 720), 0.2)


def test_only_what_is_around_the_areas_is_searched() -> None:
    detector, room = WatchedDetector(), SearchRoom(1280, 960)
    other = Box(900, 700, 100, 100)
    inside, outside = room.track(name="inside"), room.track(other, name="outside")
    found = scan_of(detector).run_in(room.view(320, FACE, other), [inside, outside], ScanPlan(640, 0.2), [FACE])
    assert found is not None
    (face,) = found.detections
    assert face.box.iou(FACE) > 0.9
    assert found.looked_for == {"inside"}
    ((height, width),) = detector.shown
    assert width < 640 / 2
    assert height < 480 / 2


def test_areas_apart_are_searched_apart_and_neighbours_together() -> None:
    room = SearchRoom(1280, 960)
    neighbour, apart = Box(310, 130, 100, 100), Box(900, 700, 100, 100)
    for areas, parts in (([FACE, neighbour], 1), ([FACE, apart], 2), ([apart, FACE, neighbour], 2)):
        detector = WatchedDetector()
        found = scan_of(detector).run_in(room.view(320, *areas), [], ScanPlan(640, 0.2), areas)
        assert found is not None
        assert len(detector.shown) == parts
        assert len(found.detections) == len(areas)
        assert all(any(each.box.iou(area) > 0.8 for each in found.detections) for area in areas)


@pytest.mark.parametrize("plan", [ScanPlan(320, 0.2), ScanPlan(640, 0.2), ScanPlan(1280, 0.2)])
def test_parts_have_few_sizes(plan: ScanPlan) -> None:
    detector, room = WatchedDetector(), SearchRoom(1280, 960)
    for side in range(60, 200, 7):
        scan_of(detector).run_in(room.view(320), [], plan, [Box(150, 200, side, side)])
    assert len(detector.shown) == 20
    assert len(set(detector.shown)) <= 5


def test_where_the_areas_are_most_of_the_picture_it_declines() -> None:
    detector, room = WatchedDetector(), SearchRoom(1280, 960)
    scan = scan_of(detector)
    assert scan.run_in(room.view(320), [], ScanPlan(640, 0.2), [Box(100, 100, 800, 700)]) is None
    many = [Box(x, y, 100, 100) for x in range(0, 1200, 300) for y in range(0, 900, 300)]
    assert scan.run_in(room.view(320), [], ScanPlan(640, 0.2), many) is None
    assert detector.calls == 0


@pytest.mark.parametrize("face", [Box(0, 0, 90, 90), Box(1190, 870, 90, 90), Box(0, 870, 90, 90), Box(600, 0, 90, 90)])
def test_areas_at_the_border_and_beyond_it_are_searched_as_far_as_there_is_a_picture(face: Box) -> None:
    detector, room = WatchedDetector(), SearchRoom(1280, 960)
    x, y = face.centre
    half_outside = Box(face.x + (60 if x > 640 else -60), face.y + (60 if y > 480 else -60), 90, 90)
    found = scan_of(detector).run_in(room.view(320, face), [], ScanPlan(640, 0.2), [half_outside])
    assert found is not None
    assert found.detections[0].box.iou(face) > 0.85


def test_a_face_that_a_part_cuts_is_left_out() -> None:
    detector, room = WatchedDetector(), SearchRoom(1280, 960)
    large = Box(300, 300, 300, 300)
    found = scan_of(detector).run_in(room.view(320, large), [], ScanPlan(640, 0.2), [Box(300, 300, 60, 60)])
    assert found is not None
    assert found.detections == ()


def parts_of(face: Box, *, frame: tuple[int, int] = (1280, 960), area: Box) -> tuple[Detection, ...]:
    """Return what a search around ``area`` keeps of a detector that finds ``face``, in pixels of the first part."""
    detector, room = WatchedDetector(), SearchRoom(*frame)
    detector.only = [Detection(face)]
    found = scan_of(detector).run_in(room.view(320), [], ScanPlan(frame[0], 0.2), [area])
    assert found is not None
    return found.detections


@pytest.mark.parametrize(
    ("face", "whole"),
    [
        (Box(11, 40, 100, 100), True),
        (Box(10, 40, 100, 100), False),
        (Box(40, 11, 100, 100), True),
        (Box(40, 10, 100, 100), False),
        (Box(81, 40, 100, 100), True),
        (Box(82, 40, 100, 100), False),
        (Box(40, 81, 100, 100), True),
        (Box(40, 82, 100, 100), False),
        (Box(11, 40, 100, 80), True),
        (Box(10, 40, 80, 100), False),
    ],
)
def test_a_face_within_a_tenth_of_its_size_from_a_parts_border_may_be_cut(face: Box, *, whole: bool) -> None:
    found = parts_of(face, area=Box(600, 400, 100, 100))  # the part is 192 pixels a side
    assert [each.box.width for each in found] == ([face.width] if whole else [])


@pytest.mark.parametrize(
    ("face", "area"),
    [
        (Box(0, 40, 100, 100), Box(0, 400, 100, 100)),
        (Box(40, 0, 100, 100), Box(600, 0, 100, 100)),
        (Box(92, 40, 100, 100), Box(1180, 400, 100, 100)),
        (Box(40, 92, 100, 100), Box(600, 860, 100, 100)),
    ],
)
def test_at_the_pictures_own_border_a_face_is_not_cut(face: Box, area: Box) -> None:
    assert len(parts_of(face, area=area)) == 1
    inside = Box(area.x or 2, area.y or 2, area.width - 2, area.height - 2)
    moved = Box(min(max(inside.x, 60), 1120), min(max(inside.y, 60), 800), 100, 100)
    assert parts_of(face, area=moved) == (), "the part ends within the picture"


@pytest.mark.parametrize(
    ("box", "inside"),
    [
        (Box(554, 354, 192, 192), True),
        (Box(553, 400, 100, 100), False),
        (Box(600, 353, 100, 100), False),
        (Box(647, 400, 100, 100), False),
        (Box(600, 447, 100, 100), False),
    ],
)
def test_a_track_was_looked_for_where_a_part_holds_all_of_it(box: Box, *, inside: bool) -> None:
    room = SearchRoom(1280, 960)
    track, plan = room.track(box), ScanPlan(1280, 0.2)
    found = scan_of(WatchedDetector()).run_in(room.view(320), [track], plan, [Box(600, 400, 100, 100)])
    assert found is not None
    assert found.looked_for == ({track.id} if inside else set())


def test_a_small_or_cut_track_was_not_looked_for_in_a_part() -> None:
    room = SearchRoom(1280, 960)
    tracks = (
        room.track(FACE, name="there"),
        room.track(Box(220, 140, 20, 20), name="small"),
        room.track(Box(300, 120, 300, 300), name="cut"),
    )
    found = scan_of(WatchedDetector()).run_in(room.view(320), tracks, ScanPlan(640, 0.2), [FACE])
    assert found is not None
    assert found.looked_for == {"there"}


@pytest.mark.parametrize("colour", [False, True])
def test_a_part_is_lightened_and_less_wide_in_the_dark(colour: bool) -> None:
    shown = []
    for brightness in (1.0, 0.1):
        detector, room = WatchedDetector(colour=colour), SearchRoom(1280, 720, brightness)
        view = room.view(320, FACE, Box(900, 300, 200, 200))
        found = scan_of(detector).run_in(view, [], ScanPlan(1280, 0.2), [FACE])
        assert found is not None
        assert found.detections[0].box.iou(FACE) > 0.85
        shown += detector.shown
    assert shown[0][1] > 1.3 * shown[1][1]
    assert {len(shape) for shape in shown} == {3 if colour else 2}


def test_the_same_face_of_two_searches_is_given_once() -> None:
    one, same, other = Detection(FACE), Detection(Box(210, 125, 100, 100)), Detection(Box(280, 120, 100, 100))
    assert distinct([one, same, other]) == (one, other)
    assert distinct([]) == ()


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
    scan, room = scan_of(WatchedDetector()), SearchRoom()
    assert scan.since_s(0) == math.inf
    room.index = 100
    scan.run(room.view(320), [], ScanPlan(320, 0.2))
    assert scan.since_s(room.now_ns + 500_000_000) == pytest.approx(0.5)
    assert scan.since_s(room.now_ns - 1) == math.inf, "a clock that was set back"
    scan.reset()
    assert scan.since_s(room.now_ns + 500_000_000) == math.inf
