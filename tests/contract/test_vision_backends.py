"""What every detector and classifier keeps to."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest

from edge.core.protocols import EmotionClassifier, FaceDetector
from edge.inference.manifest import packaged_model
from edge.vision.blazeface import BlazeFaceDetector
from edge.vision.haar import HaarDetector
from edge.vision.litert import LiteRtClassifier
from edge.vision.scripted import BrightDetector, ScriptedClassifier
from edge.vision.yunet import YuNetDetector

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from edge.core.types import Box

DETECTORS: dict[str, Callable[[pytest.FixtureRequest], FaceDetector]] = {
    "haar": lambda _request: HaarDetector(min_face=0.1),
    "blazeface": lambda request: BlazeFaceDetector(_file(request, "blazeface_file"), min_face=0.1),
    "yunet": lambda request: YuNetDetector(_file(request, "yunet_file"), min_face=0.1),
    "bright": lambda _request: BrightDetector(),
}
CLASSIFIERS: dict[str, Callable[[], EmotionClassifier]] = {
    "litert": lambda: LiteRtClassifier(packaged_model()),
    "litert, original labels": lambda: LiteRtClassifier(packaged_model(), head="fer2013"),
    "scripted": ScriptedClassifier,
}


def _file(request: pytest.FixtureRequest, fixture: str) -> Path:
    """Skips where the model is not at hand."""
    path: Path = request.getfixturevalue(fixture)
    return path


def picture_for(detector: FaceDetector, grey: np.ndarray) -> np.ndarray:
    """The picture as the detector wants it."""
    return np.asarray(cv2.cvtColor(grey, cv2.COLOR_GRAY2BGR)) if detector.colour else grey


@pytest.fixture(params=DETECTORS)
def detector(request: pytest.FixtureRequest) -> FaceDetector:
    return DETECTORS[request.param](request)


@pytest.fixture(params=CLASSIFIERS)
def classifier(request: pytest.FixtureRequest) -> Iterator[EmotionClassifier]:
    made = CLASSIFIERS[request.param]()
    yield made
    made.close()


def test_a_detector_names_itself_and_boxes_lie_in_the_picture(detector: FaceDetector, portrait: np.ndarray) -> None:
    assert isinstance(detector, FaceDetector)
    assert detector.name
    assert detector.smallest > 0
    found = detector.detect(picture_for(detector, portrait))
    assert found
    height, width = portrait.shape
    for each in found:
        box = each.box
        assert 0 <= each.score <= 1
        assert each.landmarks is None or len(each.landmarks) == 5
        assert box.x >= 0
        assert box.y >= 0
        assert box.x + box.width <= width
        assert box.y + box.height <= height
        assert box.area > 0


def test_a_detector_says_the_same_of_the_same_picture(detector: FaceDetector, portrait: np.ndarray) -> None:
    picture = picture_for(detector, portrait)
    before = picture.copy()
    assert detector.detect(picture) == detector.detect(picture)
    assert np.array_equal(picture, before), "the picture was changed"


@pytest.mark.parametrize("shape", [(120, 160), (1, 1), (1, 300), (300, 1), (7, 9)])
def test_a_detector_finds_nothing_in_the_dark_whatever_the_pictures_shape(
    detector: FaceDetector, shape: tuple[int, int]
) -> None:
    assert detector.detect(picture_for(detector, np.zeros(shape, np.uint8))) == []


def test_a_detector_finds_a_face_of_the_sizes_asked_for(
    detector: FaceDetector, portrait: np.ndarray, portrait_face: Box
) -> None:
    side = portrait_face.height
    found = detector.detect(picture_for(detector, portrait), sizes=(0.7 * side, 1.5 * side))
    assert any(each.box.iou(portrait_face) > 0.4 for each in found) or detector.name == "bright"


def test_a_classifier_scores_each_crop_in_order(classifier: EmotionClassifier) -> None:
    assert isinstance(classifier, EmotionClassifier)
    size = classifier.input_size
    noise = np.random.default_rng(1)
    crops = [noise.integers(0, 255, (size, size), np.uint8) for _ in range(5)]
    together = classifier.classify(crops)
    assert len(together) == 5
    assert together == [classifier.classify([crop])[0] for crop in crops]
    assert all(sum(scores) == pytest.approx(1, abs=1e-5) for scores in together)


def test_a_classifier_with_nothing_to_do_does_nothing(classifier: EmotionClassifier) -> None:
    assert classifier.classify([]) == []
    classifier.close()
    classifier.close()
