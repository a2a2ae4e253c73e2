"""Checks the layers as a whole and finds every mistake at once.

What is wrong is taken out and the rest checked again, so that one mistake does not hide another.
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
from edge.config.led_names import strange_leds
from edge.config.tree import Config
from edge.core.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

_ROUNDS = 20
_PLACEHOLDER = {"kind": "terminal"}
"""Takes a wrong display's place, so that the others keep their numbers."""
_PINS = {"red", "green", "blue", "leds"}
"""Settings that a display cannot be without."""
_ANY_EMOTION = "neutral"
_BCM_PINS = range(28)


@dataclass(slots=True)
class ConfigCheck:
    """What was found in ``layers``.

    ``config`` holds all that is right, with defaults in place of the rest; ``unknown`` has the dotted keys that have a
    wrong value, of which nothing more can be said; ``problems`` has a line for each mistake.
    """

    layers: Layers
    config: Config = field(default_factory=Config)
    unknown: set[str] = field(default_factory=set)
    problems: list[str] = field(default_factory=list)

    def add(self, place: str, message: str) -> None:
        """Note a mistake at a dotted ``place``, with the layer to mend."""
        line = f"{self.layers.origin(place)}: " + (f"{place}: " if place else "") + message
        if line not in self.problems:
            self.problems.append(line)

    def knows(self, *keys: str) -> bool:
        """True where neither these settings nor a section around them or a setting in them has a wrong value."""
        return not any(
            key == one or key.startswith(f"{one}.") or one.startswith(f"{key}.") for key in keys for one in self.unknown
        )


def examine(layers: Layers) -> ConfigCheck:
    """Check ``layers``; never raises for what is in them."""
    found = ConfigCheck(layers)
    tree = copy.deepcopy(dict(layers.tree))
    for _ in range(_ROUNDS):
        try:
            found.config = Config.model_validate(tree)
        except ValidationError as error:
            for item in error.errors():
                for place, message in explain(dict(item)):
                    found.add(place, message)
                    if item["type"] != "extra_forbidden":
                        found.unknown.add(place)
                _take_out(tree, without_tag(item["loc"]))
            continue
        strange = list(strange_leds(found.config))
        for location, message in strange:
            found.add(".".join(map(str, location)), message)
            _take_out(tree, location)
        if not strange:
            break
    for place, message in (*pin_clashes(found.config), *port_clashes(found.config, found.unknown)):
        found.add(place, message)
    return found


def load(
    path: Path | None = None,
    *,
    environment: Mapping[str, str] | None = None,
    flags: Mapping[str, Any] | None = None,
) -> Config:
    """Load the device's configuration from all four layers.

    Args:
        path: TOML file; ``None`` takes the first of :data:`DEFAULT_PATHS` that exists, or none.
        environment: variables such as ``FACE_EDGE_MQTT__BROKER``; ``None`` reads the process's.
        flags: values by dotted key, such as ``{"source.uri": "usb:0"}``; the last word.

    Raises:
        ConfigError: with every problem found, one line each.
    """
    return check(collect(path, environment=environment, flags=flags))


def check(layers: Layers) -> Config:
    """The configuration of ``layers``.

    Raises:
        ConfigError: with every problem found, one line each, that names the layer to mend.
    """
    found = examine(layers)
    if found.problems:
        raise ConfigError(*found.problems)
    return found.config


def validate(tree: Mapping[str, Any], origin: str) -> Config:
    """Check a tree of plain values; ``origin`` names it in messages.

    Raises:
        ConfigError: with every problem found, one line each.
    """
    return check(Layers(tree, {}, Path(origin)))


def _take_out(tree: dict[str, Any], location: Sequence[int | str]) -> None:
    """Remove the value at one of Pydantic's locations; where it is missing itself, fill it in or remove what is around.

    A display that lacks a pin gets a free one: its other pins may still be used twice.
    """
    way = list(_way(tree, location))
    if not way:  # none of it is in the tree as it is given: check nothing but the defaults
        tree.clear()
        return
    *_, (parent, key) = way
    if isinstance(parent, list):
        parent[int(key)] = dict(_PLACEHOLDER)
    elif key in parent:
        del parent[key]
    elif key in _PINS and (free := _free_pin(tree)) is not None:
        parent[key] = {_ANY_EMOTION: free} if key == "leds" else free
    else:
        _take_out(tree, [key for _, key in way[:-1]])


def _free_pin(tree: Mapping[str, Any]) -> int | None:
    """A pin that no number in the displays and the panel names."""
    numbers = set(_numbers([tree.get("display"), tree.get("panel")]))
    return next((pin for pin in _BCM_PINS if pin not in numbers), None)


def _numbers(value: Any) -> Iterator[int]:
    if isinstance(value, dict | list):
        for one in value.values() if isinstance(value, dict) else value:
            yield from _numbers(one)
    elif str(value).isdecimal():
        yield int(value)


def _way(tree: Any, location: Sequence[int | str]) -> Iterator[tuple[Any, int | str]]:
    """Each container on the way with the key into it; ``[key]``, which Pydantic adds to a wrong key, is passed over."""
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
