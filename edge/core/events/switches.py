"""What is switched on or off, and the session that runs: retained, so that every page and panel shows the same."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from edge.core.events.messages import Session

FULL = 255
"""Brightness on the wire that stands for all of the display's configured brightness."""


@dataclass(frozen=True, slots=True)
class Privacy:
    """``on`` while nobody is looked at."""

    on: bool

    def to_payload(self) -> str:
        """``ON`` or ``OFF``."""
        return _word(on=self.on)


@dataclass(frozen=True, slots=True)
class Lighting:
    """Whether displays shine, and how much of their configured brightness, 0 to 1, they have."""

    on: bool = True
    brightness: float = 1.0

    @property
    def level(self) -> float:
        """Share of the configured brightness now."""
        return self.brightness if self.on else 0.0

    def to_payload(self) -> str:
        """JSON as Home Assistant's lights have it."""
        return json.dumps({"state": _word(on=self.on), "brightness": round(self.brightness * FULL)})


@dataclass(frozen=True, slots=True)
class RunningSession:
    """The session that runs now, or none."""

    session: Session | None

    def to_payload(self) -> str:
        """JSON; ``null`` for none."""
        return "null" if self.session is None else self.session.to_json()


@dataclass(frozen=True, slots=True)
class Playback:
    """Where the film that the device's wall page plays was at ``at_ns`` of the machine's monotonic clock.

    ``session`` is the id of the session that it belongs to, ``state`` ``playing``, ``paused`` or ``ended``.
    """

    session: str
    at_ns: int
    media_s: float
    state: str
    duration_s: float | None = None


def _word(*, on: bool) -> str:
    return "ON" if on else "OFF"
