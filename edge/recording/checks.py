"""Plausibility checks of rows of the session file: memory cards fail, and files may be copied from elsewhere."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from edge.util.sqlite import FileDamaged

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

LARGEST = 1e13
"""Limit of any number; milliseconds since 1970 stay below it until the year 2286."""
LONGEST_S = 10 * 366 * 86_400
"""Limit of a session's length, or of a time in it; seconds."""
_FACES_MAX = 1_000_000


def number(value: Any) -> bool:
    """Return whether ``value`` is a finite number below :data:`LARGEST`."""
    return isinstance(value, (int, float)) and math.isfinite(value) and abs(value) < LARGEST


def seconds(value: Any) -> bool:
    """Return whether ``value`` is a length or time in a session, in seconds."""
    return number(value) and 0 <= value <= LONGEST_S


def count(value: Any) -> bool:
    """Return whether ``value`` is a whole number of faces."""
    return number(value) and 0 <= value <= _FACES_MAX and value == int(value)


def index(value: Any) -> bool:
    """Return whether ``value`` is the index of a second."""
    return seconds(value) and bool(value == int(value))


def text(value: Any) -> bool:
    """Return whether ``value`` is text without null characters."""
    return isinstance(value, str) and "\0" not in value


def one_of(*words: object) -> Callable[[Any], bool]:
    """Return a check that accepts one of ``words``."""
    return lambda value: value in words


def optional(check: Callable[[Any], bool]) -> Callable[[Any], bool]:
    """Return a check that accepts ``None`` and all that ``check`` accepts."""
    return lambda value: value is None or check(value)


def checked(
    table: str, columns: Sequence[str], row: Sequence[Any], kinds: Mapping[str, Callable[[Any], bool]]
) -> Sequence[Any]:
    """Return ``row`` after checking each value by ``kinds``; columns without an entry hold a number or ``None``.

    Raises:
        FileDamaged: a value fails its check.
    """
    for name, value in zip(columns, row, strict=True):
        if not kinds.get(name, _FIGURE)(value):
            msg = f"is damaged (a {table}'s {name} is {ascii(value)[:40]})"
            raise FileDamaged(msg)
    return row


_FIGURE = optional(number)
