"""Lazy import of psycopg, its connection settings, and translation of its errors."""

from __future__ import annotations

from typing import Any

from edge.core.errors import ConfigError, HardwareUnavailable, SinkError
from edge.system.installation import adding

# a peer that disappears is noticed after half a minute instead of two hours
_CONNECTION = {
    "connect_timeout": 5,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 20_000,
    "application_name": "face-edge-collect",
}


class DatabaseAway(SinkError):
    """The database is unavailable now; the batch is intact and may be tried again."""


class BadRow(SinkError):
    """The database can never store one of these values."""


def connection_string(psycopg: Any, database: str) -> str:
    """Return the connection string with our timeouts added where it sets none.

    Raises:
        ConfigError: It is not a connection string.
    """
    try:
        given = psycopg.conninfo.conninfo_to_dict(database)
    except psycopg.Error:
        # libpq's message would repeat the URL, including a password
        msg = "--database: expected postgresql://[USER@]HOST[:PORT]/NAME or a libpq connection string"
        raise ConfigError(msg) from None
    made: str = psycopg.conninfo.make_conninfo(**{**_CONNECTION, **given})
    return made


def in_words(error: Exception) -> str:
    """Return the first line of the database's error, without any password."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[0] if lines else type(error).__name__


def import_psycopg() -> Any:
    """Import and return psycopg.

    Raises:
        HardwareUnavailable: psycopg is not installed.
    """
    try:
        import psycopg
    except ImportError:
        msg = f"the database needs psycopg: {adding('fleet')}"
        raise HardwareUnavailable(msg) from None
    return psycopg
