"""Sessions of one or two people: what is withheld is said, and what all agreed to is kept and marked."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from edge.core.events import EventType, RunningSession, SessionKind
from edge.recording.file import SessionFile
from edge.recording.media_timeline import FilmClock
from edge.reports import text
from edge.reports.export import session_dict, write
from edge.reports.spans import time_use
from edge.reports.timeline import SessionTimeline

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

Room = Any
AGREED = {"kind": SessionKind.GAME, "k": 1, "agreed": True}


def figures(room: Room) -> list[bool]:
    return [second.figures is not None for second in room.recording().seconds]


def test_with_agreement_figures_of_one_person_are_kept(room: Room, make_face: Callable[..., Any]) -> None:
    room.start(0, **AGREED)
    room.show(0, 5, make_face(1))
    room.event(EventType.PEAK, 2, people=1)
    room.stop(5)
    assert figures(room) == [True] * 5
    record = room.recording().record
    assert (record.k, record.agreed, record.kind) == (1, True, SessionKind.GAME)
    assert EventType.PEAK in {happening.type for happening in room.recording().events}


def test_without_it_they_are_not(room: Room, make_face: Callable[..., Any]) -> None:
    room.start(0, kind=SessionKind.GAME, k=3)
    room.show(0, 5, make_face(1), make_face(2))
    room.event(EventType.PEAK, 2, people=2)
    room.stop(5)
    assert figures(room) == [False] * 5
    assert (room.recording().record.k, room.recording().record.agreed) == (3, False)
    assert EventType.PEAK not in {happening.type for happening in room.recording().events}


@pytest.mark.parametrize(("first", "later"), [(3, 1), (1, 3)])
def test_k_is_fixed_at_the_start(room: Room, crowd: Any, first: int, later: int) -> None:
    """A restart with other settings changes nothing for the session that goes on."""
    room.settings["k"] = first
    room.sink = room.new_sink()
    room.start(0, k=first)
    room.show(0, 3, *crowd[:2])
    room.sink.close()
    room.settings["k"] = later
    room.sink = room.new_sink()
    room.sink.handle(RunningSession(room.session))
    room.show(4, 8, *crowd[:2])
    room.stop(8)
    assert set(figures(room)) == {first == 1}
    assert room.recording().record.k == first


def test_a_session_of_an_older_version_keeps_what_its_file_says(room: Room, crowd: Any) -> None:
    room.start(0)
    room.show(0, 3, *crowd[:2])
    room.sink.close()
    room.settings["k"] = 1
    room.sink = room.new_sink()
    assert room.session.k is None
    room.sink.handle(RunningSession(room.session))
    room.show(4, 8, *crowd[:2])
    room.stop(8)
    assert set(figures(room)) == {False}


def test_what_was_counted_before_the_session_was_known_is_by_the_larger_k(room: Room, crowd: Any) -> None:
    """The event that begins a session may come before the message that names its k."""
    room.session = room.session.model_copy(update=AGREED)
    room.event(EventType.SESSION_START, 0, label="x")
    room.show(0, 2, *crowd[:2])
    room.sink.handle(RunningSession(room.session))
    room.show(2, 5, *crowd[:2])
    room.stop(5)
    assert figures(room) == [False, False, True, True, True]


def test_exports_say_k_and_agreement(room: Room, make_face: Callable[..., Any], tmp_path: Path) -> None:
    room.start(0, **AGREED)
    room.show(0, 3, make_face(1))
    room.stop(3)
    found = session_dict(room.recording().record)
    assert (found["k"], found["agreed"]) == (1, True)
    write(room.recording(), tmp_path / "x.json", "json")
    assert json.loads((tmp_path / "x.json").read_text())["session"]["agreed"] is True
    pq = pytest.importorskip("pyarrow.parquet", reason="pyarrow is not installed")
    write(room.recording(), tmp_path / "x.parquet", "parquet")
    about = json.loads(pq.read_schema(tmp_path / "x.parquet").metadata[b"face-edge.session"])
    assert (about["k"], about["agreed"]) == (1, True)


def test_the_report_marks_the_agreement(made_up: Any) -> None:
    pytest.importorskip("matplotlib", reason="the extra `reports` is not installed")
    from edge.reports.compare import comparison
    from edge.reports.report import report

    agreed = made_up(seconds=90, people=1, k=1, kind=SessionKind.GAME, agreed=True)
    page = report(agreed)
    assert "k = 1, with the agreement of all people in view" in page
    assert "All people in view agreed at the start that figures are kept from 1 face on" in page
    other = made_up(seconds=90, seed=2)
    assert "agreement" not in report(other)
    assert "1 face on, agreed" in comparison([agreed, other])


def test_an_empty_report_says_why(made_up: Any) -> None:
    pytest.importorskip("matplotlib", reason="the extra `reports` is not installed")
    from edge.reports.report import report

    few = made_up(seconds=90, people=1, k=3)
    page = report(few)
    assert "Figures about expression need 3 faces or more in view" in page
    assert "this report has counts only" in page
    assert "game or private" in page
    timeline = SessionTimeline.of(few)
    said = text.summary(few.record, timeline, time_use(few, timeline), [], FilmClock.of(few))
    assert "figures need 3 faces or more" in said
    assert "counts only" not in report(made_up(seconds=90))


def test_agreement_outlives_the_file_being_read_and_written(made_up: Any, tmp_path: Path) -> None:
    from edge.recording.rows import put_session

    record = replace(made_up(seconds=10).record, kind=SessionKind.PRIVATE, k=1, agreed=True)
    with SessionFile(tmp_path / "s.sqlite3", create=True) as file:
        file.write([put_session(record)])
        [found] = file.sessions()
    assert (found.k, found.agreed, found.kind) == (1, True, SessionKind.PRIVATE)
