"""Summaries and drawn reports are kept in the sessions' file, and only as long as they are true."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from edge.config import SessionsConfig
from edge.recording import summaries
from edge.recording.file import SessionFile
from edge.recording.rows import SqlStatement, end_session, put_event, put_media, put_second, put_session
from edge.recording.summaries import counts_only, put_summary, session_summaries
from edge.recording.values import MediaPoint, RecordedEvent, Recording, Second
from edge.recording.writer import SessionWriter
from edge.reports import page_cache
from edge.util.sqlite import FileDamaged

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

Make = Any
PAGE = "<!doctype html><p>drawn once, secretly</p>"


def store(file: SessionFile, recording: Recording) -> None:
    record = recording.record
    file.write([put_session(record)])
    file.write([put_second(record.id, second) for second in recording.seconds])


@pytest.fixture
def recording(made_up: Make) -> Recording:
    found: Recording = made_up(seconds=60)
    return found


@pytest.fixture
def file(tmp_path: Path, recording: Recording) -> Iterator[SessionFile]:
    with SessionFile(tmp_path / "s.sqlite3", create=True) as opened:
        store(opened, recording)
        yield opened


def kept(file: SessionFile, table: str) -> list[str]:
    return [row[0] for row in file.read(f"SELECT session FROM {table}")]


def test_a_list_reads_summaries_and_no_seconds(file: SessionFile, monkeypatch: pytest.MonkeyPatch) -> None:
    first = session_summaries(file, file.sessions())
    monkeypatch.setattr(summaries, "_SUMMED", "SELECT nothing FROM nowhere WHERE ? = ?")
    assert session_summaries(file, file.sessions()) == first
    assert len(first) == 1


def test_a_session_that_ends_is_summed_up_at_once(room: Any, crowd: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    room.start(0)
    room.show(0, 4, *crowd)
    room.stop(4)
    monkeypatch.setattr(summaries, "_SUMMED", "SELECT nothing FROM nowhere WHERE ? = ?")
    with SessionFile(room.path) as opened:
        summary = session_summaries(opened, opened.sessions())[room.session.id]
    assert (summary.people, summary.people_max, summary.figures_s) == (4, 4, 4)


def changes(recording: Recording) -> dict[str, SqlStatement]:
    record = recording.record
    return {
        "a second more": put_second(record.id, Second(100, 1.0, 2.0, 2, 2.0, suppressed=True)),
        "another second": put_second(record.id, replace(recording.seconds[5], people=9.0)),
        "an event": put_event(record.id, RecordedEvent(3.0, "0" * 26, "marker", 3, "here")),
        "the film": put_media(record.id, MediaPoint(1.0, 0.0, "playing")),
        "another title": put_session(replace(record, title="Other")),
        "another end": end_session(record.id, record.start, "plan", 30.0),
        "a second less": SqlStatement("DELETE FROM second WHERE session = ? AND second = 7", (record.id,)),
    }


@pytest.mark.parametrize("what", ["a second more", "another second", "an event", "the film", "another title",
                                  "another end", "a second less"])  # fmt: skip
def test_what_was_derived_goes_with_any_change(file: SessionFile, recording: Recording, what: str) -> None:
    [record] = file.sessions()
    page_cache.keep(file, record, PAGE)
    file.write([put_summary(record.id)])
    assert (page_cache.find(file, record), kept(file, "summary")) == (PAGE, [record.id])
    file.write([changes(recording)[what]])
    assert (page_cache.find(file, record), kept(file, "summary"), kept(file, "page")) == (None, [], [])


def test_other_sessions_keep_what_is_theirs(file: SessionFile, recording: Recording, made_up: Make) -> None:
    store(file, made_up(seconds=40, seed=2))
    other, first = file.sessions()
    assert first.id == recording.record.id
    page_cache.keep(file, other, PAGE)
    file.write([changes(recording)["an event"]])
    assert page_cache.find(file, other) == PAGE


def test_the_rest_waits_where_summing_up_takes_long(file: SessionFile, made_up: Make) -> None:
    for seed in range(2, 6):
        store(file, made_up(seconds=30, seed=seed))
    records = file.sessions()
    assert session_summaries(file, records, limit_s=-1.0) == {}
    assert len(session_summaries(file, records)) == 5
    assert len(session_summaries(file, records, limit_s=-1.0)) == 5


def test_a_session_that_runs_has_no_page_and_no_lasting_summary(file: SessionFile, made_up: Make) -> None:
    store(file, made_up(seconds=30, seed=2, end=None, ended_by=None))
    record = file.sessions()[0]
    assert record.running
    page_cache.keep(file, record, PAGE)
    assert session_summaries(file, [record])[record.id].people is not None
    assert (page_cache.find(file, record), kept(file, "page"), kept(file, "summary")) == (None, [], [])


def test_another_program_draws_anew(file: SessionFile, monkeypatch: pytest.MonkeyPatch) -> None:
    [record] = file.sessions()
    page_cache.keep(file, record, PAGE)
    monkeypatch.setattr(page_cache, "made_by", lambda: "2.0")
    assert page_cache.find(file, record) is None


def test_a_deleted_session_leaves_no_page(file: SessionFile, tmp_path: Path) -> None:
    [record] = file.sessions()
    page_cache.keep(file, record, PAGE)
    [[content]] = file.read("SELECT content FROM page")
    file.delete(record.id)
    page_cache.keep(file, record, PAGE)  # drawn meanwhile by a worker
    assert kept(file, "page") == []
    file.close()
    assert all(content not in path.read_bytes() for path in tmp_path.iterdir())


def test_a_page_drawn_before_a_change_is_not_kept(file: SessionFile) -> None:
    [record] = file.sessions()
    file.write([put_session(replace(record, title="Renamed while it was drawn"))])
    page_cache.keep(file, record, PAGE)
    assert kept(file, "page") == []


def test_a_damaged_page_is_drawn_again(file: SessionFile) -> None:
    [record] = file.sessions()
    page_cache.keep(file, record, PAGE)
    for content in (b"nonsense", "text", 7):
        file.write([SqlStatement("UPDATE page SET content = ?", (content,))])
        assert page_cache.find(file, record) is None


def test_as_many_pages_are_kept_as_may_be(file: SessionFile, made_up: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(page_cache, "PAGES_MAX", 2)
    for seed in range(2, 6):
        store(file, made_up(seconds=20, seed=seed))
    for record in file.sessions():
        page_cache.keep(file, record, PAGE)
    assert len(kept(file, "page")) == 2


def test_pages_make_room_before_sessions_do(tmp_path: Path, made_up: Make) -> None:
    path = tmp_path / "full.sqlite3"
    writer = SessionWriter(path, SessionsConfig(max_mb=1), restore=list)
    recordings = [made_up(seconds=900, seed=seed) for seed in range(2, 4)]
    for found in recordings:
        writer.add([put_session(found.record), *(put_second(found.record.id, second) for second in found.seconds)])
        writer.flush(now=True)
    with SessionFile(path) as opened:
        for record in opened.sessions():
            opened.write([SqlStatement(
                "REPLACE INTO page (session, made_by, made_ms, content) VALUES (?, ?, 0, randomblob(250000))",
                (record.id, page_cache.made_by()),
            )])  # fmt: skip
        assert opened.used_bytes > 900_000
    writer._tidy_s = 0.0
    more = made_up(seconds=10, seed=9)
    writer.add([put_session(more.record)])
    writer.flush(now=True)
    writer.close()
    with SessionFile(path) as opened:
        assert len(opened.sessions()) == 3
        assert kept(opened, "page") == []


def test_a_file_of_an_older_version_is_summed_up_when_it_is_listed(
    tmp_path: Path, recording: Recording, older: Callable[[Path, int], None]
) -> None:
    path = tmp_path / "old.sqlite3"
    with SessionFile(path, create=True) as opened:
        store(opened, recording)
    older(path, 3)
    with SessionFile(path) as opened:
        assert kept(opened, "summary") == []
        found = session_summaries(opened, opened.sessions())
        assert found[recording.record.id].figures_s == sum(one.figures is not None for one in recording.seconds)
        assert kept(opened, "summary") == [recording.record.id]
        assert opened.sessions()[0].agreed is False


@pytest.mark.parametrize(("column", "value"), [("people", "many"), ("people_max", -1), ("valence", b"x"),
                                               ("figures_s", 1e300), ("withheld_s", "nine")])  # fmt: skip
def test_a_damaged_summary_is_summed_up_again(file: SessionFile, column: str, value: object) -> None:
    before = session_summaries(file, file.sessions())
    file.write([SqlStatement(f"UPDATE summary SET {column} = ?", (value,))])
    assert session_summaries(file, file.sessions()) == before
    file.write([SqlStatement("DELETE FROM summary"), SqlStatement("UPDATE second SET people_max = 'x'")])
    with pytest.raises(FileDamaged, match="cannot be summed up"):
        session_summaries(file, file.sessions())


def test_counts_only_is_said_in_a_line(file: SessionFile, made_up: Make) -> None:
    store(file, made_up(seconds=30, seed=2, people=2, k=5))
    few, enough = file.sessions()
    found = session_summaries(file, [few, enough])
    said = counts_only(few, found[few.id])
    assert said.startswith("figures need 5 faces or more in view, ")
    assert counts_only(enough, found[enough.id]) == ""
