"""Move a camera over a picture: where the view lies at each moment, and where a marked face is in it (pure)."""

from __future__ import annotations

import math
import random
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from edge.core.types import Box
from tests.bench.scenes.scene_clip import VIEW_HEIGHT, VIEW_WIDTH

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

_SHAKE_ZOOM, _SHAKE_SHARE, _SHAKE_DEGREES = 1.15, 0.03, 1.5
_PAN_ZOOM = 1.25
_SWINGS = ((0.55, 0.15, 0.4), (0.3, 0.6, 1.2), (0.15, 1.8, 3.2))
"""Weight, lowest and highest frequency in hertz."""
CLOSEST = 1.6
"""How far a zoom goes in, times the view that shows most of the picture."""


@dataclass(frozen=True, slots=True)
class CameraView:
    """View of a camera: ``x``, ``y`` of the picture in its centre, enlarged by ``scale`` and turned."""

    x: float
    y: float
    scale: float
    degrees: float = 0.0

    def matrix(self) -> NDArray[np.float64]:
        """Return the ``(2, 3)`` affine map from the picture's pixels to the view's."""
        cos, sin = self._turn()
        return np.array(
            [
                [cos, -sin, VIEW_WIDTH / 2 - cos * self.x + sin * self.y],
                [sin, cos, VIEW_HEIGHT / 2 - sin * self.x - cos * self.y],
            ]
        )

    def box(self, box: Box) -> Box:
        """Return the position of ``box`` in the view; it stays upright and keeps its shape."""
        cos, sin = self._turn()
        x, y = box.centre
        x, y = x - self.x, y - self.y
        width, height = box.width * self.scale, box.height * self.scale
        centre_x = VIEW_WIDTH / 2 + cos * x - sin * y
        centre_y = VIEW_HEIGHT / 2 + sin * x + cos * y
        return Box(centre_x - width / 2, centre_y - height / 2, width, height)

    def inside(self, width: float, height: float) -> CameraView:
        """Return the nearest view that lies within a picture of this size."""
        cos, sin = abs(math.cos(math.radians(self.degrees))), abs(math.sin(math.radians(self.degrees)))
        half_x = (VIEW_WIDTH * cos + VIEW_HEIGHT * sin) / 2 / self.scale
        half_y = (VIEW_WIDTH * sin + VIEW_HEIGHT * cos) / 2 / self.scale
        return replace(self, x=_between(self.x, half_x, width), y=_between(self.y, half_y, height))

    def _turn(self) -> tuple[float, float]:
        angle = math.radians(self.degrees)
        return self.scale * math.cos(angle), self.scale * math.sin(angle)


class Shake:
    """A hand's unsteadiness: slow and fast swings of each axis between -1 and 1, the same for the same seed."""

    def __init__(self, seed: int) -> None:
        source = random.Random(seed)
        self._swings = [
            [(weight, source.uniform(low, high), source.uniform(0, math.tau)) for weight, low, high in _SWINGS]
            for _ in range(3)
        ]

    def at(self, time_s: float) -> tuple[float, float, float]:
        """Return the horizontal, vertical and rotary deflection."""
        x, y, turn = (
            sum(weight * math.sin(math.tau * hertz * time_s + phase) for weight, hertz, phase in swings)
            for swings in self._swings
        )
        return x, y, turn


def path(
    kind: str, size: tuple[float, float], focus: tuple[float, float], *, seconds: float, seed: int
) -> Callable[[float], CameraView]:
    """Return the view over time in seconds, for a picture of ``size``; ``focus`` is the point in the centre."""
    fitted = CameraView(*focus, max(VIEW_WIDTH / size[0], VIEW_HEIGHT / size[1])).inside(*size)
    shake = Shake(seed)

    def view(time_s: float) -> CameraView:
        if kind == "handheld":
            seen = _shaken(fitted, shake.at(time_s))
        elif kind == "pan":
            seen = _panned(fitted, size[0], (1 - math.cos(math.pi * time_s / seconds)) / 2)
        elif kind == "zoom":
            there_and_back = (1 - math.cos(math.tau * time_s / seconds)) / 2
            seen = CameraView(*focus, fitted.scale * CLOSEST**there_and_back)
        else:
            seen = fitted
        return seen.inside(*size)

    return view


def _shaken(fitted: CameraView, deflection: tuple[float, float, float]) -> CameraView:
    """Move closer, to leave a margin for the shaking."""
    scale = fitted.scale * _SHAKE_ZOOM
    x, y, turn = deflection
    step = _SHAKE_SHARE * VIEW_WIDTH / scale
    return CameraView(fitted.x + x * step, fitted.y + y * step, scale, turn * _SHAKE_DEGREES)


def _panned(fitted: CameraView, width: float, share: float) -> CameraView:
    """Move from the left end of the picture to the right one."""
    scale = fitted.scale * _PAN_ZOOM
    half = VIEW_WIDTH / 2 / scale
    return replace(fitted, x=half + share * (width - 2 * half), scale=scale)


def _between(value: float, half: float, whole: float) -> float:
    return whole / 2 if 2 * half >= whole else min(max(value, half), whole - half)
