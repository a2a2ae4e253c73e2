from __future__ import annotations

import math
from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest

from edge.core.errors import ModelError
from edge.vision import yunet
from edge.vision.haar import HaarDetector
from edge.vision.pose import is_facing, roll_of
from edge.vision.yunet import YuNetDetector

if TYPE_CHECKING:
    from pathlib import Path

    from edge.core.types import Box, Detection


@pytest.fixture(scope="module")
def detector(yunet_file: Path) -> YuNetDetector:
    return YuNetDetector(yunet_file, min_face=0.1)


@pytest.fixture(scope="module")
def colour(portrait_path: Path) -> np.ndarray:
    """The portrait, ``(height, width, 3)`` BGR."""
    picture = cv2.imread(str(portrait_path))
    assert picture is not None
    return picture


def row(x: float, y: float, width: float, height: float, score: float = 0.9) -> list[float]:
    return [x, y, width, height, *range(10), score]


def read(*rows: list[float], size: tuple[int, int] = (640, 480)) -> list[Detection]:
    return list(yunet._detections(np.array(rows, np.float32), *size))


def test_it_frames_the_face_of_a_portrait_as_the_cascade_does(
    detector: YuNetDetector, colour: np.ndarray, portrait: np.ndarray, portrait_face: Box
) -> None:
    (found,) = detector.detect(colour)
    expected, *_ = HaarDetector(min_face=0.1).detect(portrait)
    assert found.box.iou(portrait_face) > 0.5
    assert found.box.iou(expected.box) > 0.65
    assert found.score > 0.8


@pytest.mark.parametrize("mirrored", [False, True])
def test_landmarks_come_in_order_and_by_the_persons_own_sides(
    detector: YuNetDetector, colour: np.ndarray, mirrored: bool
) -> None:
    (found,) = detector.detect(np.ascontiguousarray(colour[:, ::-1]) if mirrored else colour)
    assert found.landmarks is not None
    right_eye, left_eye, nose, right_corner, left_corner = found.landmarks
    assert right_eye[0] < nose[0] < left_eye[0]
    assert right_corner[0] < left_corner[0]
    assert max(right_eye[1], left_eye[1]) < nose[1] < min(right_corner[1], left_corner[1])
    area = found.box.expanded(0.1)
    assert all(area.x <= x <= area.x + area.width and area.y <= y <= area.y + area.height for x, y in found.landmarks)
    assert is_facing(found.landmarks)
    assert roll_of(found.landmarks) == 0


@pytest.mark.parametrize("tilt", [-30, 30])
def test_a_large_head_that_is_tilted_has_a_roll(
    detector: YuNetDetector, colour: np.ndarray, portrait_face: Box, tilt: int
) -> None:
    """The landmarks make less of a tilt than it is, and of a small face's nothing."""
    turn = cv2.getRotationMatrix2D(portrait_face.centre, -tilt, 1.0)
    tilted = cv2.warpAffine(colour, turn, colour.shape[1::-1], borderMode=cv2.BORDER_REPLICATE)
    large = cv2.resize(tilted, None, fx=3, fy=3, interpolation=cv2.INTER_CUBIC)
    best = max(detector.detect(large.astype(np.uint8)), key=lambda each: each.score)
    assert 0.5 < roll_of(best.landmarks) / tilt < 1.1


def test_a_grey_picture_is_searched_as_well(detector: YuNetDetector, portrait: np.ndarray, portrait_face: Box) -> None:
    assert detector.detect(portrait)[0].box.iou(portrait_face) > 0.5


def test_boxes_are_squares_about_the_centre_in_the_cascades_framing() -> None:
    (found,) = read(row(100, 200, 50, 80))
    side = yunet._FRAMING * 80
    assert (found.box.width, found.box.height) == pytest.approx((side, side))
    assert found.box.centre == pytest.approx((125, 240))
    assert found.landmarks == ((0, 1), (2, 3), (4, 5), (6, 7), (8, 9))


