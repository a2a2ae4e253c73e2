"""Validation of camera control settings against the camera's list of controls (pure)."""

from __future__ import annotations

import difflib
import math
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from edge.core.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping


class Kind(StrEnum):
    """Value type of a control."""

    FLAG = "true or false"
    INTEGER = "a whole number"
    NUMBER = "a number"
    RECTANGLE = "a rectangle [x, y, width, height]"


@dataclass(frozen=True, slots=True)
class Control:
    """A control listed by a camera.

    A limit is ``None`` if the camera states none. ``length`` is the number of values it takes at once (0: any number).
    ``choices`` are a menu's values with their names; without them every value in the range is allowed.
    """

    name: str
    kind: Kind
    minimum: Any = None
    maximum: Any = None
    step: int = 1
    length: int = 1
    choices: Mapping[int, str] = field(default_factory=dict)
    read_only: bool = False

    @property
    def expected(self) -> str:
        """Description of the allowed values."""
        if self.choices:
            return "one of " + ", ".join(f"{value} ({name})" for value, name in self.choices.items())
        words = str(self.kind)
        if self.kind in {Kind.INTEGER, Kind.NUMBER} and self.minimum is not None and self.maximum is not None:
            words += f" {_plain(self.minimum)} to {_plain(self.maximum)}"
            words += f" in steps of {self.step}" if self.step > 1 else ""
        return words if self.length == 1 else f"a list of {self.length or 'some'}, each {words}"


def _plain(limit: float) -> str:
    return f"{limit:g}" if isinstance(limit, float) else str(limit)


def check(wanted: Mapping[str, Any], listed: Mapping[str, Control], uri: str) -> dict[str, Any]:
    """Return the ``wanted`` values by the names in ``listed``, converted to the types of those controls.

    Names are case-insensitive, since environment variables lose case, and text that holds a number is converted.

    Raises:
        ConfigError: a control is unknown or its value not allowed; one line for each.
    """
    names = {name.casefold(): name for name in listed}
    values: dict[str, Any] = {}
    problems = []
    for name, value in wanted.items():
        control = listed.get(names.get(name.casefold(), ""))
        if control is None:
            problems.append(f"source.controls.{name}: {uri} has no such control{_hint(name, names)}")
        elif control.read_only:
            problems.append(f"source.controls.{name}: {uri} does not allow changing it; remove the setting")
        else:
            try:
                values[control.name] = value_of(control, value)
            except (TypeError, ValueError):
                problems.append(f"source.controls.{name}: expected {control.expected}, found {value!r}")
    if problems:
        raise ConfigError(*problems)
    return values


def _hint(name: str, names: Mapping[str, str]) -> str:
    near = difflib.get_close_matches(name.casefold(), names, n=1)
    if near:
        return f"; did you mean {names[near[0]]!r}?"
    return f" (it has {', '.join(sorted(names.values()))})" if names else "; remove the setting"


def value_of(control: Control, value: Any) -> Any:
    """Convert ``value`` to the type of ``control``.

    Raises:
        TypeError: it is of another type.
        ValueError: it is out of range or not on the menu.
    """
    if control.length != 1:
        if not isinstance(value, list) or not value or (control.length and len(value) != control.length):
            raise ValueError
        return tuple(_single(control, item) for item in value)
    return _single(control, value)


def _single(control: Control, value: Any) -> Any:
    if control.kind is Kind.RECTANGLE:
        if not isinstance(value, list) or len(value) != 4:
            raise ValueError
        return tuple(_whole(item) for item in value)
    if control.kind is Kind.FLAG:
        return _flag(value)
    if control.choices:
        by_name = {name.casefold(): choice for choice, name in control.choices.items()}
        chosen = by_name[value.casefold()] if isinstance(value, str) and value.casefold() in by_name else _whole(value)
        if chosen not in control.choices:
            raise ValueError
        return chosen
    number = _whole(value) if control.kind is Kind.INTEGER else _number(value)
    too_low = control.minimum is not None and number < control.minimum
    if too_low or (control.maximum is not None and number > control.maximum):
        raise ValueError
    if control.step > 1 and (number - (control.minimum or 0)) % control.step:
        raise ValueError
    return number


def _flag(value: Any) -> bool:
    words = {"true": True, "false": False, "1": True, "0": False}
    if isinstance(value, bool | int | str) and str(value).casefold() in words:
        return words[str(value).casefold()]
    raise ValueError


def _whole(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise TypeError
    return int(value)


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise TypeError
    number = float(value)
    if not math.isfinite(number):
        raise ValueError
    return number
