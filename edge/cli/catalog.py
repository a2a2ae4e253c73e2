"""Catalog of all settings, read from the configuration models, for the template and the reference."""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, get_args

from pydantic import BaseModel

from edge.config import Config, DisplayConfig

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting; ``type`` is a description, ``default`` a plain value (``None``: not set)."""

    name: str
    type: str
    description: str
    default: Any
    required: bool
    example: Any

    @property
    def sample(self) -> Any:
        """Value for a sample file: the default, or an example if there is none."""
        return self.example if self.default is None else self.default


@dataclass(frozen=True, slots=True)
class Section:
    """One table of the file; with ``kind`` it is one sort of the repeated table ``name``."""

    name: str
    summary: str
    settings: tuple[Setting, ...]
    kind: str | None = None


def sections() -> Iterator[Section]:
    """Yield all tables in the order of :class:`edge.config.Config`, displays by kind."""
    for name, field in Config.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield from _sections_of(name, field.annotation)
    union = get_args(DisplayConfig)[0]
    for model in get_args(union):
        (kind,) = get_args(model.model_fields["kind"].annotation)
        yield Section("display", _summary(model), tuple(_settings(model)), kind)


def _sections_of(name: str, model: type[BaseModel]) -> Iterator[Section]:
    yield Section(name, _summary(model), tuple(_settings(model)))
    for child, field in model.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield from _sections_of(f"{name}.{child}", field.annotation)


def _summary(model: type[BaseModel]) -> str:
    return inspect.cleandoc(model.__doc__ or "").splitlines()[0].replace("``", "")


def _settings(model: type[BaseModel]) -> Iterator[Setting]:
    schema = model.model_json_schema()
    required = schema.get("required", [])
    properties = sorted(schema["properties"].items(), key=lambda item: item[0] != "kind")
    for name, item in properties:
        if "$ref" in item:
            continue  # a table of its own
        yield Setting(
            name=name,
            type=_type(item, schema.get("$defs", {})),
            description=item.get("description", ""),
            default=item.get("const", item.get("default")),
            required=name in required,
            example=next(iter(item.get("examples", [])), None),
        )


def _type(item: Mapping[str, Any], definitions: Mapping[str, Any]) -> str:
    """Describe a JSON Schema type: ``integer, 1 to 16``."""
    if "$ref" in item:
        return _type(definitions[item["$ref"].rpartition("/")[2]], definitions)
    if "anyOf" in item:
        return next(_type(option, definitions) for option in item["anyOf"] if option.get("type") != "null")
    if "const" in item:
        return f'"{item["const"]}"'
    if "enum" in item:
        return " | ".join(f'"{value}"' if isinstance(value, str) else str(value) for value in item["enum"])
    if item["type"] == "object":
        return _table(item, definitions)
    words = {"boolean": "true | false", "string": "text"}.get(item["type"], item["type"])
    words = {"path": "path", "password": "secret"}.get(item.get("format", ""), words)
    return ", ".join(filter(None, (words, _range(item))))


def _table(item: Mapping[str, Any], definitions: Mapping[str, Any]) -> str:
    if "propertyNames" not in item:
        return "table"
    keys = _type(item["propertyNames"], definitions).replace('"', "").replace(" | ", ", ")
    return f"table: {_type(item['additionalProperties'], definitions)}, for any of {keys}"


def _range(item: Mapping[str, Any]) -> str:
    if "minimum" in item and "maximum" in item:
        return f"{item['minimum']:g} to {item['maximum']:g}"
    limits = {"minimum": "at least", "exclusiveMinimum": "above", "maximum": "at most"}
    return ", ".join(f"{words} {item[limit]:g}" for limit, words in limits.items() if limit in item)
