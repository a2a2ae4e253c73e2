"""A pipeline that calls bright squares faces."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from edge.config import PrimaryConfig, SmoothingConfig, TrackerConfig
from edge.vision.pipeline import Pipeline
from edge.vision.scripted import BrightDetector, ScriptedClassifier

if TYPE_CHECKING:
    from collections.abc import Callable


def scripted_pipeline(still: bool) -> Pipeline:
    return Pipeline(
        BrightDetector(),
        ScriptedClassifier(),
        detect_width=320,
        detect_interval_s=0.0,
        tracker=TrackerConfig(min_hits=1),
        smoothing=SmoothingConfig(),
        primary=PrimaryConfig(),
        memory=not still,
        seed=0,
    )


@pytest.fixture
def pipeline() -> Callable[[bool], Pipeline]:
    return scripted_pipeline
