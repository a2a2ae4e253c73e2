"""Synthetic scenes instead of a camera: a real face from a public-domain photograph, a crowd, an empty room, a stall.

The content of a frame depends only on its number. ``virtual:SCENE?pace=fast&frames=N`` ends after N frames.
"""

from __future__ import annotations

import math
import time
from pathlib import Path
from typing import TYPE_CHECKING, cast

import cv2
import numpy as np

from edge.core.errors import ConfigError, SourceEnded, SourceError
from edge.core.types import Frame
from edge.sources.passive import PassiveSource
from edge.sources.uri import options

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from edge.config import SourceConfig

_NS = 1_000_000_000
PORTRAIT = Path(__file__).parent / "assets" / "portrait.jpg"
HEAD = (slice(0, 300), slice(70, 370))
"""Rows and columns (start, stop) of the head and shoulders in the portrait."""
FACE = (slice(20, 220), slice(124, 324))
"""Rows and columns (start, stop) of the head alone."""
PERIOD_S = 12.0
"""Period in seconds of ``portrait``, whose face is in view for the first three quarters."""


_STALL_AFTER = 30
"""Default number of frames before the scene ``stall`` stalls."""


class VirtualCamera(PassiveSource):
    """Frames of a synthetic scene at ``config.fps``, or as fast as they are read."""

    def __init__(self, config: SourceConfig) -> None:
        scene, found = options(config.uri, {"pace": ("real", "fast"), "frames": None})
        self._scene = scene or "portrait"
        if self._scene not in SCENES:
            msg = f"source.uri: no scene {self._scene!r} (expected {', '.join(SCENES)})"
            raise ConfigError(msg)
        endless = _STALL_AFTER if self._scene == "stall" else None
        self._frames = int(found["frames"]) if "frames" in found else endless
        self._again = config.loop and self._frames is not None and self._scene != "stall"
        self._config = config
        self._step_ns = round(_NS / config.fps)
        self._draw: Callable[[float], NDArray[np.uint8]] | None = None
        self._index = 0
        self._started_ns = 0
        self.lossless = found.get("pace", config.pace) == "fast"
        self.epoch_ns = 0 if self.lossless else None

    @property
    def recorded(self) -> bool:
        """True if the scene is not a live camera substitute: fast, or with an end."""
        return self.lossless or (self._frames is not None and self._scene != "stall")

    @property
    def uri(self) -> str:
        """URI ``virtual:SCENE``."""
        return f"virtual:{self._scene}"

    def open(self) -> None:
        """Prepare the scene and start at its first frame."""
        self._draw = SCENES[self._scene](self._config.width, self._config.height)
        self._index = 0
        self._started_ns = 0 if self.lossless else time.monotonic_ns()

    def read(self) -> Frame:
        """Return the next frame when it is due.

        Raises:
            SourceEnded: all frames that were asked for are delivered.
            SourceError: it is not open, or the scene ``stall`` has stalled.
        """
        if self._draw is None:
            msg = f"{self.uri}: is not open"
            raise SourceError(msg)
        if self._frames is not None and self._index >= self._frames and not self._again:
            self._end()
        due_ns = self._wait()
        shown = self._index % self._frames if self._again and self._frames else self._index
        frame = Frame(self._draw(shown * self._step_ns / _NS), due_ns, self._index)
        self._index += 1
        return frame

    def skip(self) -> bool:
        """Skip the next frame without drawing it."""
        if self._frames is None or self._again or self._index < self._frames:
            self._wait()
            self._index += 1
        return True

    def _wait(self) -> int:
        """Wait until the next frame is due and return that time."""
        due_ns = self._started_ns + self._index * self._step_ns
        if not self.lossless:
            late_ns = time.monotonic_ns() - due_ns
            if late_ns > self._step_ns:  # drawing is too slow: keep the scene's clock from lagging further
                self._started_ns += late_ns
                due_ns += late_ns
            time.sleep(max(0, -late_ns) / _NS)
        return due_ns

    def _end(self) -> None:
        if self._scene == "stall":
            time.sleep(self._config.read_timeout_s)
            msg = f"{self.uri}: no frame for {self._config.read_timeout_s:g} s"
            raise SourceError(msg)
        msg = f"{self.uri}: ended after {self._index} frames"
        raise SourceEnded(msg)

    def close(self) -> None:
        """Discard the scene."""
        self._draw = None


