"""Tables of the session file by schema version, and the migrations between versions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edge.core.types import EMOTIONS
from edge.util.sqlite import FileDamaged

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Sequence

SCORES = tuple(f"score_{emotion.value}" for emotion in EMOTIONS)
SHARES = tuple(f"share_{emotion.value}" for emotion in EMOTIONS)
_EMOTION_COLUMNS = ", ".join(f"{name} REAL" for name in (*SCORES, *SHARES))

_FIRST = (
    """
    CREATE TABLE session (
        id TEXT PRIMARY KEY, title TEXT NOT NULL, kind TEXT NOT NULL, start_ms INTEGER NOT NULL, k INTEGER NOT NULL,
        planned_s REAL, media_name TEXT, media_duration_s REAL, end_ms INTEGER, ended_by TEXT,
        lasted_s REAL NOT NULL DEFAULT 0, about TEXT NOT NULL DEFAULT '{}'
    ) WITHOUT ROWID
    """,
    f"""
    CREATE TABLE second (
        session TEXT NOT NULL, second INTEGER NOT NULL, observed_s REAL NOT NULL, people REAL NOT NULL,
        people_max INTEGER NOT NULL, person_s REAL NOT NULL, suppressed INTEGER NOT NULL, counted_s REAL,
        {_EMOTION_COLUMNS}, uncertain REAL, valence REAL, attention REAL,
        PRIMARY KEY (session, second)
    ) WITHOUT ROWID
    """,
    """
    CREATE TABLE happening (
        session TEXT NOT NULL, at_s REAL NOT NULL, id TEXT NOT NULL, type TEXT NOT NULL, people INTEGER NOT NULL,
        label TEXT, emotion TEXT, PRIMARY KEY (session, at_s, id)
    ) WITHOUT ROWID
    """,
)
_MEDIA = (
    """
    CREATE TABLE media_point (
        session TEXT NOT NULL, at_s REAL NOT NULL, media_s REAL NOT NULL, state TEXT NOT NULL,
        PRIMARY KEY (session, at_s)
    ) WITHOUT ROWID
    """,
)
_ORDER = (
    "ALTER TABLE session ADD COLUMN number INTEGER NOT NULL DEFAULT 0",
    "UPDATE session SET number = (SELECT count(*) FROM session AS other WHERE other.id <= session.id)",
)
"""``number`` counts the sessions in the order in which they started: ids and times come from a clock that may be
wrong."""


def _invalidate(table: str, column: str) -> tuple[str, ...]:
    """Return triggers that drop data derived from a session when one of its rows in ``table`` changes."""
    changes = {
        "INSERT": f"(NEW.{column})",
        "UPDATE": f"(OLD.{column}, NEW.{column})",
        "DELETE": f"(OLD.{column})",
    }
    return tuple(
        f"CREATE TRIGGER {table}_{change.lower()} AFTER {change} ON {table} BEGIN"  # noqa: S608 - ours
        f" DELETE FROM summary WHERE session IN {sessions}; DELETE FROM page WHERE session IN {sessions}; END"
        for change, sessions in changes.items()
    )


_DERIVED = (
    "ALTER TABLE session ADD COLUMN agreed INTEGER NOT NULL DEFAULT 0",
    """
    CREATE TABLE summary (
        session TEXT PRIMARY KEY, people REAL, people_max INTEGER NOT NULL, valence REAL, figures_s INTEGER NOT NULL,
        withheld_s INTEGER NOT NULL
    ) WITHOUT ROWID
    """,
    """
    CREATE TABLE page (
        session TEXT PRIMARY KEY, made_by TEXT NOT NULL, made_ms INTEGER NOT NULL, content BLOB NOT NULL
    )
    """,
    *_invalidate("session", "id"),
    *_invalidate("second", "session"),
    *_invalidate("happening", "session"),
    *_invalidate("media_point", "session"),
)
"""``agreed``: the people in view agreed to the session's ``k``. ``summary`` and ``page`` hold data derived from a
session until the session changes."""
_OWN = ("ALTER TABLE second ADD COLUMN own TEXT",)
"""``own``: scores and shares by class, as JSON, of a model with custom classes."""
MIGRATIONS: tuple[Sequence[str], ...] = (_FIRST, _MEDIA, _ORDER, _DERIVED, _OWN)
"""Statements that migrate from version N to N + 1; released entries are never changed, only new ones added."""


def version_of(connection: sqlite3.Connection) -> int:
    """Return the schema version of an open file; 0 for an empty one."""
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def migrate(
    connection: sqlite3.Connection, migrations: Sequence[Sequence[str]] = MIGRATIONS, *, first: Callable[[int], None]
) -> bool:
    """Migrate the file to the newest version in one transaction; return whether anything changed.

    ``first`` is called with the current version before a file that is not empty is changed.

    Raises:
        FileDamaged: the file has a newer version than this program supports.
        sqlite3.Error: the file cannot be written.
    """
    version = version_of(connection)
    if version > len(migrations):
        msg = f"is of schema version {version}, newer than {len(migrations)}, which this version knows"
        raise FileDamaged(msg, f"version-{version}")
    if version == len(migrations):
        return False
    if version:
        first(version)
    connection.execute("BEGIN IMMEDIATE")
    try:
        version = version_of(connection)  # another process may have been faster
        for statements in migrations[version:]:
            for statement in statements:
                connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {len(migrations)}")
        connection.execute("COMMIT")
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    return True
