"""The terminal line: redrawn in place for a watcher, plain lines for a file."""

from __future__ import annotations

import fcntl
import io
import os
import struct
import termios
from typing import TYPE_CHECKING

import pytest

from edge.core.errors import SinkError
from edge.core.events import Look, LookKind
from edge.core.types import Emotion
from edge.sinks.display.terminal import Terminal

if TYPE_CHECKING:
    from collections.abc import Mapping

HAPPY = Look(LookKind.EMOTION, Emotion.HAPPY, 0.5, 2)
PLAIN = {"NO_COLOR": "1"}


class Screen(io.TextIOWrapper):
    """A stream in memory that may say it is a terminal."""

    def __init__(self, *, tty: bool, encoding: str = "utf-8") -> None:
        self.sink = io.BytesIO()
        super().__init__(self.sink, encoding=encoding)
        self._tty = tty

    def isatty(self) -> bool:
        return self._tty

    def fileno(self) -> int:
        raise io.UnsupportedOperation

    @property
    def text(self) -> str:
        self.flush()
        return self.sink.getvalue().decode(self.encoding)


def written(look: Look, *, tty: bool, encoding: str = "utf-8", environment: Mapping[str, str] = PLAIN) -> str:
    stream = Screen(tty=tty, encoding=encoding)
    display = Terminal(stream, environment=environment)
    display.open()
    display.show(look)
    return stream.text


def test_a_terminal_gets_one_line_redrawn_in_place() -> None:
    assert written(HAPPY, tty=True) == "\r\x1b[K😀 happy     ██████░░░░░░  50%  2 people"


def test_colour_marks_the_word_unless_no_color_is_set() -> None:
    assert "\x1b[1;38;5;" in written(HAPPY, tty=True, environment={})
    assert "\x1b[1;38;5;" not in written(HAPPY, tty=True, environment={"NO_COLOR": "1"})
    assert "\x1b[1;38;5;" in written(HAPPY, tty=True, environment={"NO_COLOR": ""}), "an empty NO_COLOR is none"


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_a_terminal_without_unicode_gets_an_emoticon(encoding: str) -> None:
    assert written(HAPPY, tty=True, encoding=encoding) == "\r\x1b[K:-) happy     ######------  50%  2 people"


def test_a_file_gets_a_line_per_change_and_no_escapes() -> None:
    stream = Screen(tty=False)
    with Terminal(stream, environment={}) as display:
        for look in (HAPPY, Look(LookKind.EMOTION, Emotion.HAPPY, 0.9, 2), Look(LookKind.NO_FACE)):
            display.show(look)
        display.show(Look(LookKind.EMOTION, Emotion.HAPPY, 0.7, 1))
    assert stream.text == "😀 happy 50%, 2 people\n🔍 no face\n😀 happy 70%, 1 person\n"


def test_a_dumb_terminal_is_treated_as_a_file() -> None:
    assert written(HAPPY, tty=True, environment={"TERM": "dumb"}) == "😀 happy 50%, 2 people\n"


@pytest.mark.parametrize("tty", [True, False])
@pytest.mark.parametrize("encoding", ["utf-8", "ascii"])
def test_every_two_looks_differ(looks: list[Look], encoding: str, *, tty: bool) -> None:
    assert len({written(look, tty=tty, encoding=encoding) for look in looks}) == len(looks)


def test_close_wipes_the_line() -> None:
    stream = Screen(tty=True)
    with Terminal(stream, environment=PLAIN) as display:
        display.show(HAPPY)
    assert stream.text.endswith("\r\x1b[K")
    assert not stream.closed


def test_a_narrow_terminal_is_not_overrun() -> None:
    master, slave = os.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 30, 0, 0))
    with os.fdopen(slave, "w", encoding="utf-8") as stream, Terminal(stream, environment=PLAIN) as display:
        display.show(Look(LookKind.EMOTION, Emotion.SURPRISE, 1.0, 12))
        line = os.read(master, 1000).decode().removeprefix("\r\x1b[K")
    os.close(master)
    assert line.startswith("😮 surprise")
    assert len(line) + 1 < 30, "an emoji is two columns wide"


def test_a_reader_that_went_away_is_one_line() -> None:
    stream = Screen(tty=False)
    display = Terminal(stream, environment={})
    display.open()
    stream.close()
    with pytest.raises(SinkError, match=r"^terminal: cannot be written"):
        display.show(HAPPY)
    display.close()


def test_standard_error_is_the_default(capsys: pytest.CaptureFixture[str]) -> None:
    with Terminal() as display:
        display.show(Look(LookKind.PAUSED))
    said = capsys.readouterr()
    assert said.out == ""
    assert "paused" in said.err
