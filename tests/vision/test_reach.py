from __future__ import annotations

import doctest
from typing import Any

import pytest

from edge.config import DetectorConfig, SourceConfig
from edge.vision import reach as room
from edge.vision.blazeface import BlazeFaceDetector
from edge.vision.haar import HaarDetector
from edge.vision.reach import (
    FACE_M,
    PI_LENSES,
    WEBCAM_LENSES,
    Reach,
    detectable_px,
    reach,
    reach_m,
    smallest_face_px,
    table,
)
from edge.vision.yunet import YuNetDetector


def test_a_pinhole_camera_of_90_degrees_sees_a_width_of_twice_the_distance() -> None:
    width_of_view_m = FACE_M * 1000 / 80
    assert reach_m(80, 1000, 90) == pytest.approx(width_of_view_m / 2)
    assert reach_m(40, 1000, 90) == pytest.approx(2 * reach_m(80, 1000, 90))
    assert reach_m(80, 1000, 60) > reach_m(80, 1000, 90)


def reached(uri: str, width: int = 1280, height: int = 720, *, kind: str = "haar", rotation: Any = 0) -> Reach:
    return reach(SourceConfig(uri=uri, rotation=rotation), DetectorConfig(), width, height, kind=kind)


def test_the_docs_example_holds() -> None:
    assert doctest.testmod(room).failed == 0
    found = reached("picamera")
    assert found.face_px == 36
    assert [(lens.key, round(metres, 1)) for lens, metres in found.metres] == [
        ("module3", 4.4),
        ("module3_wide", 2.3),
        ("module2", 4.7),
        ("hq6", 4.6),
    ]


@pytest.mark.parametrize(
    ("frame", "share", "detectable", "search_width", "pixels"),
    [
        ((1280, 720), 0.05, 18, 0, 36),
        ((720, 1280), 0.05, 18, 0, 36),
        ((1280, 720), 0.025, 18, 0, 18),
        ((1280, 720), 0.025, 24, 0, 24),
        ((320, 240), 0.05, 18, 0, 18),
        ((1280, 720), 0.05, 24, 320, 96),
        ((1280, 720), 0.05, 24, 4000, 36),
        ((1000, 1001), 0.0333, 0, 0, 34),
    ],
)
def test_the_smallest_face_is_what_is_asked_for_or_what_the_detector_can(
    frame: tuple[int, int], share: float, detectable: float, search_width: int, pixels: int
) -> None:
    assert smallest_face_px(*frame, share, detectable=detectable, search_width=search_width) == pixels


@pytest.mark.parametrize(("levels", "pixels"), [(1, 256), (2, 128), (3, 64), (4, 36)])
def test_blazeface_reaches_as_far_as_its_levels(levels: int, pixels: int) -> None:
    settings = DetectorConfig(levels=levels)
    assert reach(SourceConfig(), settings, 1280, 720, kind="blazeface").face_px == pixels
    assert reach(SourceConfig(), settings, 1280, 720, kind="haar").face_px == 36


def test_the_width_that_the_detector_searches_limits_the_smallest_face() -> None:
    settings = DetectorConfig(width=320, min_face=0.01)
    assert reach(SourceConfig(), settings, 1280, 720, kind="haar").face_px == 4 * detectable_px("haar")
    assert reach(SourceConfig(), settings, 1280, 720, kind="yunet").face_px == 4 * detectable_px("yunet")


def test_the_limits_are_those_of_the_detectors() -> None:
    for detector in (HaarDetector, YuNetDetector, BlazeFaceDetector):
        assert detectable_px(detector.name) == detector.smallest


@pytest.mark.parametrize(
    ("uri", "lenses"),
    [
        ("picamera:1", PI_LENSES),
        ("usb:0", WEBCAM_LENSES),
        ("/dev/v4l/by-id/usb-cam-video-index0", WEBCAM_LENSES),
        ("rtsp://camera/1", WEBCAM_LENSES),
        ("rtsps://camera/1", WEBCAM_LENSES),
        ("http://camera/stream", WEBCAM_LENSES),
        ("https://camera/stream", WEBCAM_LENSES),
        ("virtual", WEBCAM_LENSES),
        ("film.mp4", ()),
        ("images:pictures", ()),
        ("replay:film.mp4?pace=fast", ()),
    ],
)
def test_lenses_are_those_that_the_source_may_have(uri: str, lenses: object) -> None:
    assert tuple(lens for lens, _ in reached(uri).metres) == lenses


def test_a_camera_on_its_side_has_its_width_upright() -> None:
    upright = reached("usb:0", kind="yunet")
    assert reached("usb:0", 720, 1280, kind="yunet", rotation=90) == upright
    assert reached("usb:0", kind="yunet", rotation=180) == upright


def test_the_table_has_a_row_for_each_frame_and_share() -> None:
    head, *rows = table(((1280, 720), (1920, 1080)), (0.1, 0.05, 0.025), detectable=18)
    assert head[:3] == ["frame", "smallest face", "Camera Module 3"]
    assert len(rows) == 6
    assert rows[1][:3] == ["1280\N{MULTIPLICATION SIGN}720", "5 %, 36 pixels", "4.4 m"]
    assert {len(row) for row in rows} == {len(head)}
