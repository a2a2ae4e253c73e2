"""Drawn clip for measurements: moving people who come and go, in a chosen light, with sensor noise.

Frame ``k`` depends on ``k`` and the scene alone, and the last frame leads on to the first.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Literal, cast

import cv2
import numpy as np

from edge.core.types import Box
from edge.sources.virtual import HEAD, cut

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

Motion = Literal["still", "calm", "lively"]
Light = Literal["bright", "dim", "changing"]
_FACE = Box(0.35, 0.215, 0.33, 0.33)
"""Where the face is in the head's picture, as a share of its sides (what the Haar cascade finds there)."""
_NOISE = 3.0
"""Standard deviation of a frame's noise in grey levels, as an inexpensive camera has it in a lit room."""
_REACH = {"still": 0.0, "calm": 0.06, "lively": 0.16}
"""How far a head moves to either side, as a share of its seat."""
_LOOK_S = 2.0
"""So long a person shows one picture where several are given."""
_FADE_S = 0.25


@dataclass(frozen=True)
class Scene:
    """Scene of ``least`` to ``most`` people in ``width`` x ``height`` pixels for ``seconds`` at ``fps``.

    ``looks`` are pictures of faces, BGR; each person shows one after the other. Without any, everyone looks like the
    packaged portrait.
    """

    width: int = 640
    height: int = 480
    least: int = 1
    most: int = 5
    seconds: float = 10.0
    fps: float = 30.0
    motion: Motion = "lively"
    light: Light = "bright"
    looks: tuple[NDArray[np.uint8], ...] = ()

    def __len__(self) -> int:
        return max(1, round(self.seconds * self.fps))

    def frame(self, index: int) -> NDArray[np.uint8]:
        """Draw frame ``index``, shape (h, w, 3), uint8 BGR."""
        phase = index / len(self)
        canvas = self._wall.copy()
        for person, box in self._people(phase):
            _paste(canvas, self._head(person, phase), box)
        light = {"bright": 1.0, "dim": 0.3, "changing": 0.7 + 0.3 * math.sin(2 * math.pi * phase)}[self.light]
        if light < 1.0:
            canvas = cast("NDArray[np.uint8]", cv2.convertScaleAbs(canvas, alpha=light))
        return self._noisy(canvas, index)

    def faces(self, index: int) -> list[Box]:
        """Return the boxes of the faces in frame ``index``, in pixels."""
        return [
            Box(
                head.x + _FACE.x * head.width, head.y + _FACE.y * head.height,
                _FACE.width * head.width, _FACE.height * head.height,
            )
            for _, head in self._people(index / len(self))
        ]  # fmt: skip

    def _people(self, phase: float) -> list[tuple[int, Box]]:
        """Yield each person present, and the square that the head fills."""
        if not self.most:
            return []
        columns = max(1, min(self.most, round(math.sqrt(self.most * self.width / self.height))))
        rows = math.ceil(self.most / columns)
        seat_x, seat_y = self.width / columns, self.height / rows
        side, reach = min(seat_x, seat_y), _REACH[self.motion]
        found = []
        for person in range(self.most):
            if not self._there(person, phase):
                continue
            # whole cycles, so that the clip has no seam
            swing = 2 * math.pi * (phase * max(1, round(self.seconds / (5 + person % 3))) + person / 7)
            size = side * (0.78 + 0.08 * math.sin(swing + person)) if reach else side * 0.8
            x = (person % columns + 0.5) * seat_x + reach * side * math.sin(swing)
            y = (person // columns + 0.5) * seat_y + reach * side / 2 * math.sin(2 * swing)
            found.append((person, Box(x - size / 2, y - size / 2, size, size)))
        return found

    def _there(self, person: int, phase: float) -> bool:
        """Return whether a person is present: the first ones stay, the others come and go."""
        if person < self.least:
            return True
        share = (person - self.least + 1) / (self.most - self.least + 1)
        return share / 2 <= phase < 1 - share / 2

    def _head(self, person: int, phase: float) -> NDArray[np.uint8]:
        if not self.looks:
            return self._portrait
        slots = max(1, round(self.seconds / _LOOK_S))
        place = phase * slots + person / self.most
        slot, within_s = int(place), (place % 1.0) * self.seconds / slots
        chosen = [self.looks[(person * 7919 + (slot - back) % slots * 104729) % len(self.looks)] for back in (0, 1)]
        if within_s >= _FADE_S:
            return chosen[0]
        weight = within_s / _FADE_S
        return cast("NDArray[np.uint8]", cv2.addWeighted(chosen[0], weight, chosen[1], 1 - weight, 0))

    def _noisy(self, canvas: NDArray[np.uint8], index: int) -> NDArray[np.uint8]:
        """Add noise, which is generated once; each frame uses it at another offset."""
        shift = np.random.default_rng(index).integers(0, self._noise.shape[0] - self.height, endpoint=True)
        return cast("NDArray[np.uint8]", cv2.add(canvas, self._noise[shift : shift + self.height], dtype=cv2.CV_8U))

    @cached_property
    def _wall(self) -> NDArray[np.uint8]:
        """Draw the background: lighter at the top, with edges that are not faces."""
        column = np.linspace(150, 70, self.height, dtype=np.float32)[:, None, None]
        wall = np.broadcast_to(column * np.array([1.0, 0.97, 0.9], np.float32), (self.height, self.width, 3))
        canvas = np.ascontiguousarray(wall).astype(np.uint8)
        for place in range(1, 6):
            x = place * self.width // 6
            cv2.rectangle(canvas, (x, self.height // 8), (x + self.width // 12, self.height // 2), (96, 110, 120), -1)
        return canvas

    @cached_property
    def _noise(self) -> NDArray[np.int16]:
        drawn = np.random.default_rng(7).normal(0, _NOISE, (self.height + 64, self.width, 3))
        return np.rint(drawn).astype(np.int16)

    @cached_property
    def _portrait(self) -> NDArray[np.uint8]:
        return np.ascontiguousarray(cut(HEAD))


def as_looks(pictures: Sequence[NDArray[np.uint8]], side: int = 300) -> tuple[NDArray[np.uint8], ...]:
    """Extend pictures that a face fills to heads, with the margin of a head's picture."""
    made = []
    face = max(2, round(side * _FACE.width * 1.25))
    top = round(side * (_FACE.y + _FACE.height / 2) - face / 2)
    left = round(side * (_FACE.x + _FACE.width / 2) - face / 2)
    for picture in pictures:
        colour = cv2.cvtColor(picture, cv2.COLOR_GRAY2BGR) if picture.ndim == 2 else picture
        small = cv2.resize(colour, (face, face), interpolation=cv2.INTER_CUBIC)
        border = (top, side - face - top, left, side - face - left)
        made.append(cast("NDArray[np.uint8]", cv2.copyMakeBorder(small, *border, cv2.BORDER_REPLICATE)))
    return tuple(made)


def _paste(canvas: NDArray[np.uint8], head: NDArray[np.uint8], box: Box) -> None:
    side = max(2, round(box.width))
    small = cv2.resize(head, (side, side), interpolation=cv2.INTER_AREA if side < head.shape[0] else cv2.INTER_LINEAR)
    left, top = round(box.x), round(box.y)
    x0, y0 = max(left, 0), max(top, 0)
    x1, y1 = min(left + side, canvas.shape[1]), min(top + side, canvas.shape[0])
    if x1 > x0 and y1 > y0:
        canvas[y0:y1, x0:x1] = small[y0 - top : y1 - top, x0 - left : x1 - left]