def test_boxes_are_cut_at_the_borders() -> None:
    corner, other = read(row(-30, -20, 100, 100), row(600, 440, 80, 80))
    assert (corner.box.x, corner.box.y) == (0, 0)
    assert corner.box.width == pytest.approx(-30 + 50 + yunet._FRAMING * 50)
    assert corner.box.height == pytest.approx(-20 + 50 + yunet._FRAMING * 50)
    assert other.box.x + other.box.width == 640
    assert other.box.y + other.box.height == 480


@pytest.mark.parametrize(
    "bad",
    [
        row(10, 10, 40, 0),
        row(10, 10, -40, 40),
        row(10, 10, 400, 4),
        row(10, 10, 4, 400),
        row(math.nan, 10, 40, 40),
        row(10, 10, math.inf, 40),
        row(10, 10, 40, 40, math.nan),
        row(900, 10, 40, 40),
        row(10, -90, 40, 40),
    ],
)
def test_degenerate_boxes_are_dropped(bad: list[float]) -> None:
    good = row(100, 100, 40, 40)
    assert read(bad, good) == read(good)


def test_scores_are_shares_and_a_large_face_must_score_more() -> None:
    scores = [read(row(0, 0, side, side, 0.8))[0].score for side in (10, 15, 20, 25, 30, 300)]
    assert scores == sorted(scores, reverse=True)
    assert scores[0] == pytest.approx(0.8)
    assert scores[0] > scores[2] > scores[-1] > 0.6
    assert scores[-2] == scores[-1]
    assert [read(row(0, 0, 200, 200, score))[0].score for score in (0.01, 1.5)] == [0, 1]


def test_faces_smaller_than_asked_and_weak_ones_are_left_out(yunet_file: Path, colour: np.ndarray) -> None:
    assert YuNetDetector(yunet_file, min_face=0.6).detect(colour) == []
    assert YuNetDetector(yunet_file, min_face=0.1, confidence=0.99).detect(colour) == []


def test_the_largest_face_comes_first(detector: YuNetDetector, colour: np.ndarray) -> None:
    picture = np.zeros((512, 1024, 3), np.uint8)
    picture[:256, :256] = cv2.resize(colour, (256, 256), interpolation=cv2.INTER_AREA)
    picture[:, 512:] = colour
    large, small, *_ = detector.detect(picture)
    assert large.box.x > 512 > small.box.x
    assert large.box.width > 1.5 * small.box.width


def test_one_network_is_kept_for_each_of_the_last_sizes(yunet_file: Path) -> None:
    detector = YuNetDetector(yunet_file, min_face=0.1)

    def search(width: int) -> object:
        detector.detect(np.zeros((64, width, 3), np.uint8))
        return detector._nets[width, 64]

    first = search(96)
    assert search(128) is not first
    assert search(96) is first, "a camera whose wide and narrow searches take turns"
    for width in range(200, 200 + yunet._NETS - 1):
        search(width)
    assert search(96) is first, "the one used last goes last"
    for width in range(300, 300 + yunet._NETS):
        search(width)
    assert len(detector._nets) == yunet._NETS
    assert search(96) is not first


@pytest.mark.parametrize("shape", [(1, 1), (1, 400), (400, 1), (10, 10), (15, 300), (17, 33), (33, 500)])
@pytest.mark.parametrize("channels", [(), (3,)])
def test_pictures_of_any_shape_are_taken(
    detector: YuNetDetector, shape: tuple[int, int], channels: tuple[int, ...]
) -> None:
    assert detector.detect(np.full((*shape, *channels), 90, np.uint8)) == []


def test_without_its_file_it_says_how_to_get_it(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="face-edge models add yunet") as raised:
        YuNetDetector(tmp_path / "none.onnx", min_face=0.1)
    assert "\n" not in str(raised.value)


def test_another_file_is_refused(tmp_path: Path, yunet_file: Path) -> None:
    other = tmp_path / yunet.FILE
    other.write_bytes(yunet_file.read_bytes() + b"\0")
    with pytest.raises(
        ModelError, match=r"expected sha256 8f2383e4dd3c…, found .*: face-edge models add yunet"
    ) as raised:
        YuNetDetector(other, min_face=0.1)
    assert "\n" not in str(raised.value)
