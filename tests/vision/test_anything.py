"""Whatever a detector says and however time goes, a frame gives an observation: an exception would cost the frame."""

from __future__ import annotations

import math
from random import Random
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.config import PrimaryConfig, SmoothingConfig
from edge.core.types import Box, Detection, Frame, Light
from edge.vision.budget import ScanBudget
from edge.vision.haar import HaarDetector
from edge.vision.local_search import LocalSearch
from edge.vision.pipeline import Pipeline
from edge.vision.scan import Scan
from edge.vision.scripted import ScriptedClassifier
from edge.vision.track import TrackRules
from edge.vision.whole_search import WholeSearch

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from edge.core.protocols import FaceDetector
    from edge.core.types import Landmarks
    from edge.vision.findings import FaceSearch

MS = 1_000_000


class Dreamer:
    """Finds faces anywhere, also where there is no picture, of any size; now and then the same ones again."""

    name = "dreamer"
    smallest = 20.0

    def __init__(self, seed: int) -> None:
        self._random = Random(seed)
        self._last: list[Detection] = []
        self.colour = self._random.random() < 0.5

    def detect(self, picture: NDArray[np.uint8], *, sizes: tuple[float, float] | None = None) -> list[Detection]:
        assert picture.ndim == 2 or (self.colour and picture.shape[2] == 3)
        assert min(picture.shape) >= 1
        assert sizes is None or 0 < sizes[0] <= sizes[1]
        if self._random.random() < 0.6:
            height, width = picture.shape[:2]
            self._last = [self._detection(width, height) for _ in range(self._random.randrange(4))]
        return self._last

    def _detection(self, width: int, height: int) -> Detection:
        box = self._box(width, height)
        if self._random.random() < 0.5:
            return Detection(box, self._random.random())
        points = [
            (box.x + self._random.uniform(-1, 2) * box.width, box.y + self._random.uniform(-1, 2) * box.height)
            for _ in range(5)
        ]
        landmarks: Landmarks = (points[0], points[1], points[2], points[3], points[4])
        return Detection(box, self._random.random(), landmarks)

    def _box(self, width: int, height: int) -> Box:
        x, y = self._random.uniform(-1.5, 1.5) * width, self._random.uniform(-1.5, 1.5) * height
        side = 10 ** self._random.uniform(-2, 0.5) * max(width, height)
        return Box(x, y, side, side * self._random.uniform(0.5, 2))


def vision(detector: FaceDetector, *, width: int, min_face: float, near: FaceDetector | None) -> Pipeline:
    """Make a pipeline that searches whole pictures, or close by where ``near`` is given."""
    scan = Scan(detector, budget=ScanBudget(share=1.0, interval_s=0.1), min_face=min_face, width=width)
    search: FaceSearch = (
        WholeSearch(scan, interval_s=0.1, scan_s=1.0)
        if near is None
        else LocalSearch(scan, near=near, interval_s=0.1, scan_s=1.0, min_hits=1)
    )
    return Pipeline(
        search,
        ScriptedClassifier(),
        rules=TrackRules(min_hits=1, begins=0.3, confirms=0.4),
        classify_interval_s=0.1,
        smoothing=SmoothingConfig(),
        primary=PrimaryConfig(),
        seed=1,
    )


@pytest.mark.parametrize("close_by", [False, True])
@pytest.mark.parametrize("real", [False, True])
@settings(max_examples=50)
@given(
    seed=st.integers(0, 2**32),
    size=st.tuples(st.integers(2, 200), st.integers(2, 200)),
    grey=st.booleans(),
    light=st.sampled_from([1.0, 0.2, 0.01]),
    width=st.sampled_from([0, 32, 320]),
    min_face=st.sampled_from([0.02, 0.1, 1.0]),
    steps=st.lists(st.sampled_from([0, 1, 33, 33, 33, 250, 1500, -40]), min_size=1, max_size=25),
)
def test_any_frame_gives_an_observation(
    *,
    close_by: bool,
    real: bool,
    seed: int,
    size: tuple[int, int],
    grey: bool,
    light: float,
    width: int,
    min_face: float,
    steps: list[int],
) -> None:
    chance = np.random.default_rng(seed)
    detector: FaceDetector = HaarDetector(min_face=min_face) if real else Dreamer(seed)
    detector.colour &= not close_by
    seeing = vision(detector, width=width, min_face=min_face, near=detector if close_by else None)
    now_ms = 0
    for index, step in enumerate(steps):
        now_ms = max(0, now_ms + step)
        shape = size if grey else (*size, 3)
        image = (light * chance.integers(0, 256, shape)).astype(np.uint8)
        level = int(light * chance.integers(0, 256))
        image[: chance.integers(1, size[0] + 1), : chance.integers(1, size[1] + 1)] = level
        before = image.copy()
        seen = seeing.step(Frame(image, now_ms * MS, index))
        assert np.array_equal(image, before), "nobody writes into the camera's picture"
        assert isinstance(seen.light, Light)
        assert len({face.track_id for face in seen.faces}) == len(seen.faces)
        for face in seen.faces:
            assert all(math.isfinite(value) for value in (face.box.x, face.box.y, face.box.width, face.box.height))
            assert sum(face.scores) == pytest.approx(1)
