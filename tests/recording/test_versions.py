"""Files of older and newer versions: brought up, set aside, and as they were where an upgrade is taken back."""

from __future__ import annotations

import os
import sqlite3
import time
from pathlib import Path
from typing import Any

import pytest

from edge.core.errors import InputError
from edge.core.events import RunningSession
from edge.recording import copies
from edge.recording.file import SessionFile
from edge.recording.schema import MIGRATIONS
from edge.reports.library import reading
from edge.util.sqlite import FileDamaged

Room = Any
Crowd = Any


def test_files_of_older_versions_are_brought_up(room: Room, crowd: Crowd) -> None:
    room.start(0)
    room.show(0, 3, *crowd)
    room.stop(3)
    newer = (*MIGRATIONS, ("ALTER TABLE session ADD COLUMN hall TEXT",))
    with SessionFile(room.path, migrations=newer) as file:
        assert len(file.sessions()) == 1
        columns = [row[1] for row in file._connection.execute("PRAGMA table_info(session)")]
    assert columns[-1] == "hall"
    with pytest.raises(FileDamaged, match=f"schema version {len(MIGRATIONS) + 1}, newer than {len(MIGRATIONS)}"):
        SessionFile(room.path)


def test_a_migration_that_fails_changes_nothing(room: Room) -> None:
    room.start(0)
    room.stop(1)
    broken = (*MIGRATIONS, ("ALTER TABLE session ADD COLUMN hall TEXT", "ALTER TABLE nowhere ADD COLUMN x TEXT"))
    with pytest.raises(FileDamaged):
        SessionFile(room.path, migrations=broken)
    with SessionFile(room.path) as file:
        assert len(file.sessions()) == 1


def test_a_file_of_a_newer_version_is_kept_aside(room: Room, crowd: Crowd) -> None:
    room.path.parent.mkdir()
    connection = sqlite3.connect(room.path)
    connection.execute("CREATE TABLE later (x)")
    connection.execute("PRAGMA user_version = 99")
    connection.close()
    room.start(0)
    room.show(0, 2, *crowd)
    room.stop(2)
    assert len(room.recording().seconds) == 2
    assert (room.path.parent / f"{room.path.name}.version-99-1").exists()


def _newer(room: Room) -> SessionFile:
    """What an upgrade does to the file."""
    return SessionFile(room.path, migrations=(*MIGRATIONS, ("ALTER TABLE session ADD COLUMN hall TEXT",)))


def _copy(room: Room) -> Path:
    return Path(f"{room.path}.of-version-{len(MIGRATIONS)}")


def test_an_upgrade_that_is_taken_back_has_its_sessions_again(
    room: Room, crowd: Crowd, caplog: pytest.LogCaptureFixture
) -> None:
    room.start(0, title="Before")
    room.show(0, 3, *crowd)
    room.sink.close()  # in the middle of the session, as an upgrade comes
    _newer(room).close()
    assert _copy(room).stat().st_mode & 0o777 == 0o600
    room.sink = room.new_sink()
    room.sink.handle(RunningSession(room.session))
    room.show(5, 8, *crowd)
    room.stop(8)
    room.sink.close()
    seconds = [second.second for second in room.recording().seconds]
    assert seconds[:3] == [0, 1, 2]
    assert seconds[-1] >= 7
    assert f"{_copy(room).name} is restored" in caplog.text
    assert (room.path.parent / f"{room.path.name}.version-{len(MIGRATIONS) + 1}-1").exists()
    assert not _copy(room).exists()


def test_they_are_there_again_before_anything_is_kept(room: Room, crowd: Crowd) -> None:
    room.start(0, title="Before")
    room.show(0, 3, *crowd)
    room.stop(3)
    room.sink.close()
    _newer(room).close()
    with pytest.raises(InputError, match="newer than"), reading(room.path):
        pass
    room.new_sink().open()
    with reading(room.path) as file:
        assert [record.title for record in file.sessions()] == ["Before"]


def test_a_copy_that_an_older_program_cannot_read_either_is_left(room: Room) -> None:
    room.start(0)
    room.stop(1)
    room.sink.close()
    _newer(room).close()
    assert copies.restore(room.path, len(MIGRATIONS)) is None, "the file is there"
    room.path.unlink()
    assert copies.restore(room.path, len(MIGRATIONS) - 1) is None
    assert copies.restore(room.path, len(MIGRATIONS)) == _copy(room)


def test_a_deleted_session_is_in_no_copy(room: Room) -> None:
    room.start(0, title="Zanzibar-by-night")
    room.stop(1)
    room.sink.close()
    with _newer(room) as file:
        assert b"Zanzibar-by-night" in _copy(room).read_bytes()
        unfinished = Path(f"{_copy(room)}.1234")  # a power cut while it was made
        unfinished.write_bytes(_copy(room).read_bytes())
        file.delete(room.session.id)
    assert not any(b"Zanzibar-by-night" in each.read_bytes() for each in room.path.parent.iterdir())


def test_a_copy_lasts_a_day(room: Room, crowd: Crowd) -> None:
    room.start(0)
    room.show(0, 2, *crowd)
    room.sink.close()
    copy = _copy(room)
    for age_s, kept in ((3600, True), (2 * 86400, False)):
        copy.touch()
        os.utime(copy, (time.time() - age_s,) * 2)
        room.sink = room.new_sink()
        room.sink.handle(RunningSession(room.session))
        room.show(10, 12, *crowd)
        room.sink.close()
        assert copy.exists() is kept


def test_without_room_for_a_copy_the_file_is_brought_up_all_the_same(
    room: Room, caplog: pytest.LogCaptureFixture
) -> None:
    room.start(0)
    room.stop(1)
    room.sink.close()
    Path(f"{_copy(room)}.{os.getpid()}").mkdir()  # nothing can be written under that name
    with _newer(room) as file:
        assert len(file.sessions()) == 1
    assert "could not be copied before its tables are changed" in caplog.text
    assert not _copy(room).exists()
