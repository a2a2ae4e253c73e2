"""Whatever a detector says and however time goes, a frame gives an observation: an exception would cost the frame."""

from __future__ import annotations

import math
from random import Random
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.config import PrimaryConfig, SmoothingConfig, TrackerConfig
from edge.types import Box, Frame
from edge.vision.haar import HaarDetector
from edge.vision.pipeline import Pipeline
from edge.vision.scripted import ScriptedClassifier

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from edge.protocols import FaceDetector

MS = 1_000_000


class Dreamer:
    """Finds faces anywhere, also where there is no picture, of any size; now and then the same ones again."""

    name = "dreamer"

    def __init__(self, seed: int) -> None:
        self._random = Random(seed)
        self._last: list[Box] = []

    def detect(self, grey: NDArray[np.uint8], *, sizes: tuple[float, float] | None = None) -> list[Box]:
        assert grey.ndim == 2
        assert min(grey.shape) >= 1
        assert sizes is None or 0 < sizes[0] <= sizes[1]
        if self._random.random() < 0.6:
            height, width = grey.shape
            self._last = [self._box(width, height) for _ in range(self._random.randrange(4))]
        return self._last

    def _box(self, width: int, height: int) -> Box:
        x, y = self._random.uniform(-1.5, 1.5) * width, self._random.uniform(-1.5, 1.5) * height
        side = 10 ** self._random.uniform(-2, 0.5) * max(width, height)
        return Box(x, y, side, side * self._random.uniform(0.5, 2))


def vision(detector: FaceDetector, *, width: int, min_face: float) -> Pipeline:
    return Pipeline(
        detector,
        ScriptedClassifier(),
        detect_width=width,
        detect_interval_s=0.1,
        scan_s=1.0,
        min_face=min_face,
        classify_interval_s=0.1,
        tracker=TrackerConfig(min_hits=1),
        smoothing=SmoothingConfig(),
        primary=PrimaryConfig(),
        seed=1,
    )


@pytest.mark.parametrize("real", [False, True])
@settings(max_examples=60)
@given(
    seed=st.integers(0, 2**32),
    size=st.tuples(st.integers(2, 200), st.integers(2, 200)),
    grey=st.booleans(),
    width=st.sampled_from([0, 32, 320]),
    min_face=st.sampled_from([0.02, 0.1, 1.0]),
    steps=st.lists(st.sampled_from([0, 1, 33, 33, 33, 250, 1500, -40]), min_size=1, max_size=25),
)
def test_any_frame_gives_an_observation(
    *, real: bool, seed: int, size: tuple[int, int], grey: bool, width: int, min_face: float, steps: list[int]
) -> None:
    chance = np.random.default_rng(seed)
    seeing = vision(HaarDetector(min_face=min_face) if real else Dreamer(seed), width=width, min_face=min_face)
    now_ms = 0
    for index, step in enumerate(steps):
        now_ms = max(0, now_ms + step)
        shape = size if grey else (*size, 3)
        image = chance.integers(0, 256, shape).astype(np.uint8)
        image[: chance.integers(1, size[0] + 1), : chance.integers(1, size[1] + 1)] = chance.integers(0, 256)
        seen = seeing.step(Frame(image, now_ms * MS, index))
        for face in seen.faces:
            assert all(math.isfinite(value) for value in (face.box.x, face.box.y, face.box.width, face.box.height))
            assert sum(face.scores) == pytest.approx(1)
