"""Columns and row identities of the tables (pure); the SQL files beside this module hold their types."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from edge.collector.topics import Kind
from edge.core.types import EMOTIONS

Row = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Table:
    """Table of a kind of message; ``identity`` are the columns that make repeats recognizable."""

    name: str
    columns: tuple[str, ...]
    identity: tuple[str, ...]


EVENT_FIELDS = ("id", "seq", "ts", "type", "people", "emotion", "previous", "confidence", "valence", "label", "session")
AGGREGATE_FIELDS = (
    *("id", "seq", "ts", "start", "observed_s", "people_mean", "people_max", "person_seconds"),
    *("uncertain", "valence", "suppressed", "session", "counted_person_seconds"),
)
HEALTH_FIELDS = (
    *("ts", "uptime_s", "cpu_percent", "memory_mb", "temperature_c", "capture_fps", "process_fps", "skip_fps"),
    *("detect_ms_p50", "detect_ms_p95", "infer_ms_p50", "infer_ms_p95", "last_frame_age_s"),
    *("queue_depth", "drops", "reconnects"),
)
INFO_FIELDS = ("software_version", "model", "model_sha256", "head", "detector", "runtime", "source", "labels")
_SEVEN = tuple(f"{figure}_{emotion}" for figure in ("score", "share") for emotion in EMOTIONS)
_STARTED = tuple({"start": "started_at"}.get(name, name) for name in AGGREGATE_FIELDS)

TABLES = {
    Kind.EVENT: Table("events", ("node", *EVENT_FIELDS, "received_at"), ("node", "ts", "id")),
    Kind.AGGREGATE: Table("aggregates", ("node", *_STARTED, *_SEVEN, "classes", "received_at"), ("node", "ts", "id")),
    Kind.HEALTH: Table("health", ("node", *HEALTH_FIELDS, "received_at"), ("node", "ts")),
    Kind.AVAILABILITY: Table("nodes", ("node", "online", "seen_at"), ("node",)),
    Kind.INFO: Table("nodes", ("node", *INFO_FIELDS, "seen_at"), ("node",)),
}
