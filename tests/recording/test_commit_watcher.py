"""Who waits for an event to be on the disk is told, also after a fault, and not before."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from edge.core.events import EventType
from edge.recording.file import SessionFile
from edge.util.sqlite import FileFault

if TYPE_CHECKING:
    from collections.abc import Callable

Room = Any


@pytest.fixture
def heard(room: Room) -> list[Any]:
    found: list[Any] = []
    room.sink.watch(found.extend, lambda: found.append("failing"))
    return found


def test_events_are_kept_once_they_are_written(room: Room, heard: list[Any]) -> None:
    room.start()
    room.event(EventType.MARKER, 2.0, label="kiss")
    assert heard == [1, 2]
    room.event(EventType.PEAK, 3.0, people=1)  # of too few people: nothing is to be kept
    room.sink.tick(0)
    assert heard == [1, 2, 3]


def test_an_event_of_no_session_holds_nobody_up(room: Room, heard: list[Any]) -> None:
    room.event(EventType.MARKER, 2.0)
    assert heard == [1]


def test_a_fault_is_told_once_and_what_waited_when_it_is_written(
    room: Room, heard: list[Any], monkeypatch: pytest.MonkeyPatch, crowd: tuple[Any, ...]
) -> None:
    def full(*_given: Any) -> None:
        msg = "there is no space left"
        raise FileFault(msg, full=True)

    clock = {"now": 0.0}
    monkeypatch.setattr("edge.recording.writer.time.monotonic", lambda: clock["now"])
    room.start()
    write: Callable[..., None] = SessionFile.write
    monkeypatch.setattr(SessionFile, "write", full)
    for _ in range(2):
        room.event(EventType.MARKER, 2.0)
    room.sink.tick(0)
    assert heard == [1, "failing"]
    monkeypatch.setattr(SessionFile, "write", write)
    clock["now"] += 60.0
    room.show(3, 5, *crowd)
    room.sink.tick(0)
    assert heard == [1, "failing", 2, 3]
