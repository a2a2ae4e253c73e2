"""The OLED's picture: a large face, with the label, the number of people and a confidence bar beside or below it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from edge.sinks.display.faces import SIZE, face
from edge.sinks.display.looks import appearance, mien

if TYPE_CHECKING:
    from PIL.Image import Image

    from edge.core.events import Look

_STEPS = 20
"""Step of the displayed confidence: a bar that changes with each frame would load the bus and distract."""


def confidence_percent(look: Look) -> int:
    """Return the confidence rounded to the displayed steps of 5 %."""
    return round(look.confidence * _STEPS) * 100 // _STEPS


def screen(look: Look, size: tuple[int, int]) -> Image:
    """Return the picture of mode ``1`` for a display of ``(width, height)`` pixels: 128x64, or 64x128 if rotated."""
    from PIL import Image, ImageDraw

    picture = Image.new("1", size)
    picture.paste(face(mien(look)), (0, 0))
    left, top = (SIZE, 0) if size[0] > size[1] else (0, SIZE)
    draw = ImageDraw.Draw(picture)
    alone = not look.people and look.emotion is None
    _word(draw, appearance(look).label, left + SIZE // 2, top + (27 if alone else 4))
    if look.people:
        _people(draw, look.people, left + SIZE // 2, top + 22)
    if look.emotion is not None:
        _bar(draw, confidence_percent(look), left + 4, top + 46)
    return picture


def _word(draw: Any, text: str, centre: int, top: int) -> None:
    font = _font()
    width = round(draw.textlength(text, font=font))
    draw.text((centre - width // 2, top), text, fill=255, font=font)


def _people(draw: Any, count: int, centre: int, top: int) -> None:
    """Draw a small head and shoulders, then the number."""
    text = str(count) if count < 1000 else "999+"
    font = _font()
    left = centre - (14 + round(draw.textlength(text, font=font))) // 2
    draw.ellipse((left + 2, top, left + 7, top + 5), fill=255)
    draw.pieslice((left, top + 6, left + 9, top + 18), 180, 360, fill=255)
    draw.text((left + 14, top + 1), text, fill=255, font=font)


def _bar(draw: Any, percent: int, left: int, top: int) -> None:
    """Draw a framed bar of 56 by 12 pixels, filled from the left."""
    draw.rectangle((left, top, left + 55, top + 11), outline=255)
    filled = round(52 * percent / 100)
    if filled:
        draw.rectangle((left + 2, top + 2, left + 1 + filled, top + 9), fill=255)


def _font() -> Any:
    """Return Pillow's built-in bitmap font: the same pixels in every version, with FreeType or without."""
    from PIL import ImageFont

    return getattr(ImageFont, "load_default_imagefont", ImageFont.load_default)()
