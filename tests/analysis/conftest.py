"""A pipeline that calls bright squares faces."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from edge.vision.track import TrackRules
from tests.fixtures.scripted_vision import bright_pipeline

if TYPE_CHECKING:
    from collections.abc import Callable

    from edge.vision.pipeline import Pipeline


def scripted_pipeline(still: bool) -> Pipeline:
    return bright_pipeline(rules=TrackRules(min_hits=1), still=still, seed=0)


@pytest.fixture
def pipeline() -> Callable[[bool], Pipeline]:
    return scripted_pipeline
