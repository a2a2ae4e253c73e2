"""The 8x8 pictures for an LED matrix, drawn by hand: ``#`` is a lit LED.

No outline: at this size all eight rows are needed for brows, eyes and mouth, which is what tells the faces apart.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from edge.events import LookKind
from edge.types import Emotion

if TYPE_CHECKING:
    from PIL.Image import Image

    from edge.sinks.display.looks import Mien

SIZE = 8

GLYPHS: dict[Mien, str] = {
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
    # eyes torn open, chattering teeth
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
    """The glyph's eight rows of eight ``#`` or ``.``, top first."""
    return tuple(GLYPHS[mien].split())


def picture(mien: Mien) -> Image:
    """The glyph as an 8x8 PIL picture of mode ``1``."""
    from PIL import Image

    made = Image.new("1", (SIZE, SIZE))
    for y, row in enumerate(rows(mien)):
        for x, mark in enumerate(row):
            made.putpixel((x, y), 255 if mark == "#" else 0)
    return made
