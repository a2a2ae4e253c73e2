"""Overview picture of all looks on every display, for the documentation.

``python -m edge.sinks.display.sheet OUT.png``
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edge.core.errors import InputError
from edge.core.events import Look, LookKind
from edge.core.labels import Label
from edge.core.types import Emotion
from edge.sinks.display import glyphs
from edge.sinks.display.looks import MIENS, Mien, Pattern, appearance
from edge.sinks.display.screen import screen

if TYPE_CHECKING:
    from PIL.Image import Image

_CELL = (440, 236)
_COLUMNS = 3
_PAPER, _INK, _GLASS = (250, 250, 250), (30, 30, 30), (16, 16, 16)
_OLED_ON, _MATRIX_ON, _MATRIX_OFF = (170, 220, 255), (255, 60, 40), (50, 20, 18)


def sheet() -> Image:
    """Return the picture: per look its LED color and light over time, matrix glyph and OLED screen, labeled."""
    from PIL import Image, ImageDraw

    lines = -(-len(MIENS) // _COLUMNS)
    picture = Image.new("RGB", (_CELL[0] * _COLUMNS, _CELL[1] * lines), _PAPER)
    draw = ImageDraw.Draw(picture)
    for index, mien in enumerate(MIENS):
        left, top = index % _COLUMNS * _CELL[0] + 14, index // _COLUMNS * _CELL[1] + 12
        _led(draw, sample(mien), left, top)
        _matrix(draw, mien, left, top + 76)
        oled = screen(sample(mien), (128, 64)).resize((256, 128), 0)
        picture.paste(_GLASS, (left + 142, top + 76, left + 142 + 272, top + 76 + 128))
        picture.paste(_OLED_ON, (left + 150, top + 76), oled)
    return picture


def sample(mien: Mien) -> Look:
    """Return a look of each kind, with plausible values."""
    if isinstance(mien, Label):
        return Look(LookKind.EMOTION, mien.name, confidence=0.75, people=3, label=mien)
    if isinstance(mien, Emotion):
        return Look(LookKind.EMOTION, mien, confidence=0.75, people=3)
    return Look(mien, people=3 if mien is LookKind.UNCERTAIN else 0)


def _led(draw: Any, look: Look, left: int, top: int) -> None:
    """Draw a round LED, the label, and the light over four seconds."""
    rich = appearance(look)
    peak = max(level for _, level in rich.pattern.points)
    draw.ellipse((left, top, left + 60, top + 60), fill=_on_screen(rich.colour, peak), outline=_INK, width=2)
    draw.text((left + 76, top), rich.label, fill=_INK, font=_font(26))
    _course(draw, rich.pattern, left + 76, top + 36)


def _course(draw: Any, pattern: Pattern, left: int, top: int) -> None:
    height, seconds, width = 22, 4, 300
    points = [(left + x, top + height - round(height * pattern.level(x * seconds / width))) for x in range(width)]
    draw.line([(left, top + height + 2), (left + width, top + height + 2)], fill=(190, 190, 190))
    draw.line(points, fill=(120, 120, 120), width=2)


def _matrix(draw: Any, mien: Mien, left: int, top: int) -> None:
    draw.rectangle((left, top, left + 127, top + 127), fill=_GLASS)
    for y, row in enumerate(glyphs.rows(mien)):
        for x, mark in enumerate(row):
            corner = (left + x * 16 + 2, top + y * 16 + 2)
            colour = _MATRIX_ON if mark == "#" else _MATRIX_OFF
            draw.ellipse((*corner, corner[0] + 11, corner[1] + 11), fill=colour)


def _on_screen(colour: tuple[float, float, float], level: float) -> tuple[int, ...]:
    """Convert linear light to sRGB bytes, approximately (gamma 2.2)."""
    return tuple(round(255 * (share * level) ** (1 / 2.2)) for share in colour)


def _font(size: int) -> Any:
    from PIL import ImageFont

    return ImageFont.load_default(size)


def main(arguments: list[str]) -> None:
    """Write the sheet to the path given as the only argument.

    Raises:
        InputError: there is not exactly one, or it cannot be written.
    """
    if len(arguments) != 1:
        msg = "usage: python -m edge.sinks.display.sheet OUT.png"
        raise InputError(msg)
    try:
        sheet().save(Path(arguments[0]))
    except (OSError, ValueError) as error:
        msg = f"{arguments[0]}: cannot be written: {error}"
        raise InputError(msg) from error


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except InputError as problem:
        sys.exit(str(problem))
