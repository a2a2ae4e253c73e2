"""Migration of the database schema by numbered SQL files, each applied once."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from importlib import resources
from typing import TYPE_CHECKING, Any

from edge.core.errors import SinkError

if TYPE_CHECKING:
    import psycopg

_LOG = logging.getLogger(__name__)
_LOCK = 0x46_41_43_45
"""Key of ``pg_advisory_xact_lock``, which serializes collectors that start together."""


@dataclass(frozen=True, slots=True)
class Migration:
    """A migration step; ``sql`` may contain many statements."""

    number: int
    name: str
    sql: str


def migrations() -> list[Migration]:
    """Return all steps in order, from the package's ``sql`` folder."""
    files = (
        file
        for file in resources.files("edge.collector.database").joinpath("sql").iterdir()
        if file.name.endswith(".sql")
    )
    found = []
    for file in files:
        number, _, name = file.name.removesuffix(".sql").partition("_")
        found.append(Migration(int(number), name, file.read_text(encoding="utf-8")))
    return sorted(found, key=lambda migration: migration.number)


def migrate(connection: psycopg.Connection[Any]) -> int:
    """Apply the missing steps in one transaction and return their number.

    A current database is only read, so that a role without permission to create tables can collect.

    Raises:
        SinkError: The schema of the database is newer than this program.
        psycopg.Error: The database refuses a step.
    """
    steps = migrations()
    if _version(connection, steps) == steps[-1].number:
        return 0
    with connection.transaction():
        connection.execute("SELECT pg_advisory_xact_lock(%s)", (_LOCK,))
        connection.execute("CREATE SCHEMA IF NOT EXISTS face_edge")
        connection.execute(
            "CREATE TABLE IF NOT EXISTS face_edge.migrations"
            " (number integer PRIMARY KEY, name text NOT NULL, applied_at timestamptz NOT NULL DEFAULT now())"
        )
        version = _version(connection, steps)
        missing = [step for step in steps if step.number > version]
        for step in missing:
            connection.execute(step.sql)
            connection.execute(
                "INSERT INTO face_edge.migrations (number, name) VALUES (%s, %s)", (step.number, step.name)
            )
    if missing:
        _LOG.info("the database now has schema version %d", steps[-1].number)
    return len(missing)


def _version(connection: psycopg.Connection[Any], steps: list[Migration]) -> int:
    """Return the database's schema version; 0 if there is none yet."""
    (table,) = connection.execute("SELECT to_regclass('face_edge.migrations')").fetchone() or (None,)
    if table is None:
        return 0
    (version,) = connection.execute("SELECT coalesce(max(number), 0) FROM face_edge.migrations").fetchone() or (0,)
    if version > steps[-1].number:
        msg = f"the database has schema version {version}, this program knows {steps[-1].number}: update face-edge"
        raise SinkError(msg)
    return int(version)
