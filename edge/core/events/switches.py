"""Retained state of the switches and the running session, so that every page and panel shows the same."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from edge.core.events.messages import Session

FULL = 255
"""Brightness on the wire that corresponds to the display's configured brightness."""


@dataclass(frozen=True, slots=True)
class Privacy:
    """State of privacy mode; no frame is analysed while it is ``on``."""

    on: bool

    def to_payload(self) -> str:
        """Return ``ON`` or ``OFF``."""
        return _word(on=self.on)


@dataclass(frozen=True, slots=True)
class Lighting:
    """State of the displays: on or off, and the share of their configured brightness, 0 to 1."""

    on: bool = True
    brightness: float = 1.0

    @property
    def level(self) -> float:
        """Return the current share of the configured brightness, 0 to 1."""
        return self.brightness if self.on else 0.0

    def to_payload(self) -> str:
        """Return JSON in the schema of Home Assistant's MQTT lights."""
        return json.dumps({"state": _word(on=self.on), "brightness": round(self.brightness * FULL)})


@dataclass(frozen=True, slots=True)
class RunningSession:
    """The running session, if any."""

    session: Session | None

    def to_payload(self) -> str:
        """Return the session as JSON, ``null`` without one."""
        return "null" if self.session is None else self.session.to_json()


@dataclass(frozen=True, slots=True)
class Playback:
    """Position of the film on the device's wall page at ``at_ns`` of the machine's monotonic clock.

    ``session`` is the id of its session, ``state`` is ``playing``, ``paused`` or ``ended``.
    """

    session: str
    at_ns: int
    media_s: float
    state: str
    duration_s: float | None = None


def _word(*, on: bool) -> str:
    return "ON" if on else "OFF"
