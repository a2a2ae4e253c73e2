"""Comparison of acknowledged messages with the database, by id, and their delays."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from edge.collector.database.driver import import_psycopg
from edge.core.errors import SinkError

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

_LOOK_EVERY_S = 0.5
_IDS = """
    SELECT id FROM face_edge.events WHERE ts >= %(since)s AND node LIKE %(nodes)s
    UNION ALL SELECT id FROM face_edge.aggregates WHERE ts >= %(since)s AND node LIKE %(nodes)s"""
_LATENCY = """
    SELECT percentile_disc(ARRAY[0.5, 0.95, 0.99, 1.0]) WITHIN GROUP (ORDER BY {end} - ts)
    FROM face_edge.events WHERE ts >= %(since)s AND node LIKE %(nodes)s"""


@dataclass(frozen=True, slots=True)
class SimulationVerdict:
    """Result of a comparison; ``lost`` messages were acknowledged by the broker and not stored.

    ``measured_to`` is ``commit``, or the collector's ``receipt`` if the server does not record commit times
    (``track_commit_timestamp``).
    """

    acknowledged: int
    stored: int
    lost: int
    waited_s: float
    measured_to: str
    latency_p50_ms: float | None
    latency_p95_ms: float | None
    latency_p99_ms: float | None
    latency_max_ms: float | None

    def as_dict(self) -> dict[str, object]:
        """Return rounded values for JSON."""
        return {key: round(value, 1) if isinstance(value, float) else value for key, value in asdict(self).items()}

    def as_line(self) -> str:
        """Return a line of text."""
        line = f"{self.acknowledged:,} acknowledged, {self.stored:,} stored, {self.lost:,} lost"
        if self.latency_p50_ms is None:
            return line
        figures = f"p50 {self.latency_p50_ms:.0f}, p95 {self.latency_p95_ms:.0f}, p99 {self.latency_p99_ms:.0f} ms"
        return f"{line}; event to {self.measured_to} {figures}"


def verify(
    database: str, acknowledged: set[str], *, nodes: str, since: datetime, patience_s: float = 15.0
) -> SimulationVerdict:
    """Compare, waiting for messages in transit while new ones arrive.

    Args:
        database: as for :class:`edge.collector.database.store.Store`.
        acknowledged: ids of events and aggregates.
        nodes: prefix of their nodes' ids.
        since: time of the first message.
        patience_s: seconds without news before the rest counts as lost.

    Raises:
        SinkError: the database cannot be read.
    """
    psycopg = import_psycopg()
    values = {"since": since, "nodes": nodes.replace("_", r"\_") + "%"}
    try:
        with psycopg.connect(database, autocommit=True, connect_timeout=5) as connection:
            begun_s = time.monotonic()
            stored = _wait(lambda: _ids(connection, values), acknowledged, patience_s)
            waited_s = time.monotonic() - begun_s
            stamped = connection.execute("SHOW track_commit_timestamp").fetchone() == ("on",)
            end = "pg_xact_commit_timestamp(xmin)" if stamped else "received_at"
            (found,) = connection.execute(_LATENCY.format(end=end), values).fetchone() or (None,)
    except psycopg.Error as error:
        msg = f"--verify: {str(error).strip().splitlines()[0]}"
        raise SinkError(msg) from None
    latencies = [None] * 4 if found is None else [span.total_seconds() * 1000 for span in found]
    lost = len(acknowledged - stored)
    return SimulationVerdict(
        len(acknowledged), len(stored), lost, waited_s, "commit" if stamped else "receipt", *latencies
    )


def _ids(connection: Any, values: dict[str, object]) -> set[str]:
    return {identity for (identity,) in connection.execute(_IDS, values)}


def _wait(look: Callable[[], set[str]], wanted: set[str], patience_s: float) -> set[str]:
    stored = look()
    until_s = time.monotonic() + patience_s
    while wanted - stored and time.monotonic() < until_s:
        time.sleep(_LOOK_EVERY_S)
        now = look()
        if len(now) > len(stored):
            until_s = time.monotonic() + patience_s
        stored = now
    return stored
