"""What several parts of the suite need: a real face, and where the research data may lie."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import pytest
from hypothesis import HealthCheck, settings

import edge.sources
from edge.core.types import Box

pytest_plugins = [
    "tests.fixtures.media",
    "tests.fixtures.video4linux",
    "tests.fixtures.drawn",
    "tests.fixtures.recordings",
    "tests.fixtures.odd_cameras",
    "tests.fixtures.disks",
    "tests.fixtures.broker",
    "tests.fixtures.certificates",
    "tests.fixtures.proxies",
    "tests.fixtures.networks",
    "tests.fixtures.messages",
    "tests.fixtures.sessions",
    "tests.fixtures.detectors",
    "tests.fixtures.https",
    "tests.fixtures.devices",
    "tests.fixtures.stopwatch",
    "tests.fixtures.own_classes",
]

if TYPE_CHECKING:
    import numpy as np

# the same examples each time, and as long as a busy machine takes: `make drill NAME=fuzz` is for what is random
settings.register_profile("suite", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("suite")


@pytest.fixture(scope="session")
def portrait_path() -> Path:
    """The public-domain portrait that the virtual source draws with."""
    (path,) = (Path(edge.sources.__file__).parent / "assets").glob("*.jpg")
    return path


@pytest.fixture(scope="session")
def portrait(portrait_path: Path) -> np.ndarray:
    """The portrait, grey ``(height, width)`` uint8."""
    picture = cv2.imread(str(portrait_path), cv2.IMREAD_GRAYSCALE)
    assert picture is not None
    return picture


@pytest.fixture(scope="session")
def portrait_face(portrait: np.ndarray) -> Box:
    """Where the face is in the portrait, read off the picture by eye, in shares of its size."""
    height, width = portrait.shape
    return Box(0.33 * width, 0.13 * height, 0.22 * width, 0.26 * height)