def _background(width: int, height: int) -> NDArray[np.uint8]:
    """Return an (h, w, 3) uint8 BGR wall that is lighter at the top."""
    column = np.linspace(150, 70, height, dtype=np.float32)[:, None, None]
    tint = np.array([1.0, 0.97, 0.9], np.float32)
    return np.ascontiguousarray(np.broadcast_to(column * tint, (height, width, 3)).astype(np.uint8))


def cut(part: tuple[slice, slice]) -> NDArray[np.uint8]:
    """Return a part of the portrait, such as :data:`HEAD`, as (h, w, 3) uint8 BGR.

    Raises:
        SourceError: the picture that came along is missing or damaged.
    """
    picture = cv2.imread(str(PORTRAIT), cv2.IMREAD_COLOR)
    if picture is None:
        msg = f"{PORTRAIT}: is missing or damaged; install face-edge again"
        raise SourceError(msg)
    return cast("NDArray[np.uint8]", picture[part])


def _paste(
    canvas: NDArray[np.uint8], head: NDArray[np.uint8], x: float, y: float, *, side: float, light: float
) -> None:
    """Draw ``head`` with its centre at ``x``, ``y``, ``side`` pixels wide, in ``light`` (1: as photographed)."""
    size = max(2, round(side))
    lit = cv2.convertScaleAbs(cv2.resize(head, (size, size), interpolation=cv2.INTER_AREA), alpha=light)
    left, top = round(x - size / 2), round(y - size / 2)
    x0, y0 = max(left, 0), max(top, 0)
    x1, y1 = min(left + size, canvas.shape[1]), min(top + size, canvas.shape[0])
    if x1 > x0 and y1 > y0:
        canvas[y0:y1, x0:x1] = lit[y0 - top : y1 - top, x0 - left : x1 - left]


def _portrait(width: int, height: int) -> Callable[[float], NDArray[np.uint8]]:
    """Draw one person who enters, moves in changing light, and leaves."""
    wall, head = _background(width, height), cut(HEAD)

    def draw(time_s: float) -> NDArray[np.uint8]:
        canvas = wall.copy()
        phase = time_s % PERIOD_S
        if phase < PERIOD_S * 0.75:
            x = width * (0.5 + 0.18 * math.sin(2 * math.pi * time_s / 7))
            y = height * (0.52 + 0.06 * math.sin(2 * math.pi * time_s / 5))
            side = height * (0.7 + 0.12 * math.sin(2 * math.pi * time_s / 11))
            _paste(canvas, head, x, y, side=side, light=0.8 + 0.3 * math.sin(2 * math.pi * time_s / 9))
        return canvas

    return draw


def _crowd(width: int, height: int) -> Callable[[float], NDArray[np.uint8]]:
    """Draw fifteen swaying people in three rows, larger in front."""
    wall, head = _background(width, height), cut(FACE)
    seats = [(row, column) for row in range(3) for column in range(5)]

    def draw(time_s: float) -> NDArray[np.uint8]:
        canvas = wall.copy()
        for row, column in seats:
            side = min(width / 5, height / 3) * (0.8 + 0.1 * row)
            sway = 0.03 * math.sin(2 * math.pi * time_s / (4 + row + column))
            x, y = width * ((column + 0.5) / 5 + sway / 5), height * (row + 0.5) / 3
            _paste(canvas, head, x, y, side=side, light=0.75 + 0.1 * ((row + column) % 4))
        return canvas

    return draw


def _blank(width: int, height: int) -> Callable[[float], NDArray[np.uint8]]:
    """Draw an empty room."""
    wall = _background(width, height)
    return lambda _time_s: wall.copy()


SCENES = {"portrait": _portrait, "crowd": _crowd, "blank": _blank, "stall": _portrait}
