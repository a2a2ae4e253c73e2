"""What is kept, and that it is kept: power cuts, full disks, damage, restarts, newer versions."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from edge.core.errors import InputError
from edge.core.events import CameraStatus, EventType, Info, Media, Playback, RunningSession, Session, SessionKind, ulid
from edge.core.types import Emotion
from edge.recording.file import SessionFile
from edge.recording.rows import second_values, seconds_of
from edge.recording.summaries import session_summaries
from edge.reports.library import choose, reading
from edge.util.sqlite import FileDamaged, FileFault

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).resolve().parents[2]
Room = Any
Crowd = Any
S = 10**9
START = datetime(2026, 3, 1, 19, 30, tzinfo=UTC)


def test_a_whole_session(room: Room, crowd: Crowd, messages: Any) -> None:
    room.sink.handle(messages.info())
    media = Media(name="Nosferatu", duration_s=5640)
    room.start(100, kind=SessionKind.FILM, planned_s=30.0, media=media)
    room.show(100, 110, *crowd)
    room.event(EventType.MARKER, 105.5, label="the stairs", people=4)
    room.show(110, 120, *crowd[:2])
    room.stop(130.2)
    found = room.recording()
    record = found.record
    assert (record.title, record.kind, record.planned_s, record.k) == ("Matinee", SessionKind.FILM, 30, 3)
    assert (record.media_name, record.media_duration_s) == ("Nosferatu", 5640)
    assert (record.lasted_s, record.ended_by, record.running) == (30.2, "plan", False)
    assert record.end == record.start + timedelta(seconds=30.2)
    assert record.about["model"] == "m"
    assert record.about["accuracy"]["accuracy"] == 0.84
    assert [second.second for second in found.seconds] == list(range(21))  # the last picture holds for a second
    assert [second.suppressed for second in found.seconds] == [False] * 10 + [True] * 11
    assert found.seconds[3].figures is not None
    assert found.seconds[3].figures.shares == (0, 0, 0, 0.5, 0.25, 0, 0)
    assert found.seconds[3].figures.uncertain == 0.25
    assert found.seconds[3].figures.attention == 1
    assert [(h.type, h.at_s, h.label) for h in found.events] == [
        ("session_start", 0, "Matinee"),
        ("marker", 5.5, "the stairs"),
        ("session_end", 30.2, "Matinee"),
    ]


def test_without_a_session_nothing_is_kept(room: Room, crowd: Crowd) -> None:
    room.sink.open()
    room.sink.handle(RunningSession(None))
    room.show(0, 5, *crowd)
    room.sink.handle(CameraStatus.OFFLINE)
    room.sink.close()
    assert not room.path.parent.exists()


def test_figures_of_too_few_people_never_reach_the_file(room: Room, crowd: Crowd) -> None:
    room.start(0)
    room.event(EventType.PEAK, 1, people=2, emotion=Emotion.HAPPY, confidence=0.9, valence=0.8)
    room.event(EventType.EXPRESSION_CHANGED, 1.5, people=2, emotion=Emotion.SAD, confidence=0.9)
    room.show(0, 4, *crowd[:2])
    room.stop(4)
    found = room.recording()
    assert all(second.suppressed and second.figures is None for second in found.seconds)
    assert [h.type for h in found.events] == ["session_start", "session_end"]
    with sqlite3.connect(room.path) as connection:
        assert connection.execute("SELECT count(*) FROM second WHERE valence IS NOT NULL").fetchone() == (0,)
    connection.close()


def test_the_file_is_its_owners(room: Room) -> None:
    room.start(0)
    assert room.path.stat().st_mode & 0o777 == 0o600


def test_it_can_be_read_while_it_is_written(room: Room, crowd: Crowd) -> None:
    room.start(0)
    room.show(0, 5, *crowd)
    with SessionFile(room.path) as reader:
        [record] = reader.sessions()
        assert record.running
        assert record.lasted_s == 4
        room.show(5, 8, *crowd)
        assert len(reader.recording(record).seconds) == 7


def test_a_restart_goes_on_with_the_session(room: Room, crowd: Crowd) -> None:
    room.start(0)
    room.show(0, 5, *crowd)
    room.sink.close()
    room.sink = room.new_sink()
    room.sink.handle(RunningSession(room.session))
    room.show(60, 65, *crowd)
    room.event(EventType.MARKER, 64, label="back")
    room.stop(66)
    found = room.recording()
    assert [second.second for second in found.seconds] == [*range(5), *range(60, 66)]
    assert [h.at_s for h in found.events if h.type == "marker"] == [64]
    assert found.record.lasted_s == 66


@pytest.mark.parametrize("wrong", [timedelta(days=-900), timedelta(days=900)])
def test_a_clock_that_is_wrong_after_a_restart_bends_nothing(room: Room, crowd: Crowd, wrong: timedelta) -> None:
    room.start(0)
    room.show(0, 5, *crowd)
    room.sink.close()
    room.sink, room.epoch = room.new_sink(), room.epoch + wrong
    room.sink.handle(RunningSession(room.session))
    room.show(60, 62, *crowd)
    assert [second.second for second in room.recording().seconds] == [*range(6)]
    room.epoch = room.epoch - wrong  # the network tells the time
    room.show(70, 73, *crowd)
    room.sink.close()
    seconds = [second.second for second in room.recording().seconds]
    assert seconds == sorted(set(seconds))
    assert seconds[-1] == 72


def test_setting_the_clock_bends_nothing(room: Room, crowd: Crowd) -> None:
    room.start(0)
    room.show(0, 3, *crowd)
    room.epoch += timedelta(days=900)
    room.show(3, 6, *crowd)
    room.stop(6)
    found = room.recording()
    assert [second.second for second in found.seconds] == list(range(6))
    assert found.record.lasted_s == 6


def test_what_nobody_ended_is_ended(room: Room, crowd: Crowd) -> None:
    room.start(0)
    room.show(0, 5, *crowd)
    room.sink.close()
    room.sink = room.new_sink()
    room.sink.handle(RunningSession(None))
    record = room.recording().record
    assert (record.ended_by, record.lasted_s) == ("interruption", 5)


def test_a_pause_is_a_gap(room: Room, crowd: Crowd) -> None:
    room.start(0)
    room.show(0, 3, *crowd)
    room.event(EventType.PRIVACY_ON, 2.9, people=0)
    room.sink.handle(CameraStatus.PAUSED)
    room.show(8, 10, *crowd)
    room.stop(10)
    assert [second.second for second in room.recording().seconds] == [0, 1, 2, 8, 9]


WRITER = """
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from edge.config import SessionsConfig
from edge.core.events import Event, EventType, ulid
from edge.recording.sink import SessionSink
from edge.core.types import EMOTIONS, Box, Emotion, Face, Observation, Scores
start = datetime(2026, 3, 1, tzinfo=UTC)
sink = SessionSink(Path(sys.argv[1]), SessionsConfig(), time_of=lambda ns: start + timedelta(microseconds=ns // 1000),
                   live=False)
faces = tuple(Face(str(n), Box(0, 0, 9, 9), Scores.of([1] * 7), Emotion.HAPPY, 1.0) for n in range(3))
sink.handle(Event(id=ulid(1, b"a" * 10), seq=0, ts=start, type=EventType.SESSION_START, people=3,
                  session=ulid(2, b"b" * 10)))
second = 0
while True:
    sink.handle(Observation(second * 10**9, second, 9, 9, faces, detect_ms=1.0))
    print(second, flush=True)  # the seconds before this one are over
    second += 1
"""


def test_a_kill_loses_one_second_at_most(tmp_path: Path) -> None:
    path = tmp_path / "sessions.sqlite3"
    for _ in range(3):
        writer = subprocess.Popen(
            [sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE, text=True, cwd=ROOT
        )
        assert writer.stdout is not None
        for _ in range(40):
            writer.stdout.readline()
        time.sleep(0.02)
        writer.send_signal(signal.SIGKILL)
        said = [int(line) for line in writer.communicate()[0].splitlines()]
        told = said[-1] if said else 39
        with SessionFile(path) as file:
            [record] = file.sessions()
            seconds = [second.second for second in file.recording(record).seconds]
        assert seconds == list(range(len(seconds)))
        assert len(seconds) >= told


def test_a_full_disk_is_one_line_and_nothing_is_lost_once_there_is_room(
    room: Room, crowd: Crowd, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    room.start(0)
    room.show(0, 5, *crowd)
    file = room.sink._writer._opened()
    pages = file._number("PRAGMA page_count")
    file._connection.execute(f"PRAGMA max_page_count={pages}")
    room.show(5, 60, *crowd)
    room.event(EventType.MARKER, 59, label="no room")
    said = [record.message for record in caplog.records if record.levelname == "ERROR"]
    assert len(said) == 1
    assert "no space left" in said[0]
    file._connection.execute("PRAGMA max_page_count=100000")
    monkeypatch.setattr(room.sink._writer, "_retry_s", 0.0)
    room.show(60, 62, *crowd)
    found = room.recording()
    assert [second.second for second in found.seconds] == list(range(61))
    assert [h.label for h in found.events if h.type == "marker"] == ["no room"]
    assert room.sink.drops == 0


def test_where_there_is_no_room_the_oldest_finished_session_goes(
    tmp_path: Path, room: Room, crowd: Crowd, caplog: pytest.LogCaptureFixture
) -> None:
    del tmp_path
    room.start(0)
    room.show(0, 300, *crowd, fps=1)
    room.stop(300)
    first = room.session.id
    file = room.sink._writer._opened()
    file._connection.execute(f"PRAGMA max_page_count={file._number('PRAGMA page_count') + 4}")
    room.session = room.session.model_copy(update={"id": first[:-1] + "Z", "title": "second"})
    room.start(400)
    room.show(400, 700, *crowd, fps=1)
    room.stop(700)
    with SessionFile(room.path) as reader:
        assert [record.title for record in reader.sessions()] == ["second"]
        assert len(reader.recording(reader.sessions()[0]).seconds) == 300
    assert any("is deleted: there is no room" in record.message for record in caplog.records)


def test_old_sessions_go_where_the_settings_say_so(room: Room, crowd: Crowd) -> None:
    room.settings["keep_days"] = 1
    room.sink = room.new_sink()
    room.start(0)
    room.show(0, 2, *crowd)
    room.stop(2)
    room.sink._writer._tidy(room.sink._writer._opened())
    with SessionFile(room.path) as file:
        assert file.sessions() == []


WRONG_CLOCK = datetime(2031, 1, 1, tzinfo=UTC), datetime(1970, 1, 1, tzinfo=UTC)


def hold(room: Room, at_s: float, title: str, *crowd: Any, clock: datetime | None = None) -> None:
    """A session of two seconds that begins ``at_s``; its id and start are those of ``clock``."""
    room.epoch = START if clock is None else clock
    began = room.time(round(at_s * S))
    room.session = Session(id=ulid(int(began.timestamp() * 1000), b"x" * 10), title=title, start=began)
    room.start(at_s, title=title)
    room.show(at_s, at_s + 2, *crowd)
    room.stop(at_s + 2)


def test_sessions_are_in_the_order_in_which_they_began_whatever_the_clock_said(room: Room, crowd: Crowd) -> None:
    future, past = WRONG_CLOCK
    hold(room, 0, "first", *crowd, clock=future)
    hold(room, 10, "second", *crowd)
    hold(room, 20, "third", *crowd, clock=past)
    with SessionFile(room.path) as file:
        records = file.sessions()
        assert [(record.title, record.number) for record in records] == [("third", 3), ("second", 2), ("first", 1)]
        assert choose(file, "last").title == "third"
        assert [record.title for record in file.outdated(max_bytes=0, oldest=None)] == ["first"]


def test_a_session_under_a_wrong_clock_is_not_older_than_the_one_before_it(room: Room, crowd: Crowd) -> None:
    future, past = WRONG_CLOCK
    hold(room, 0, "first", *crowd, clock=future)
    hold(room, 10, "second", *crowd)
    hold(room, 20, "third", *crowd, clock=past)
    day = timedelta(days=1)
    with SessionFile(room.path) as file:
        assert [record.title for record in file.outdated(max_bytes=10**9, oldest=START - day)] == []
        old = file.outdated(max_bytes=10**9, oldest=START + day)
        assert [record.title for record in old] == ["first", "second", "third"]


def test_sessions_of_a_file_without_an_order_are_numbered_by_id(room: Room, crowd: Crowd, older: Any) -> None:
    for number, title in enumerate(("first", "second", "third")):
        hold(room, 10 * number, title, *crowd)
    room.sink.close()
    older(room.path, 2)
    hold(room, 40, "fourth", *crowd, clock=WRONG_CLOCK[1])
    with SessionFile(room.path) as file:
        found = [(record.title, record.number) for record in file.sessions()]
        assert found == [("fourth", 4), ("third", 3), ("second", 2), ("first", 1)]


@pytest.mark.parametrize("content", [b"", b"no database at all" * 500])
def test_a_damaged_file_is_set_aside_and_the_session_goes_on(
    room: Room, crowd: Crowd, caplog: pytest.LogCaptureFixture, content: bytes
) -> None:
    room.path.parent.mkdir()
    room.path.write_bytes(content)
    room.start(0)
    room.show(0, 3, *crowd)
    room.stop(3)
    assert len(room.recording().seconds) == 3
    if content:
        assert (room.path.parent / f"{room.path.name}.damaged-1").read_bytes() == content
        assert sum("is renamed to" in record.message for record in caplog.records) == 1


def test_a_file_that_is_removed_under_the_device_is_recreated(room: Room, crowd: Crowd) -> None:
    room.start(0)
    room.show(0, 3, *crowd)
    for path in room.path.parent.iterdir():
        path.unlink()
    room.show(3, 6, *crowd)
    room.stop(6)
    found = room.recording()
    assert found.record.title == "Matinee"
    assert [second.second for second in found.seconds] == [2, 3, 4, 5]


def test_a_folder_that_cannot_be_written_is_one_line(
    room: Room, crowd: Crowd, caplog: pytest.LogCaptureFixture
) -> None:
    room.path.parent.write_text("a file where the folder should be")
    room.start(0)
    room.show(0, 20, *crowd)
    room.stop(20)
    room.sink.close()
    assert sum(record.levelname == "ERROR" for record in caplog.records) == 1


def test_deleted_bytes_are_gone(room: Room, crowd: Crowd) -> None:
    room.start(0, title="Zanzibar-by-night")
    room.show(0, 60, *crowd, fps=1)
    room.stop(60)
    room.sink.close()
    assert b"Zanzibar-by-night" in room.path.read_bytes()
    with SessionFile(room.path) as file:
        file.delete(room.session.id)
    assert b"Zanzibar-by-night" not in room.path.read_bytes()


def test_a_missing_file_is_said(tmp_path: Path) -> None:
    with pytest.raises(FileFault, match="does not exist"):
        SessionFile(tmp_path / "none.sqlite3")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_read_only_copy_can_be_read(room: Room) -> None:
    room.start(0)
    room.stop(1)
    room.sink.close()
    room.path.parent.chmod(0o500)
    room.path.chmod(0o400)
    with SessionFile(room.path) as file:
        assert len(file.sessions()) == 1
    room.path.parent.chmod(0o700)


def test_a_replayed_clip_does_not_mix_with_its_last_play(room: Room, crowd: Crowd) -> None:
    room.start(0)
    room.show(0, 10, *crowd)
    room.stop(10)
    room.start(0)
    room.show(0, 4, *crowd)
    room.stop(4)
    found = room.recording()
    assert len(found.seconds) == 4
    assert len(found.events) == 2


def test_what_the_device_said_of_itself_is_kept_as_json(room: Room, messages: Any) -> None:
    info: Info = messages.info()
    room.sink.handle(info)
    room.start(0)
    connection: Callable[..., Any] = sqlite3.connect
    with SessionFile(room.path):
        database = connection(room.path)
        [(about,)] = database.execute("SELECT about FROM session").fetchall()
        database.close()
    assert json.loads(about)["node"] == info.node


def test_a_file_of_the_first_version_gets_a_place_for_the_film(room: Room, crowd: Crowd, older: Any) -> None:
    room.start(0)
    room.show(0, 3, *crowd)
    room.stop(3)
    room.sink.close()
    older(room.path, 1)
    assert len(room.recording().seconds) == 3
    assert room.recording().media == ()


def test_the_films_places_are_kept_where_they_say_something_new(room: Room, crowd: Crowd, make_seen: Any) -> None:
    def film(at_s: float, media_s: float, state: str, session: str | None = None) -> None:
        room.sink.handle(make_seen(at_s, *crowd))
        room.sink.handle(Playback(session or room.session.id, 0, media_s, state, 40.0))

    room.start(0, media=Media(name="film.mp4"))
    film(1, 0, "playing")
    film(6, 5.1, "playing")
    film(9, 8, "paused")
    film(12, 8, "playing")
    film(14, 30, "playing")
    film(15, 3, "playing", session=ulid(1, b"another one"))
    film(24, 40, "ended")
    room.stop(25)
    found = room.recording()
    kept = [(point.at_s, point.media_s, point.state) for point in found.media]
    assert kept == [(1, 0, "playing"), (9, 8, "paused"), (12, 8, "playing"), (14, 30, "playing"), (24, 40, "ended")]
    assert (found.record.media_duration_s, found.record.ended_by) == (40.0, "media")
    with SessionFile(room.path) as file:
        file.delete(room.session.id)
        assert file._connection.execute("SELECT count(*) FROM media_point").fetchone() == (0,)


def test_a_glance_sums_up_without_what_is_withheld(room: Room, crowd: Crowd) -> None:
    room.start(0)
    room.show(0, 4, *crowd)
    room.show(4, 10, *crowd[:2])
    room.stop(10)
    with SessionFile(room.path) as file:
        summary = session_summaries(file, file.sessions())[room.session.id]
    assert (summary.people_max, summary.figures_s, summary.withheld_s) == (4, 4, 6)
    assert summary.people == pytest.approx(2.8, abs=0.1)
    measured = [second.figures.valence for second in room.recording().seconds if second.figures]
    assert summary.valence == pytest.approx(sum(measured) / len(measured), abs=0.01)


@pytest.mark.parametrize(
    ("table", "column", "value"),
    [
        ("session", "kind", "opera"),
        ("session", "about", "{"),
        ("session", "start_ms", "then"),
        ("session", "planned_s", "soon"),
        ("session", "ended_by", ""),
        ("second", "people_max", -1),
        ("second", "valence", "glad"),
        ("second", "attention", float("inf")),
        ("happening", "type", b"\xff"),
    ],
)
def test_a_cell_that_nobody_wrote_is_damage_told_in_one_line(
    room: Room, crowd: Crowd, table: str, column: str, value: Any
) -> None:
    room.start()
    room.show(0, 3, *crowd)
    room.event(EventType.MARKER, 2.0, label="kiss")
    room.sink.close()
    with closing(sqlite3.connect(room.path)) as cells, cells:
        assert cells.execute(f"UPDATE {table} SET {column} = ?", (value,)).rowcount

    def read() -> None:
        with reading(room.path) as file:
            for record in file.sessions():
                file.recording(record)

    with pytest.raises(InputError, match=f"{column}|cannot be read") as raised:
        read()
    assert "\n" not in str(raised.value)


def test_little_of_the_file_stays_in_memory(tmp_path: Path) -> None:
    with SessionFile(tmp_path / "sessions.sqlite3", create=True) as file:
        assert -256 <= file._number("PRAGMA cache_size") < 0  # KiB where it is negative, pages where not


def test_seconds_out_of_order_are_damage(room: Room, crowd: Crowd) -> None:
    room.start()
    room.show(0, 4, *crowd)
    room.sink.close()
    rows = [second_values(second) for second in room.recording().seconds]
    assert [second.second for second in seconds_of(rows)] == [0, 1, 2, 3]
    for damaged in (rows[::-1], [rows[0], *rows]):
        with pytest.raises(FileDamaged, match="out of order"):
            seconds_of(damaged)
