"""Statements that write a batch, inside a transaction of the caller.

Errors of psycopg are not translated here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from edge.collector.database.tables import TABLES, Row
from edge.collector.topics import Kind

if TYPE_CHECKING:
    import psycopg

    from edge.collector.database.batch import Batch

_AVAILABILITY = (
    "INSERT INTO face_edge.nodes (node, online, online_since) VALUES (%s, %s, %s) ON CONFLICT (node) DO UPDATE"
    " SET online = excluded.online, online_since = excluded.online_since, retired_at = NULL"
    " WHERE nodes.online IS DISTINCT FROM excluded.online OR nodes.retired_at IS NOT NULL"
)
_RETIRED = (
    "INSERT INTO face_edge.nodes (node, retired_at) VALUES (%s, %s) ON CONFLICT (node) DO UPDATE"
    " SET online = NULL, online_since = NULL, retired_at = excluded.retired_at WHERE nodes.retired_at IS NULL"
)
_INFO_COLUMNS = TABLES[Kind.INFO].columns[1:-1]
_INFO = (
    f"INSERT INTO face_edge.nodes (node, {', '.join(_INFO_COLUMNS)}, info_at)"  # noqa: S608 - names of our own
    f" VALUES ({', '.join(['%s'] * (len(_INFO_COLUMNS) + 2))}) ON CONFLICT (node) DO UPDATE"
    f" SET {', '.join(f'{name} = excluded.{name}' for name in _INFO_COLUMNS)}, info_at = excluded.info_at"
    f" WHERE ({', '.join(f'nodes.{name}' for name in _INFO_COLUMNS)})"
    f" IS DISTINCT FROM ({', '.join(f'excluded.{name}' for name in _INFO_COLUMNS)})"
)


def make_staging(connection: psycopg.Connection[Any]) -> None:
    """Create temporary tables for COPY, which cannot skip existing rows; they last as long as the connection."""
    for table in {table.name for table in TABLES.values()} - {"nodes"}:
        connection.execute(
            f"CREATE TEMPORARY TABLE staging_{table}"  # noqa: S608 - names of our own
            f" AS SELECT * FROM face_edge.{table} WITH NO DATA"
        )


def insert(connection: psycopg.Connection[Any], kind: Kind, rows: list[Row]) -> int:
    """Insert the rows that do not exist yet and return their number."""
    table = TABLES[kind]
    columns, identity = ", ".join(table.columns), ", ".join(table.identity)
    staging = f"staging_{table.name}"
    with connection.cursor() as cursor:
        with cursor.copy(f"COPY {staging} ({columns}) FROM STDIN") as copy:
            for row in rows:
                copy.write_row(row)
        # a fixed order prevents deadlocks between collectors that write the same rows
        cursor.execute(
            f"INSERT INTO face_edge.{table.name} ({columns}) SELECT {columns} FROM {staging}"  # noqa: S608
            f" ORDER BY {identity} ON CONFLICT DO NOTHING"
        )
        stored = cursor.rowcount
        cursor.execute(f"TRUNCATE {staging}")
    return stored


def see_nodes(connection: psycopg.Connection[Any], batch: Batch, known: set[str]) -> None:
    """Upsert nodes that are not in ``known``, their descriptions and their availability."""
    unknown = sorted(batch.nodes() - known)
    if unknown:
        connection.execute(
            "INSERT INTO face_edge.nodes (node) SELECT unnest(%s::text[]) ON CONFLICT DO NOTHING", (unknown,)
        )
    newest = {row[0]: row for row in batch.rows.get(Kind.AVAILABILITY, ())}
    retired = {node: (node, seen_at) for node, online, seen_at in newest.values() if online is None}
    present = {node: row for node, row in newest.items() if node not in retired}
    described = {row[0]: row for row in batch.rows.get(Kind.INFO, ())}
    for sql, rows in ((_AVAILABILITY, present), (_RETIRED, retired), (_INFO, described)):
        if rows:
            with connection.cursor() as cursor:
                cursor.executemany(sql, [rows[node] for node in sorted(rows)])
