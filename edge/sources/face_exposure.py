"""Exposure bias that keeps faces readable if the camera meters the whole picture (pure).

Automatic exposure meters the whole picture: people before a bright window get too dark, faces in a spotlight on a dark
stage burn out. The bias follows the faces' brightness in small steps, each after exposure has settled from the last.
"""

from __future__ import annotations

LIMIT_EV = 2.0
"""Largest bias in either direction, in stops: a factor of four."""
STEP_EV = 1 / 3
_TOO_DARK, _TOO_BRIGHT = 70.0, 190.0
"""Grey levels of faces (0 to 255) beyond which correction starts; dark and light skin in good light is between."""
_DARK_ENOUGH, _BRIGHT_ENOUGH = 165.0, 95.0
"""Grey levels at which correction stops; the gap to the start prevents oscillation."""
_SETTLE_S = 2.0
_HOLD_S = 30.0
"""Seconds for which the bias is held after the last face; then it returns to zero step by step."""


class FaceExposure:
    """Exposure bias controller."""

    def __init__(self) -> None:
        self.bias_ev = 0.0
        self._direction = 0
        self._changed_s: float | None = None
        self._seen_s: float | None = None

    def update(self, brightness: float | None, now_s: float) -> float | None:
        """Return the new bias in stops if it changes, else ``None``.

        ``brightness`` is the faces' grey level, 0 to 255; ``None`` while nobody is in view.
        """
        if brightness is not None:
            self._seen_s = now_s
        if self._changed_s is not None and now_s - self._changed_s < _SETTLE_S:
            return None
        wanted_ev = self._wanted(brightness, now_s)
        if wanted_ev == self.bias_ev:
            return None
        self.bias_ev, self._changed_s = wanted_ev, now_s
        return wanted_ev

    def _wanted(self, brightness: float | None, now_s: float) -> float:
        if brightness is None:
            self._direction = 0
            held = self._seen_s is not None and now_s - self._seen_s < _HOLD_S
            return self.bias_ev if held else _towards_none(self.bias_ev)
        if brightness < _TOO_DARK:
            self._direction = 1
        elif brightness > _TOO_BRIGHT:
            self._direction = -1
        elif (self._direction > 0 and brightness >= _BRIGHT_ENOUGH) or (
            self._direction < 0 and brightness <= _DARK_ENOUGH
        ):
            self._direction = 0
        stepped = self.bias_ev + self._direction * STEP_EV
        return max(-LIMIT_EV, min(LIMIT_EV, stepped))


def _towards_none(bias_ev: float) -> float:
    if abs(bias_ev) <= STEP_EV:
        return 0.0
    return bias_ev - STEP_EV if bias_ev > 0 else bias_ev + STEP_EV
