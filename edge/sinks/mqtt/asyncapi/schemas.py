"""JSON Schema of the payloads, generated from the models that write and read them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from pydantic.json_schema import models_json_schema

from edge.core.events import (
    SCHEMA_VERSION,
    Aggregate,
    CameraStatus,
    Event,
    Health,
    Info,
    Reply,
    Session,
    State,
    Tracks,
)
from edge.core.events.switches import FULL
from edge.sinks.mqtt.payloads import REQUESTS, LightRequest

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pydantic import BaseModel
    from pydantic.json_schema import JsonSchemaMode

Schema = dict[str, Any]

DIALECT = "https://json-schema.org/draft/2020-12/schema"
_SENT: tuple[type[BaseModel], ...] = (Info, Health, State, Event, Aggregate, Tracks, Session, Reply)
_TAKEN: tuple[type[BaseModel], ...] = (*REQUESTS.values(), LightRequest)
_WORD: Schema = {"type": "string", "enum": ["ON", "OFF"]}
_PLAIN: dict[str, Schema] = {
    "availability": {"type": "string", "enum": ["online", "offline"]},
    "camera": {"type": "string", "enum": [status.value for status in CameraStatus]},
    "privacy/state": _WORD,
    "privacy/set": _WORD,
    "display/state": {
        "type": "object",
        "properties": {
            "state": _WORD,
            "brightness": {
                "type": "integer",
                "minimum": 0,
                "maximum": FULL,
                "description": f"{FULL} is all of the display's configured brightness",
            },
        },
        "required": ["state", "brightness"],
    },
}
_MODELS: dict[str, type[BaseModel]] = {
    "info": Info,
    "health": Health,
    "state": State,
    "event": Event,
    "aggregate": Aggregate,
    "track": Tracks,
    **{f"request/{name}": model for name, model in REQUESTS.items()},
    **{f"response/{name}": Reply for name in REQUESTS},
}


def definitions(
    template: str = "#/components/schemas/{model}", labels: Sequence[str] | None = None
) -> dict[str, Schema]:
    """Return every model that is sent or received, by name; ``template`` is the form of their references.

    ``labels`` are the classes of one device's model; without them any classes are allowed. The schemas of sent messages
    are open, since later versions may add fields; those of received messages are closed.
    """
    chosen: list[tuple[type[BaseModel], JsonSchemaMode]] = [(model, "serialization") for model in _SENT]
    chosen += [(model, "validation") for model in _TAKEN]
    _, made = models_json_schema(chosen, by_alias=True, ref_template=template)
    found: dict[str, Schema] = {name: _tidy(schema) for name, schema in made["$defs"].items()}
    for name in [model.__name__ for model in _SENT] + ["TrackedFace"]:
        found[name].pop("additionalProperties", None)
    for model in _SENT:
        _say_version(found[model.__name__])
    if labels is not None:
        del found["Emotion"]
        found["ClassName"] = {"type": "string", "enum": list(labels), "description": "a class of the device's model"}
    return dict(sorted(found.items()))


def reference(kind: str, template: str = "#/components/schemas/{model}") -> Schema:
    """Return the payload of a topic, by its levels below the node, in terms of :func:`definitions`.

    Raises:
        KeyError: There is no such topic.
    """
    if kind in _PLAIN:
        return _PLAIN[kind]
    if kind in _MODELS:
        return {"$ref": template.format(model=_MODELS[kind].__name__)}
    if kind not in {"session", "display/set"}:
        raise KeyError(kind)
    if kind == "session":
        return {"oneOf": [{"$ref": template.format(model=Session.__name__)}, {"type": "null"}]}
    light = {"$ref": template.format(model=LightRequest.__name__)}
    return {"allOf": [light, {"anyOf": [{"required": ["state"]}, {"required": ["brightness"]}]}]}


def payload_schema(kind: str, labels: Sequence[str] | None = None) -> Schema:
    """Return a self-contained JSON Schema (draft 2020-12) of a topic's payload, by its levels below the node."""
    template = "#/$defs/{model}"
    every = definitions(template, labels)
    made = reference(kind, template)
    needed: dict[str, Schema] = {}
    waiting = [made]
    while waiting:
        for name in re.findall(r"#/\$defs/(\w+)", str(waiting.pop())):
            if name not in needed:
                needed[name] = every[name]
                waiting.append(every[name])
    return {"$schema": DIALECT, "title": kind, **made, **({"$defs": needed} if needed else {})}


def _say_version(schema: Schema) -> None:
    schema["properties"]["schema"] = {"type": "integer", "const": SCHEMA_VERSION, "description": "of this payload"}
    schema["required"] = ["schema", *schema["required"]]


def _tidy(schema: Any) -> Any:
    """Remove titles and null defaults, and convert tuples to draft 7, which AsyncAPI uses."""
    if isinstance(schema, list):
        return [_tidy(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    made = {key: _tidy(value) for key, value in schema.items() if not _idle(key, value)}
    if "prefixItems" in made:
        first, *others = made.pop("prefixItems")
        if any(other != first for other in others):
            msg = f"a tuple of different kinds has no place in the contract: {first}, {others}"
            raise TypeError(msg)
        made["items"] = first
    if isinstance(made.get("description"), str):
        made["description"] = " ".join(made["description"].replace("``", "`").split())
    return made


def _idle(key: str, value: Any) -> bool:
    return (key == "title" and isinstance(value, str)) or (key == "default" and value is None)
