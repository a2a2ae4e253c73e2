"""Conversion of payloads to database rows (pure).

The models are the device's, made tolerant: unknown fields are ignored, missing values are null. The identity of a
message is required.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from enum import Enum
from typing import TYPE_CHECKING, Annotated, Any, Optional

from pydantic import BaseModel, Field, ValidationError, create_model

from edge.collector.database.tables import AGGREGATE_FIELDS, EVENT_FIELDS, HEALTH_FIELDS, INFO_FIELDS, Row
from edge.collector.topics import Kind
from edge.core.events import SCHEMA_VERSION, Aggregate, Event, Health, Info
from edge.core.types import EMOTIONS
from edge.util.text import in_one_line

if TYPE_CHECKING:
    from collections.abc import Callable

PAYLOAD_MAX = 16 * 1024
"""Maximum size in bytes; the longest message of the contract has less than 2,000."""


class Refused(ValueError):
    """A payload cannot be stored; the text gives the reason briefly."""


_INT4 = Annotated[int, Field(ge=0, le=2**31 - 1)]
_INT8 = Annotated[int, Field(ge=0, le=2**63 - 1)]


def _tolerant(model: type[BaseModel], needed: set[str], **fields: Any) -> type[BaseModel]:
    """Return ``model`` made to ignore unknown fields and to accept missing or null values except in ``needed``."""
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
    # a newer device may send events of a kind that is unknown here
    Kind.EVENT: _tolerant(
        Event, {"id", "seq", "ts", "type"}, type=(str, Field(pattern=r"^[a-z0-9_]{1,40}$")), seq=(_INT8, ...)
    ),
    Kind.AGGREGATE: _tolerant(Aggregate, {"id", "seq", "ts", "start"}, seq=(_INT8, ...)),
    Kind.HEALTH: _tolerant(
        Health,
        {"ts"},
        queue_depth=(_INT4 | None, None),
        drops=(_INT8 | None, None),
        reconnects=(_INT8 | None, None),
        limited_by=(str | None, None),
    ),
    Kind.INFO: _tolerant(Info, set()),
}


def removes(kind: Kind, payload: bytes) -> bool:
    """Return whether this is an empty message that clears a retained one, which leaves nothing to store."""
    return not payload and kind in {Kind.INFO, Kind.HEALTH}


def row(node: str, kind: Kind, payload: bytes, received_at: datetime) -> Row:
    """Return the values of ``TABLES[kind].columns``; a removed availability is ``None``.

    Raises:
        Refused: The payload is too long, malformed, or of a newer schema.
    """
    if len(payload) > PAYLOAD_MAX:
        msg = f"oversized: {len(payload)} bytes, at most {PAYLOAD_MAX} are accepted"
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
    if payload not in {b"online", b"offline", b""}:
        msg = "malformed: neither online nor offline"
        raise Refused(msg)
    return (node, payload == b"online" if payload else None, received_at)


def _parsed(model: type[BaseModel], payload: bytes) -> Any:
    try:
        message: Any = model.model_validate_json(payload)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        place = ".".join(map(str, first["loc"]))
        msg = in_one_line(f"malformed: {place + ': ' if place else ''}{first['msg']}")
        raise Refused(msg) from None
    except ValueError as error:
        # pydantic does not convert some errors of its validators
        msg = in_one_line(f"malformed: {error}")
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
    if isinstance(value, tuple):
        return [str(item) for item in value]
    if isinstance(value, datetime):
        # times without a zone are UTC
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value
    return value


def _event(message: Any) -> list[Any]:
    return _values(message, EVENT_FIELDS)


def _aggregate(message: Any) -> list[Any]:
    """Return one column per usual class, and the classes of another model in one column."""
    figures = (message.scores or {}, message.shares or {})
    values = _values(message, AGGREGATE_FIELDS)
    if set(figures[0]) in (set(), set(EMOTIONS)):
        return [*values, *(figure.get(emotion) for figure in figures for emotion in EMOTIONS), None]
    classes = {str(name): {"score": figures[0][name], "share": figures[1].get(name)} for name in figures[0]}
    return [*values, *[None] * (2 * len(EMOTIONS)), json.dumps(classes)]


def _health(message: Any) -> list[Any]:
    return _values(message, HEALTH_FIELDS)


def _info(message: Any) -> list[Any]:
    return _values(message, INFO_FIELDS)


_BUILDERS: dict[Kind, Callable[[Any], list[Any]]] = {
    Kind.EVENT: _event,
    Kind.AGGREGATE: _aggregate,
    Kind.HEALTH: _health,
    Kind.INFO: _info,
}
