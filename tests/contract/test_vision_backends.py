"""What every detector and classifier keeps to."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from edge.manifest import packaged_model
from edge.protocols import EmotionClassifier, FaceDetector
from edge.vision.blazeface import BlazeFaceDetector
from edge.vision.haar import HaarDetector
from edge.vision.litert import LiteRtClassifier
from edge.vision.scripted import BrightDetector, ScriptedClassifier

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

DETECTORS: dict[str, Callable[[pytest.FixtureRequest], FaceDetector]] = {
    "haar": lambda _request: HaarDetector(min_face=0.1),
    "blazeface": lambda request: BlazeFaceDetector(_blazeface(request), min_face=0.1),
    "bright": lambda _request: BrightDetector(),
}
CLASSIFIERS: dict[str, Callable[[], EmotionClassifier]] = {
    "litert": lambda: LiteRtClassifier(packaged_model()),
    "litert, original labels": lambda: LiteRtClassifier(packaged_model(), head="fer2013"),
    "scripted": ScriptedClassifier,
}


def _blazeface(request: pytest.FixtureRequest) -> Path:
    """Skips where the model is not at hand."""
    path: Path = request.getfixturevalue("blazeface_file")
    return path


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
    boxes = detector.detect(portrait)
    assert boxes
    height, width = portrait.shape
    for box in boxes:
        assert box.x >= 0
        assert box.y >= 0
        assert box.x + box.width <= width
        assert box.y + box.height <= height
        assert box.area > 0


def test_a_detector_says_the_same_of_the_same_picture(detector: FaceDetector, portrait: np.ndarray) -> None:
    before = portrait.copy()
    assert detector.detect(portrait) == detector.detect(portrait)
    assert np.array_equal(portrait, before), "the picture was changed"


def test_a_detector_finds_nothing_in_the_dark(detector: FaceDetector) -> None:
    assert detector.detect(np.zeros((120, 160), np.uint8)) == []


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
