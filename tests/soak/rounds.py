"""Actions of the device's users during the floods, and restarts of the broker."""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING

from edge.core.errors import EdgeError

if TYPE_CHECKING:
    from edge.bench.mosquitto import Mosquitto
    from tests.drills.appliance import DrillDevice
    from tests.soak.watch import FloodSample, Operator

ROUNDS = 6
"""Rounds of sessions and settings over the flood; the broker is restarted before every third."""


class OwnerRounds:
    """User actions during the floods: sessions, markers, settings; and the broker's restarts."""

    def __init__(self, device: DrillDevice, operator: Operator, mosquitto: Mosquitto | None) -> None:
        self._device, self._operator, self._mosquitto = device, operator, mosquitto
        self.sessions: list[str] = []
        self.markers: list[str] = []
        self.settings: list[float] = []
        self.back_s: list[float | None] = []
        self.refused = 0
        self._away_since_s: float | None = None

    def begin(self, number: int) -> None:
        """Start a session, set a marker and dim the displays; every third time kill the broker before."""
        if self._mosquitto is not None and number % 3 == 1:
            self._mosquitto.kill()
            time.sleep(0.5)
            self._mosquitto.start()
            self._away_since_s = time.monotonic()
        with contextlib.suppress(EdgeError):
            self.sessions.append(str(self._device.ask("session_start", title=f"round {number}")["id"]))
        brightness = round(0.1 + 0.8 * number / (ROUNDS + 1), 3)
        if self._operator.dim(brightness):
            self.settings.append(brightness)
        else:
            self.refused += 1

    def mark(self) -> None:
        """Set a marker in the session."""
        with contextlib.suppress(EdgeError):
            self.markers.append(str(self._device.ask("marker", label="soak")["id"]))

    def end(self) -> None:
        """Stop the session."""
        with contextlib.suppress(EdgeError):
            self._device.ask("session_stop")

    def look(self, sample: FloodSample) -> None:
        """Record when the device has its broker again."""
        if self._away_since_s is not None and sample.broker and sample.status:
            self.back_s.append(time.monotonic() - self._away_since_s)
            self._away_since_s = None

    def give_up(self) -> None:
        """Record that a missing broker did not return before the end."""
        if self._away_since_s is not None:
            self.back_s.append(None)


class RoundSchedule:
    """Actions due at each share of the flood."""

    def __init__(self, rounds: OwnerRounds) -> None:
        self._rounds, self._done = rounds, 0

    def reach(self, share: float) -> None:
        """Run the actions that are due; a round has a start, a marker and an end."""
        while self._done < 3 * ROUNDS and share > (self._done + 1) / (3 * ROUNDS + 2):
            number, step = divmod(self._done, 3)
            if step == 0:
                self._rounds.begin(number)
            elif step == 1:
                self._rounds.mark()
            else:
                self._rounds.end()
            self._done += 1
