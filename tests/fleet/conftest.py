"""Fixtures of a fleet: PostgreSQL, a broker, collectors and devices."""

from tests.fixtures.fleet import (
    broker,
    collect_process,
    collector,
    database,
    device,
    fleet,
    options,
    publisher,
    query,
    server,
)

__all__ = [
    "broker",
    "collect_process",
    "collector",
    "database",
    "device",
    "fleet",
    "options",
    "publisher",
    "query",
    "server",
]
