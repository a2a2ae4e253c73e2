"""Payloads of the feed as rows of the database (pure).

The models are the device's own, made tolerant: fields that they do not know are ignored, figures that are missing are
null. What identifies a message must be there.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum
from typing import TYPE_CHECKING, Annotated, Any, Optional

from pydantic import BaseModel, Field, ValidationError, create_model

from edge.events import SCHEMA_VERSION, Aggregate, Event, Health, Info
from edge.fleet.topics import Kind
from edge.types import EMOTIONS

if TYPE_CHECKING:
    from collections.abc import Callable

PAYLOAD_MAX = 16 * 1024
"""Bytes; the longest message of the contract has less than 2,000."""

Row = tuple[Any, ...]


class Refused(ValueError):
    """A payload that cannot be stored; the text says why in a few words."""


@dataclass(frozen=True, slots=True)
class Table:
    """Where a kind of message goes; ``identity`` makes a repeat recognisable."""

    name: str
    columns: tuple[str, ...]
    identity: tuple[str, ...]


_EVENT = ("id", "seq", "ts", "type", "people", "emotion", "previous", "confidence", "valence", "label", "session")
_AGGREGATE = (
    *("id", "seq", "ts", "start", "observed_s", "people_mean", "people_max", "person_seconds"),
    *("uncertain", "valence", "suppressed", "session"),
)
_HEALTH = (
    *("ts", "uptime_s", "cpu_percent", "memory_mb", "temperature_c", "capture_fps", "process_fps", "skip_fps"),
    *("detect_ms_p50", "detect_ms_p95", "infer_ms_p50", "infer_ms_p95", "last_frame_age_s"),
    *("queue_depth", "drops", "reconnects"),
)
_INFO = ("software_version", "model", "model_sha256", "head", "detector", "runtime", "source")
_SEVEN = tuple(f"{figure}_{emotion}" for figure in ("score", "share") for emotion in EMOTIONS)
_STARTED = tuple({"start": "started_at"}.get(name, name) for name in _AGGREGATE)

TABLES = {
    Kind.EVENT: Table("events", ("node", *_EVENT, "received_at"), ("node", "ts", "id")),
    Kind.AGGREGATE: Table("aggregates", ("node", *_STARTED, *_SEVEN, "received_at"), ("node", "ts", "id")),
    Kind.HEALTH: Table("health", ("node", *_HEALTH, "received_at"), ("node", "ts")),
    Kind.AVAILABILITY: Table("nodes", ("node", "online", "seen_at"), ("node",)),
    Kind.INFO: Table("nodes", ("node", *_INFO, "seen_at"), ("node",)),
}

_INT4 = Annotated[int, Field(ge=0, le=2**31 - 1)]
_INT8 = Annotated[int, Field(ge=0, le=2**63 - 1)]


def _tolerant(model: type[BaseModel], needed: set[str], **fields: Any) -> type[BaseModel]:
    """``model`` that ignores unknown fields; all but ``needed`` ones may be missing or null."""
    optional: dict[str, Any] = {
        name: (Optional[Annotated[info.annotation, Field(), *info.metadata]], None)  # noqa: UP045 - at run time
        for name, info in model.model_fields.items()
        if info.is_required() and name not in needed
    }
    made = create_model(f"Incoming{model.__name__}", __base__=model, **{**optional, **fields})
    made.model_config["extra"] = "ignore"
    made.model_rebuild(force=True)
    return made


_MODELS = {
    # a device that is newer than this program may tell events of a kind that is not known here yet
    Kind.EVENT: _tolerant(
        Event, {"id", "seq", "ts", "type"}, type=(str, Field(pattern=r"^[a-z0-9_]{1,40}$")), seq=(_INT8, ...)
    ),
    Kind.AGGREGATE: _tolerant(Aggregate, {"id", "seq", "ts", "start"}, seq=(_INT8, ...)),
    Kind.HEALTH: _tolerant(
        Health, {"ts"}, queue_depth=(_INT4 | None, None), drops=(_INT8 | None, None), reconnects=(_INT8 | None, None)
    ),
    Kind.INFO: _tolerant(Info, set()),
}


def row(node: str, kind: Kind, payload: bytes, received_at: datetime) -> Row:
    """The values of ``TABLES[kind].columns``.

    Raises:
        Refused: the payload is too long, malformed, or of a newer schema.
    """
    if len(payload) > PAYLOAD_MAX:
        msg = f"oversized: {len(payload)} bytes, at most {PAYLOAD_MAX} are taken"
        raise Refused(msg)
    if kind is Kind.AVAILABILITY:
        return _availability(node, payload, received_at)
    message = _parsed(_MODELS[kind], payload)
    values = _BUILDERS[kind](message)
    if any(isinstance(value, str) and "\0" in value for value in values):
        msg = "malformed: text with a NUL character"
        raise Refused(msg)
    return (node, *values, received_at)


def _availability(node: str, payload: bytes, received_at: datetime) -> Row:
    if payload not in {b"online", b"offline"}:
        msg = "malformed: neither online nor offline"
        raise Refused(msg)
    return (node, payload == b"online", received_at)


def _parsed(model: type[BaseModel], payload: bytes) -> Any:
    try:
        message: Any = model.model_validate_json(payload)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        place = ".".join(map(str, first["loc"]))
        msg = f"malformed: {place + ': ' if place else ''}{first['msg']}"
        raise Refused(msg) from None
    except ValueError as error:
        # pydantic lets some of its own validators' errors through
        msg = f"malformed: {error}"
        raise Refused(msg) from None
    if message.schema_version > SCHEMA_VERSION:
        msg = f"schema {message.schema_version} is newer than this program, which knows {SCHEMA_VERSION}: update it"
        raise Refused(msg)
    return message


def _values(message: Any, names: tuple[str, ...]) -> list[Any]:
    return [_plain(getattr(message, name)) for name in names]


def _plain(value: Any) -> Any:
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, datetime):
        # a device without a time zone means UTC
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value
    return value


def _event(message: Any) -> list[Any]:
    return _values(message, _EVENT)


def _aggregate(message: Any) -> list[Any]:
    sevens = (message.scores or {}, message.shares or {})
    return [*_values(message, _AGGREGATE), *(seven.get(emotion) for seven in sevens for emotion in EMOTIONS)]


def _health(message: Any) -> list[Any]:
    return _values(message, _HEALTH)


def _info(message: Any) -> list[Any]:
    return _values(message, _INFO)


_BUILDERS: dict[Kind, Callable[[Any], list[Any]]] = {
    Kind.EVENT: _event,
    Kind.AGGREGATE: _aggregate,
    Kind.HEALTH: _health,
    Kind.INFO: _info,
}
