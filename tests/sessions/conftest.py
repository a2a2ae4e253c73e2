"""A room of made-up people, and a sink that hears about it."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from edge.config import SessionsConfig
from edge.events import Event, EventType, RunningSession, Session, ulid
from edge.sessions.schema import MIGRATIONS
from edge.sessions.sink import SessionSink
from edge.types import EMOTIONS, Box, Emotion, Face, Observation, Scores

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from edge.sessions.values import Recording

S = 10**9
START = datetime(2026, 3, 1, 19, 30, tzinfo=UTC)


def face(number: int, emotion: Emotion | None = Emotion.HAPPY, *, detected: bool = True, facing: bool = True) -> Face:
    scores = Scores.of(0.8 if e is (emotion or Emotion.NEUTRAL) else 0.2 / 6 for e in EMOTIONS)
    return Face(f"{number:08x}", Box(0, 0, 9, 9), scores, emotion, 0.8, detected=detected, facing=facing)


def seen(at_s: float, *faces: Face) -> Observation:
    return Observation(round(at_s * S), 0, 640, 480, faces, detect_ms=1.0)


@dataclass
class Room:
    """Tells a session sink what a device would; times in seconds of the loop, whose zero is ``START``."""

    path: Path
    settings: dict[str, Any] = field(default_factory=dict)
    session: Session = field(
        default_factory=lambda: Session(id=ulid(1_772_393_400_000, b"x" * 10), title="Matinee", start=START)
    )
    epoch: datetime = START

    def __post_init__(self) -> None:
        self._told = 0
        self.sink = self.new_sink()

    def new_sink(self) -> SessionSink:
        config = SessionsConfig(**self.settings)
        accuracy = {"split": "PublicTest", "labels": "FER+ majority", "n": 3372, "accuracy": 0.84}
        return SessionSink(self.path, config, time_of=self.time, live=False, accuracy=accuracy)

    def time(self, ns: int) -> datetime:
        return self.epoch + timedelta(milliseconds=ns // 1_000_000)

    def event(self, kind: EventType, at_s: float, **fields: Any) -> None:
        self._told += 1
        ts = self.time(round(at_s * S))
        event = Event(
            id=ulid(self._told, b"e" * 10), seq=self._told, ts=ts, type=kind, session=self.session.id,
            **{"people": 3} | fields,
        )  # fmt: skip
        self.sink.handle(event)

    def start(self, at_s: float = 0, **changes: Any) -> None:
        self.session = self.session.model_copy(update={"start": self.time(round(at_s * S))} | changes)
        self.event(EventType.SESSION_START, at_s, label=self.session.title)
        self.sink.handle(RunningSession(self.session))

    def stop(self, at_s: float) -> None:
        self.event(EventType.SESSION_END, at_s, label=self.session.title)
        self.sink.handle(RunningSession(None))

    def show(self, from_s: float, to_s: float, *faces: Face, fps: int = 5) -> None:
        for number in range(round((to_s - from_s) * fps)):
            self.sink.handle(seen(from_s + number / fps, *faces))

    def recording(self) -> Recording:
        from edge.sessions.file import SessionFile

        with SessionFile(self.path) as file:
            record = file.session(self.session.id)
            assert record is not None
            return file.recording(record)


def as_of_version(path: Path, version: int) -> None:
    """Make the file one that an older program wrote: its tables, and what they can hold."""
    old = path.with_suffix(".old")
    with closing(sqlite3.connect(old, isolation_level=None)) as target:
        for statement in (statement for statements in MIGRATIONS[:version] for statement in statements):
            target.execute(statement)
        target.execute("ATTACH ? AS newer", (str(path),))
        for (table,) in target.execute("SELECT name FROM main.sqlite_schema WHERE type = 'table'").fetchall():
            columns = ", ".join(row[1] for row in target.execute(f"PRAGMA main.table_info({table})"))
            target.execute(f"INSERT INTO main.{table} ({columns}) SELECT {columns} FROM newer.{table}")
        target.execute(f"PRAGMA user_version = {version}")
    old.replace(path)


@pytest.fixture
def make_face() -> Callable[..., Face]:
    return face


@pytest.fixture
def make_seen() -> Callable[..., Observation]:
    return seen


@pytest.fixture
def older() -> Callable[[Path, int], None]:
    """``older(path, version)``: the file as a program of that schema version left it."""
    return as_of_version


@pytest.fixture
def room(tmp_path: Path) -> Room:
    return Room(tmp_path / "state" / "sessions-x.sqlite3")


@pytest.fixture
def crowd() -> tuple[Face, ...]:
    """Four people: two happy, one sad, one nothing clearly."""
    return face(1), face(2), face(3, Emotion.SAD), face(4, None)
