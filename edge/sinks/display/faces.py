"""The 64x64 faces and signs for an OLED, drawn with lines and arcs.

Everything is drawn on a canvas four times as large, in units of the final pixels, and reduced, which gives smoother
curves on a black-and-white display.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

from edge.core.events import LookKind
from edge.core.labels import MOST, Label
from edge.core.types import Emotion
from edge.sinks.display import glyphs

if TYPE_CHECKING:
    from collections.abc import Callable

    from PIL.Image import Image

    from edge.sinks.display.looks import Mien

SIZE = 64
_FINER = 4
_WIDTH = 3.0
_LEFT, _RIGHT, _EYES = 22, 42, 26
_HALF_LIT = 128


class _Pen:
    """Draws white (or black) shapes in units of final pixels."""

    def __init__(self, draw: Any) -> None:
        self._draw = draw

    def disc(self, x: float, y: float, radius: float, *, fill: int = 255) -> None:
        self._draw.ellipse(self._around(x, y, radius), fill=fill)

    def ring(self, x: float, y: float, radius: float, width: float = _WIDTH) -> None:
        self._draw.ellipse(self._around(x, y, radius), outline=255, width=round(width * _FINER))

    def line(self, *points: tuple[float, float], width: float = _WIDTH) -> None:
        scaled = [(x * _FINER, y * _FINER) for x, y in points]
        self._draw.line(scaled, fill=255, width=round(width * _FINER), joint="curve")
        for x, y in (points[0], points[-1]):
            self.disc(x, y, width / 2)

    def arc(self, box: tuple[float, float, float, float], start: float, end: float) -> None:
        """Draw part of an ellipse in ``(left, top, right, bottom)``; degrees clockwise from three o'clock."""
        self._draw.arc([edge * _FINER for edge in box], start, end, fill=255, width=round(_WIDTH * _FINER))

    def area(self, *points: tuple[float, float], fill: int = 255) -> None:
        self._draw.polygon([(x * _FINER, y * _FINER) for x, y in points], fill=fill)

    def half_moon(self, box: tuple[float, float, float, float], start: float, end: float) -> None:
        self._draw.chord([edge * _FINER for edge in box], start, end, fill=255)

    def block(self, left: float, top: float, right: float, bottom: float) -> None:
        self._draw.rectangle([left * _FINER, top * _FINER, right * _FINER - 1, bottom * _FINER - 1], fill=255)

    def eyes(self, radius: float = 4) -> None:
        for x in (_LEFT, _RIGHT):
            self.disc(x, _EYES, radius)

    def brows(self, outer_y: float, inner_y: float, *, spread: float = 0) -> None:
        """Draw both brows as straight lines from the temples to the nose."""
        self.line((_LEFT - 7 - spread, outer_y), (_LEFT + 6, inner_y))
        self.line((_RIGHT + 7 + spread, outer_y), (_RIGHT - 6, inner_y))

    @staticmethod
    def _around(x: float, y: float, radius: float) -> list[float]:
        return [(x - radius) * _FINER, (y - radius) * _FINER, (x + radius) * _FINER, (y + radius) * _FINER]


def _angry(pen: _Pen) -> None:
    pen.brows(17, 24)
    for x in (_LEFT, _RIGHT):
        pen.disc(x, 29, 3.5)
    pen.arc((20, 42, 44, 60), 200, 340)


def _disgust(pen: _Pen) -> None:
    pen.line((_LEFT - 6, 21), (_LEFT + 5, 26), (_LEFT - 6, 31))
    pen.line((_RIGHT + 6, 21), (_RIGHT - 5, 26), (_RIGHT + 6, 31))
    pen.line((18, 42), (24, 39), (31, 42), (38, 39), (46, 42))
    pen.half_moon((30, 32, 44, 57), 0, 180)
    pen.area((30, 43), (44, 43), (44, 45), (30, 45))


def _fear(pen: _Pen) -> None:
    pen.brows(18, 12)
    for x in (_LEFT, _RIGHT):
        pen.ring(x, 27, 7.5, 2.5)
        pen.disc(x, 28, 2)
    pen.line((18, 50), (22, 44), (27, 50), (32, 44), (37, 50), (42, 44), (46, 50))


def _happy(pen: _Pen) -> None:
    pen.eyes()
    pen.half_moon((16, 20, 48, 53), 15, 165)


