"""Simulated pins, looks of every kind, and a display that only remembers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from edge.sinks.display.base import Display
from edge.sinks.display.looks import MIENS
from edge.sinks.display.sheet import sample

if TYPE_CHECKING:
    from collections.abc import Iterator

    from edge.core.events import Look
    from edge.sinks.display.simulated import SimulatedPins


@pytest.fixture
def pins() -> Iterator[SimulatedPins]:
    """A board whose pins exist in memory only."""
    from edge.sinks.display.simulated import simulated_pins

    with simulated_pins() as board:
        yield board


@pytest.fixture(scope="session")
def looks() -> list[Look]:
    """One look of each kind and emotion, with plausible figures."""
    return [sample(mien) for mien in MIENS]


class RememberedDisplay(Display):
    """Keeps what it was told."""

    name = "remembered"

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.shown: list[Look] = []
        self.animated_ns: list[int] = []
        self.levels: list[float] = []

    def open(self) -> None:
        self.calls.append("open")

    def show(self, look: Look) -> None:
        self.shown.append(look)

    def dim(self, level: float) -> None:
        self.levels.append(level)

    def animate(self, now_ns: int) -> None:
        self.animated_ns.append(now_ns)

    def close(self) -> None:
        self.calls.append("close")


@pytest.fixture
def remembered() -> RememberedDisplay:
    """A display that keeps what it was told."""
    return RememberedDisplay()
