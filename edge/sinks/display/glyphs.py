"""The 8x8 pictures for an LED matrix, drawn by hand: ``#`` is a lit LED.

There is no outline: at this size all eight rows are needed for brows, eyes and mouth, which distinguish the faces.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from edge.core.events import LookKind
from edge.core.labels import Label
from edge.core.types import Emotion

if TYPE_CHECKING:
    from PIL.Image import Image

    from edge.sinks.display.looks import Mien

SIZE = 8

GLYPHS: dict[str, str] = {
    # eyes narrowed towards the nose, mouth corners down
    Emotion.ANGRY: """
        #......#
        ##....##
        .##..##.
        ..#..#..
        ........
        ..####..
        .#....#.
        #......#
    """,
    # eyes squeezed shut, tongue out
    Emotion.DISGUST: """
        #......#
        .##..##.
        #......#
        ........
        .######.
        ....###.
        ....###.
        .....#..
    """,
    # eyes wide open, chattering teeth
    Emotion.FEAR: """
        ###..###
        #.#..#.#
        ###..###
        ........
        ........
        .#.#.#.#
        #.#.#.#.
        ........
    """,
    Emotion.HAPPY: """
        ........
        .##..##.
        .##..##.
        ........
        #......#
        ##....##
        .######.
        ..####..
    """,
    Emotion.SAD: """
        ........
        .##..##.
        .##..##.
        ........
        ..####..
        .######.
        ##....##
        #......#
    """,
    Emotion.SURPRISE: """
        ........
        .##..##.
        .##..##.
        ........
        ..####..
        .#....#.
        .#....#.
        ..####..
    """,
    Emotion.NEUTRAL: """
        ........
        .##..##.
        .##..##.
        ........
        ........
        ........
        .######.
        ........
    """,
    # one corner of the mouth up
    "contempt": """
        .....##.
        .##.....
        .##..##.
        ........
        ......##
        ......#.
        .#####..
        ........
    """,
    # an hourglass
    LookKind.STARTING: """
        ########
        .#....#.
        ..####..
        ...##...
        ...##...
        ..#..#..
        .#.##.#.
        ########
    """,
    # an empty viewfinder
    LookKind.NO_FACE: """
        ##....##
        #......#
        ........
        ........
        ........
        ........
        #......#
        ##....##
    """,
    LookKind.UNCERTAIN: """
        ..####..
        .##..##.
        .....##.
        ....##..
        ...##...
        ...##...
        ........
        ...##...
    """,
    LookKind.PAUSED: """
        ........
        .##..##.
        .##..##.
        .##..##.
        .##..##.
        .##..##.
        .##..##.
        ........
    """,
    LookKind.FAULT: """
        ##....##
        ###..###
        .######.
        ..####..
        ..####..
        .######.
        ###..###
        ##....##
    """,
}


def rows(mien: Mien) -> tuple[str, ...]:
    """Return the glyph's eight rows of eight ``#`` or ``.``, top first."""
    if not isinstance(mien, Label):
        return tuple(GLYPHS[mien].split())
    if mien.face:
        return tuple(GLYPHS[mien.face].split())
    lit = letter(mien.initial)
    return tuple("".join("#" if lit.getpixel((x, y)) else "." for x in range(SIZE)) for y in range(SIZE))


def letter(sign: str) -> Image:
    """Return one character as a centered 8x8 picture of mode ``1``."""
    from PIL import Image, ImageDraw, ImageFont

    font = getattr(ImageFont, "load_default_imagefont", ImageFont.load_default)()
    large = Image.new("1", (16, 24))
    ImageDraw.Draw(large).text((3, 4), sign, fill=255, font=font)
    cut = large.crop(large.getbbox() or (0, 0, 1, 1))
    made = Image.new("1", (SIZE, SIZE))
    made.paste(cut, ((SIZE - cut.width) // 2, max(0, (SIZE - cut.height) // 2)))
    return made


def picture(mien: Mien) -> Image:
    """Return the glyph as an 8x8 PIL picture of mode ``1``."""
    from PIL import Image

    made = Image.new("1", (SIZE, SIZE))
    for y, row in enumerate(rows(mien)):
        for x, mark in enumerate(row):
            made.putpixel((x, y), 255 if mark == "#" else 0)
    return made
