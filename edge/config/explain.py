"""One-line messages for mistakes in settings, with their place and, for a mistyped key, the most similar name."""

from __future__ import annotations

import difflib
import types
import typing
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel

from edge.config.tree import Config

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


def explain(error: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield ``(place, message)`` for each line of one of Pydantic's errors; the place of the whole tree is empty."""
    location = [str(part) for part in error["loc"]]
    place = ".".join(map(str, without_tag(error["loc"])))
    if error["type"] == "extra_forbidden":
        near = difflib.get_close_matches(location[-1], _names_at(location[:-1]), n=1)
        yield place, "unknown setting" + (f"; did you mean {near[0]!r}?" if near else "")
        return
    message = str(error["msg"]).removeprefix("Value error, ")
    value = error.get("input")
    shown = f", found {value!r}" if isinstance(value, (str, int, float)) and "found" not in message else ""
    if "password" in place:
        shown = ""
    for line in message.splitlines():
        # messages about the whole tree contain their place
        where, _, text = (place, "", line) if place else line.partition(": ")
        yield where, text[:1].lower() + text[1:] + shown


def without_tag(location: Sequence[int | str]) -> list[int | str]:
    """Return the path to a setting in the tree, without the union's tag that Pydantic adds for displays."""
    return [part for index, part in enumerate(location) if not (index == 2 and location[0] == "display")]


def _names_at(location: list[str]) -> list[str]:
    """Return the names of the settings in the section at ``location``."""
    model: Any = Config
    for part in location:
        if part.isdigit():
            continue
        options = [model] if not isinstance(model, list) else model
        models: Any = None
        for option in options:
            fields = getattr(option, "model_fields", {})
            if part in fields:
                models = _models_in(fields[part].annotation)
            elif getattr(fields.get("kind"), "annotation", None) == Literal[part]:
                models = [option]
        if models is None:
            return []
        model = models
    options = [model] if not isinstance(model, list) else model
    return [name for option in options for name in getattr(option, "model_fields", {})]


def _models_in(annotation: Any) -> list[Any]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    if isinstance(annotation, types.GenericAlias | types.UnionType) or typing.get_origin(annotation):
        return [model for part in typing.get_args(annotation) for model in _models_in(part)]
    return []
