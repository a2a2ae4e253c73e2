"""psycopg as the fleet uses it: imported when it is needed, its settings, and its failures as ours."""

from __future__ import annotations

from typing import Any

from edge.core.errors import ConfigError, HardwareUnavailable, SinkError
from edge.system.installation import adding

# a peer that is gone without a word is noticed in half a minute instead of two hours
_CONNECTION = {
    "connect_timeout": 5,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 20_000,
    "application_name": "face-edge-collect",
}


class DatabaseAway(SinkError):
    """The database cannot be used now; the batch is whole and may be tried again."""


class BadRow(SinkError):
    """The database cannot hold one of these values, however often it is tried."""


def connection_string(psycopg: Any, database: str) -> str:
    """The connection string with our timeouts, where it sets none of its own.

    Raises:
        ConfigError: it is none.
    """
    try:
        given = psycopg.conninfo.conninfo_to_dict(database)
    except psycopg.Error:
        # the message would repeat the URL, and with it a password
        msg = "--database: expected postgresql://[USER@]HOST[:PORT]/NAME or a libpq connection string"
        raise ConfigError(msg) from None
    made: str = psycopg.conninfo.make_conninfo(**{**_CONNECTION, **given})
    return made


def in_words(error: Exception) -> str:
    """The first line of what the database said; a password is never part of it."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[0] if lines else type(error).__name__


def import_psycopg() -> Any:
    """The driver.

    Raises:
        HardwareUnavailable: it is not installed.
    """
    try:
        import psycopg
    except ImportError:
        msg = f"the database needs psycopg: {adding('fleet')}"
        raise HardwareUnavailable(msg) from None
    return psycopg
