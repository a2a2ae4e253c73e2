"""A USB camera's controls for the tests of sources."""

from __future__ import annotations

import pytest

from tests.fixtures.v4l2 import FakeIoctl


@pytest.fixture
def webcam_controls() -> FakeIoctl:
    """The controls of a common USB camera; give it to a source as ``ioctl``."""
    return FakeIoctl()
