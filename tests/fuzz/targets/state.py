"""Files on the memory card: a damaged file is set aside or reported in one line, and never stops the device."""

from __future__ import annotations

import json
import sqlite3
import zlib
from contextlib import closing, suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from edge.core.errors import InputError
from tests.fuzz import mutate
from tests.fuzz.target import FuzzTarget, in_one_line

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path
    from random import Random

_CUT = b"\x1e"
_TABLES = ("session", "second", "happening", "media_point")
_SQLITE_INT = 2**63
_REPORTED = 16
"""One in this many inputs also draws the report, which takes a hundred times as long."""
_ABOUT = {"node": "hall", "model": "x", "accuracy": {"split": "PublicTest", "labels": "x", "n": 3372, "accuracy": 0.8}}


def files(folder: Path) -> FuzzTarget:
    """Test ``KIND, bytes``; for sessions also ``rows``, JSON with the cells to change."""
    whole = {b"sessions": _sessions(folder), b"outbox": _outbox(folder), b"settings": _settings()}

    def attempt(data: bytes) -> None:
        kind, _, body = data.partition(_CUT)
        match kind:
            case b"sessions":
                _read_sessions(folder, body)
            case b"rows":
                with suppress(sqlite3.Error):  # which would not let such a row be written
                    _read_sessions(folder, _with_cells(folder, whole[b"sessions"], body))
            case b"outbox":
                _read_outbox(folder, body)
            case _:
                _read_settings(folder, body)

    corpus = [kind + _CUT + body for kind, body in whole.items()]
    return FuzzTarget([*corpus, b"rows" + _CUT], attempt, _mutated)


def _mutated(random: Random, corpus: Sequence[bytes]) -> bytes:
    kind, _, body = random.choice(corpus).partition(_CUT)
    if kind == b"rows":
        return kind + _CUT + json.dumps([_cell(random) for _ in range(random.randint(1, 3))]).encode()
    return kind + _CUT + (mutate.text if kind == b"settings" else mutate.raw)(random, [body])


def _cell(random: Random) -> dict[str, Any]:
    value = random.choice(mutate.ODD)
    if isinstance(value, (list, dict)) or (isinstance(value, int) and abs(value) >= _SQLITE_INT):
        value = json.dumps(value)
    return {"table": random.choice(_TABLES), "column": random.randrange(30), "value": value}


def _with_cells(folder: Path, whole: bytes, body: bytes) -> bytes:
    """Write the file with cells of its first rows changed."""
    path = folder / "rows.sqlite3"
    path.write_bytes(whole)
    with closing(sqlite3.connect(path, isolation_level=None)) as file:
        file.execute("PRAGMA journal_mode=DELETE")
        for cell in json.loads(body):
            names = [row[1] for row in file.execute(f"PRAGMA table_info({cell['table']})")]
            name = names[cell["column"] % len(names)]
            with suppress(UnicodeEncodeError):
                file.execute(f"UPDATE {cell['table']} SET {name} = ?", (cell["value"],))
    return path.read_bytes()


def _read_sessions(folder: Path, body: bytes) -> None:
    """Read sessions like the commands and the page."""
    from edge.recording.summaries import session_summaries
    from edge.reports.export import write
    from edge.reports.library import digest, reading
    from edge.reports.report import report

    path = folder / "sessions.sqlite3"
    _place(path, body)
    try:
        with reading(path) as file:
            records = file.sessions()[:3]
            session_summaries(file, records)
            recordings = [file.recording(record) for record in records]
    except InputError as error:
        in_one_line(error)
        return
    for recording in recordings:
        digest(recording)
        write(recording, folder / "export.csv", "csv")
        write(recording, folder / "export.json", "json")
        if not zlib.crc32(body) % _REPORTED:
            report(recording)


def _read_outbox(folder: Path, body: bytes) -> None:
    """Read the outbox like a starting device, and write to it."""
    from edge.sinks.mqtt.outbox.file import Bounds, OutboxFile, Row
    from edge.util.sqlite import FileFault

    path = folder / "outbox.sqlite3"
    _place(path, body)
    try:
        with closing(OutboxFile(path)) as file:
            for stream in ("event", "aggregate"):
                for row in file.read(stream, 0, 100):
                    row.payload.encode()
            file.write([Row(file.last + 1, "event", 0.0, 7, "{}")], [1], {"event": 8}, bounds=Bounds(10, 0.0))
    except FileFault as fault:
        in_one_line(fault)


def _read_settings(folder: Path, body: bytes) -> None:
    from edge.runtime.saved_switches import SettingsStore

    path = folder / "settings.json"
    path.write_bytes(body)
    SettingsStore(path).change(privacy=True)


def _place(path: Path, body: bytes) -> None:
    for suffix in ("-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)
    path.write_bytes(body)


def _sessions(folder: Path) -> bytes:
    """Write a minute of a session with a video."""
    from edge.recording.file import SessionFile
    from edge.recording.rows import put_event, put_media, put_second, put_session
    from edge.recording.values import ExpressionFigures, MediaPoint, RecordedEvent, Second, SessionRecord

    path = folder / "drawn-sessions.sqlite3"
    start = datetime(2026, 3, 1, 19, 30, tzinfo=UTC)
    record = SessionRecord("01KQT426230000000000000003", "Matinee", start, k=1, about=_ABOUT)
    seven = tuple(1 / 7 for _ in range(7))
    with SessionFile(path, create=True) as file:
        file.write([put_session(record)])
        figures = ExpressionFigures(1.0, seven, seven, 0.1, 0.2, 0.9)
        seconds = [Second(index, 1.0, 2.0, 3, 2.0, figures=figures) for index in range(60)]
        file.write(put_second(record.id, second) for second in seconds)
        file.write([put_event(record.id, RecordedEvent(9.5, "01KQT426230000000000000004", "marker", 2, "kiss", None))])
        file.write(
            [
                put_media(record.id, MediaPoint(3.0, 0.0, "playing")),
                put_media(record.id, MediaPoint(40.0, 37.0, "paused")),
            ]
        )
    return path.read_bytes()


def _outbox(folder: Path) -> bytes:
    from edge.sinks.mqtt.outbox.file import Bounds, OutboxFile, Row

    path = folder / "drawn-outbox.sqlite3"
    rows = [Row(number, "event", 1_772_000_000.0, number, '{"id": "x"}') for number in range(1, 20)]
    with closing(OutboxFile(path)) as file:
        file.write(rows, [], {"event": 20, "aggregate": 0}, bounds=Bounds(1000, 0.0))
    return path.read_bytes()


def _settings() -> bytes:
    from edge.core.events import Session
    from edge.runtime.saved_switches import Settings

    session = Session(
        id="01KQT426230000000000000003", title="Matinee", start=datetime(2026, 3, 1, tzinfo=UTC), planned_s=90
    )
    return Settings(session=session).model_dump_json().encode()
