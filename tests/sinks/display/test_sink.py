"""The sink between dispatch and a display."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from edge.config import TerminalConfig
from edge.core.events import CameraStatus, Lighting, Look, LookKind
from edge.core.protocols import Sink
from edge.core.types import Emotion
from edge.sinks.display.sink import DisplaySink

if TYPE_CHECKING:
    from typing import Any

HAPPY, SAD = (Look(LookKind.EMOTION, emotion, 0.8, 1) for emotion in (Emotion.HAPPY, Emotion.SAD))
MS = 1_000_000


class Clock:
    """Stands still until it is moved."""

    def __init__(self) -> None:
        self.now_ns = 0

    def __call__(self) -> int:
        return self.now_ns


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def sink(remembered: Any, clock: Clock) -> DisplaySink:
    return DisplaySink(remembered, TerminalConfig(kind="terminal", min_hold_s=0.3), clock=clock)


def test_it_is_a_sink_for_looks_and_how_bright_to_show_them(sink: DisplaySink) -> None:
    assert isinstance(sink, Sink)
    assert sink.accepts == (Look, Lighting)
    assert sink.name == "display terminal"


def test_a_waiting_look_appears_with_a_tick(sink: DisplaySink, remembered: Any, clock: Clock) -> None:
    sink.open()
    sink.handle(HAPPY)
    clock.now_ns = 100 * MS
    sink.handle(SAD)
    sink.tick(299 * MS)
    assert remembered.shown == [HAPPY]
    sink.tick(300 * MS)
    assert remembered.shown == [HAPPY, SAD]


def test_ticks_move_animations_on(sink: DisplaySink, remembered: Any) -> None:
    sink.open()
    sink.tick(5 * MS)
    sink.tick(55 * MS)
    assert remembered.animated_ns == [5 * MS, 55 * MS]


def test_after_a_failure_the_last_look_comes_back(sink: DisplaySink, remembered: Any, clock: Clock) -> None:
    sink.open()
    sink.handle(HAPPY)
    sink.close()
    clock.now_ns = 60_000 * MS
    sink.open()
    assert remembered.shown == [HAPPY, HAPPY]
    assert remembered.calls == ["open", "close", "open"]


def test_other_messages_are_ignored(sink: DisplaySink, remembered: Any) -> None:
    sink.open()
    sink.handle(CameraStatus.ONLINE)
    assert remembered.shown == []


def test_switched_off_and_dimmed(sink: DisplaySink, remembered: Any) -> None:
    sink.handle(Lighting(on=False, brightness=0.4))
    sink.handle(Lighting(on=True, brightness=0.4))
    assert remembered.levels == [0, 0.4]
