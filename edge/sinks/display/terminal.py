"""The terminal as a display: one line redrawn in place, or a plain line per change if it is not a terminal."""

from __future__ import annotations

import math
import os
import sys
from typing import TYPE_CHECKING, TextIO

from edge.core.errors import SinkError
from edge.sinks.display.base import Display
from edge.sinks.display.looks import appearance, mien

if TYPE_CHECKING:
    from collections.abc import Mapping

    from edge.core.events import Look
    from edge.sinks.display.looks import Mien

_BAR = 12
_CLEAR_LINE = "\r\x1b[K"
_RESET = "\x1b[0m"
_LABEL_WIDTH = 9
_NARROWEST, _USUAL_WIDTH = 20, 80


class Terminal(Display):
    """Display on ``stream``, by default standard error, so that output piped from standard output stays clean.

    Color is omitted if ``NO_COLOR`` is set, emoji if the stream's encoding has none.
    """

    name = "terminal"

    def __init__(self, stream: TextIO | None = None, *, environment: Mapping[str, str] | None = None) -> None:
        self._given = stream
        self._environment = os.environ if environment is None else environment
        self._stream: TextIO | None = None
        self._last: tuple[Mien, int] | None = None
        self._look: Look | None = None
        self._dark = False

    def open(self) -> None:
        """Detect the capabilities of the stream."""
        self._stream = self._given or sys.stderr
        self._last = None
        self._in_place = self._stream.isatty() and self._environment.get("TERM") != "dumb"
        self._coloured = self._in_place and not self._environment.get("NO_COLOR")
        self._unicode = _can_write(self._stream, "😀█░")

    def show(self, look: Look) -> None:
        """Redraw the line, or write one if the emotion, kind or number of people changed."""
        self._look = look
        if self._stream is None or self._dark:
            return
        if self._in_place:
            self._write(_CLEAR_LINE + self._line(look))
        elif self._last != (mien(look), look.people):
            self._write(self._sentence(look) + "\n")
        self._last = (mien(look), look.people)

    def dim(self, level: float) -> None:
        """Remove the line at brightness 0 and show it above."""
        was_dark, self._dark = self._dark, level <= 0
        if self._dark:
            self._wipe()
        elif was_dark and self._look is not None:
            self.show(self._look)

    def close(self) -> None:
        """Erase the line; the owner closes the stream."""
        self._wipe()
        self._stream = None

    def _wipe(self) -> None:
        last, self._last = self._last, None
        if self._stream is not None and last is not None and self._in_place:
            self._write(_CLEAR_LINE)

    def _line(self, look: Look) -> str:
        """Return sign, label, bar and values, cut to the terminal's width, since a wrapped line cannot be redrawn."""
        rich = appearance(look)
        sign = rich.emoji if self._unicode else f"{rich.emoticon:<3}"
        room = max(_NARROWEST, self._columns() - 5)
        text = f"{rich.label:<{_LABEL_WIDTH}}{self._bar(look)}{_people(look)}"[:room].rstrip()
        word, rest = text[:_LABEL_WIDTH], text[_LABEL_WIDTH:]
        if self._coloured:
            word = f"\x1b[1;38;5;{_palette_index(rich.colour)}m{word}{_RESET}"
        return f"{sign} {word}{rest}"

    def _sentence(self, look: Look) -> str:
        rich = appearance(look)
        sign = rich.emoji if self._unicode else rich.emoticon
        confidence = f" {look.confidence:.0%}" if look.emotion is not None else ""
        people = f", {_people(look).strip()}" if look.people else ""
        return f"{sign} {rich.label}{confidence}{people}"

    def _bar(self, look: Look) -> str:
        if look.emotion is None:
            return ""
        full, empty = ("█", "░") if self._unicode else ("#", "-")
        filled = round(look.confidence * _BAR)
        return f" {full * filled}{empty * (_BAR - filled)} {look.confidence:4.0%}"

    def _columns(self) -> int:
        try:
            descriptor = self._stream.fileno() if self._stream is not None else -1
            return os.get_terminal_size(descriptor).columns or _USUAL_WIDTH
        except (OSError, ValueError):
            return _USUAL_WIDTH

    def _write(self, text: str) -> None:
        if self._stream is None:
            return
        try:
            self._stream.write(text)
            self._stream.flush()
        except (OSError, ValueError) as error:  # a closed pipe, a closed file
            self._stream = None
            msg = f"{self.name}: cannot be written: {error}"
            raise SinkError(msg) from error


def _people(look: Look) -> str:
    if not look.people:
        return ""
    return "  1 person" if look.people == 1 else f"  {look.people} people"


def _palette_index(colour: tuple[float, float, float]) -> int:
    """Return the nearest color of the 256-color 6x6x6 cube; light is linear, screens are not (gamma 2.2)."""
    red, green, blue = (round(5 * math.pow(max(share, 0.03), 1 / 2.2)) for share in colour)
    return 16 + 36 * red + 6 * green + blue


def _can_write(stream: TextIO, text: str) -> bool:
    try:
        text.encode(getattr(stream, "encoding", None) or "ascii")
    except (UnicodeEncodeError, LookupError):
        return False
    return True
