"""Validation of the layered settings as a whole; all mistakes are found at once.

Wrong values are removed and the rest is checked again, so that one mistake does not hide another.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from edge.config.clashes import pin_clashes, port_clashes
from edge.config.explain import explain, without_tag
from edge.config.layers import Layers, collect
from edge.config.led_names import unknown_leds
from edge.config.tree import Config
from edge.core.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

_ROUNDS = 20
_PLACEHOLDER = {"kind": "terminal"}
"""Replaces a wrong display, so that the others keep their numbers."""
_PINS = {"red", "green", "blue", "leds"}
"""Required settings of displays."""
_ANY_EMOTION = "neutral"
_BCM_PINS = range(28)


@dataclass(slots=True)
class ConfigCheck:
    """Result of checking ``layers``.

    ``config`` holds the valid settings, with defaults in place of the others; ``unknown`` holds the dotted keys of
    wrong values; ``problems`` has a line for each mistake.
    """

    layers: Layers
    config: Config = field(default_factory=Config)
    unknown: set[str] = field(default_factory=set)
    problems: list[str] = field(default_factory=list)

    def add(self, place: str, message: str) -> None:
        """Add a mistake at a dotted ``place``, with the layer that has to be corrected."""
        line = f"{self.layers.origin(place)}: " + (f"{place}: " if place else "") + message
        if line not in self.problems:
            self.problems.append(line)

    def knows(self, *keys: str) -> bool:
        """Return whether these settings, the sections around them and the settings in them have no wrong value."""
        return not any(
            key == one or key.startswith(f"{one}.") or one.startswith(f"{key}.") for key in keys for one in self.unknown
        )


def examine(layers: Layers) -> ConfigCheck:
    """Check ``layers``; mistakes in them are collected, not raised."""
    result = ConfigCheck(layers)
    tree = copy.deepcopy(dict(layers.tree))
    for _ in range(_ROUNDS):
        try:
            result.config = Config.model_validate(tree)
        except ValidationError as error:
            for item in error.errors():
                for place, message in explain(dict(item)):
                    result.add(place, message)
                    if item["type"] != "extra_forbidden":
                        result.unknown.add(place)
                _remove(tree, without_tag(item["loc"]))
            continue
        unknown_names = list(unknown_leds(result.config))
        for location, message in unknown_names:
            result.add(".".join(map(str, location)), message)
            _remove(tree, location)
        if not unknown_names:
            break
    for place, message in (*pin_clashes(result.config), *port_clashes(result.config, result.unknown)):
        result.add(place, message)
    return result


def load(
    path: Path | None = None,
    *,
    environment: Mapping[str, str] | None = None,
    flags: Mapping[str, Any] | None = None,
) -> Config:
    """Load the device's configuration from all four layers.

    Args:
        path: TOML file; ``None`` uses the first of :data:`DEFAULT_PATHS` that exists, if any.
        environment: variables such as ``FACE_EDGE_MQTT__BROKER``; ``None`` uses the process's environment.
        flags: values by dotted key, such as ``{"source.uri": "usb:0"}``; they override all others.

    Raises:
        ConfigError: with every problem found, one line each.
    """
    return check(collect(path, environment=environment, flags=flags))


def check(layers: Layers) -> Config:
    """Return the configuration of ``layers``.

    Raises:
        ConfigError: with every problem found, one line each, that names the layer to correct.
    """
    result = examine(layers)
    if result.problems:
        raise ConfigError(*result.problems)
    return result.config


def validate(tree: Mapping[str, Any], origin: str) -> Config:
    """Check a tree of plain values; ``origin`` names it in messages.

    Raises:
        ConfigError: with every problem found, one line each.
    """
    return check(Layers(tree, {}, Path(origin)))


def _remove(tree: dict[str, Any], location: Sequence[int | str]) -> None:
    """Remove the value at one of Pydantic's locations; if it is missing, fill it in or remove its container.

    A display that lacks a pin gets a free one, since its other pins may still be used twice.
    """
    steps = list(_path_to(tree, location))
    if not steps:  # the location is not in the given tree: only check the defaults
        tree.clear()
        return
    *_, (parent, key) = steps
    if isinstance(parent, list):
        parent[int(key)] = dict(_PLACEHOLDER)
    elif key in parent:
        del parent[key]
    elif key in _PINS and (free := _free_pin(tree)) is not None:
        parent[key] = {_ANY_EMOTION: free} if key == "leds" else free
    else:
        _remove(tree, [key for _, key in steps[:-1]])


def _free_pin(tree: Mapping[str, Any]) -> int | None:
    """Return a pin that does not occur as a number in the displays and the panel."""
    numbers = set(_numbers([tree.get("display"), tree.get("panel")]))
    return next((pin for pin in _BCM_PINS if pin not in numbers), None)


def _numbers(value: Any) -> Iterator[int]:
    if isinstance(value, dict | list):
        for one in value.values() if isinstance(value, dict) else value:
            yield from _numbers(one)
    elif str(value).isdecimal():
        yield int(value)


def _path_to(tree: Any, location: Sequence[int | str]) -> Iterator[tuple[Any, int | str]]:
    """Yield each container on the path with the key into it; skip ``[key]``, which Pydantic adds to a wrong key."""
    container = tree
    for index, key in enumerate(location):
        is_inside = (isinstance(container, dict) and key in container) or (
            isinstance(container, list) and isinstance(key, int) and key < len(container)
        )
        if is_inside:
            yield container, key
            container = container[key]
        elif index == len(location) - 1 and isinstance(container, dict):
            yield container, key