def _sad(pen: _Pen) -> None:
    pen.brows(21, 15)
    pen.eyes(3.5)
    pen.arc((21, 43, 43, 60), 195, 345)
    pen.disc(_RIGHT + 3, 39, 3)
    pen.area((_RIGHT + 0.4, 38), (_RIGHT + 5.6, 38), (_RIGHT + 3, 31))


def _surprise(pen: _Pen) -> None:
    pen.arc((_LEFT - 7, 11, _LEFT + 7, 22), 200, 340)
    pen.arc((_RIGHT - 7, 11, _RIGHT + 7, 22), 200, 340)
    pen.eyes(4.5)
    pen.disc(32, 46, 8)
    pen.disc(32, 46, 5, fill=0)


def _neutral(pen: _Pen) -> None:
    pen.eyes()
    pen.line((20, 45), (44, 45))


def _contempt(pen: _Pen) -> None:
    pen.eyes()
    pen.line((_LEFT - 6, 17), (_LEFT + 6, 19))
    pen.arc((_RIGHT - 7, 12, _RIGHT + 7, 23), 200, 340)
    pen.line((20, 47), (36, 47), (44, 40))


def _starting(pen: _Pen) -> None:
    pen.line((16, 8), (48, 8), width=4)
    pen.line((16, 56), (48, 56), width=4)
    pen.line((20, 10), (20, 17), (31, 32), (20, 47), (20, 54))
    pen.line((44, 10), (44, 17), (33, 32), (44, 47), (44, 54))
    pen.area((25, 20), (39, 20), (32, 30))
    pen.area((24, 53), (40, 53), (32, 42))


def _no_face(pen: _Pen) -> None:
    for x, inward in ((8, 1), (56, -1)):
        for y, down in ((8, 1), (56, -1)):
            pen.line((x, y + 12 * down), (x, y), (x + 12 * inward, y))
    for angle in range(0, 360, 45):
        pen.arc((18, 16, 46, 48), angle, angle + 22)


def _uncertain(pen: _Pen) -> None:
    pen.ring(32, 32, 30, 2)
    pen.arc((22, 13, 42, 33), 180, 90)
    pen.line((32, 31.5), (32, 40))
    pen.disc(32, 49, 3)


def _paused(pen: _Pen) -> None:
    pen.block(16, 12, 27, 52)
    pen.block(37, 12, 48, 52)


def _fault(pen: _Pen) -> None:
    pen.line((32, 8), (57, 54), (7, 54), (32, 8), (57, 54), width=3.5)
    pen.area((29, 24), (35, 24), (33.5, 40), (30.5, 40))
    pen.disc(32, 46.5, 2.8)


_DRAWN: dict[str, Callable[[_Pen], None]] = {
    Emotion.ANGRY: _angry,
    Emotion.DISGUST: _disgust,
    Emotion.FEAR: _fear,
    Emotion.HAPPY: _happy,
    Emotion.SAD: _sad,
    Emotion.SURPRISE: _surprise,
    Emotion.NEUTRAL: _neutral,
    "contempt": _contempt,
    LookKind.STARTING: _starting,
    LookKind.NO_FACE: _no_face,
    LookKind.UNCERTAIN: _uncertain,
    LookKind.PAUSED: _paused,
    LookKind.FAULT: _fault,
}


@lru_cache(maxsize=len(LookKind) + MOST)
def face(mien: Mien) -> Image:
    """Return the 64x64 picture of mode ``1``; classes have the outline of a face, the rest are signs."""
    from PIL import Image, ImageDraw

    large = Image.new("L", (SIZE * _FINER, SIZE * _FINER))
    pen = _Pen(ImageDraw.Draw(large))
    if not isinstance(mien, LookKind):
        pen.ring(SIZE / 2, SIZE / 2, SIZE / 2 - 1.5, 2)
    if isinstance(mien, Label) and not mien.face:
        large.paste(255, (0, 0), _initial(mien.initial, large.size))
    else:
        _DRAWN[mien.face if isinstance(mien, Label) else mien](pen)
    return large.reduce(_FINER).point(lambda light: 255 if light >= _HALF_LIT else 0).convert("1", dither=0)


def _initial(sign: str, size: tuple[int, int]) -> Image:
    """Return the 8x8 letter of the LED matrix, centered in a mask of ``size`` at half its size."""
    from PIL import Image

    mask = Image.new("L", size)
    letter = glyphs.letter(sign).convert("L").resize((size[0] // 2, size[1] // 2), Image.Resampling.NEAREST)
    mask.paste(letter, (size[0] // 4, size[1] // 4))
    return mask
