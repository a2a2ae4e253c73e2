"""Whether a row of the sessions' file can be one that was written: cards lose bits, and files come from elsewhere."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from edge.util.sqlite import FileDamaged

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

LARGEST = 1e13
"""Of any number: milliseconds since 1970 stay below until the year 2286."""
LONGEST_S = 10 * 366 * 86_400
"""Of a session, or of a place in it."""
_CROWD = 1_000_000


def number(value: Any) -> bool:
    """A finite number of a size that occurs."""
    return isinstance(value, (int, float)) and math.isfinite(value) and abs(value) < LARGEST


def seconds(value: Any) -> bool:
    """A length or a place in time."""
    return number(value) and 0 <= value <= LONGEST_S


def count(value: Any) -> bool:
    """A whole number of faces."""
    return number(value) and 0 <= value <= _CROWD and value == int(value)


def index(value: Any) -> bool:
    """A second's number."""
    return seconds(value) and bool(value == int(value))


def text(value: Any) -> bool:
    """Text that can be written anywhere."""
    return isinstance(value, str) and "\0" not in value


def one_of(*words: object) -> Callable[[Any], bool]:
    """One of ``words``."""
    return lambda value: value in words


def optional(check: Callable[[Any], bool]) -> Callable[[Any], bool]:
    """Nothing, or what ``check`` wants."""
    return lambda value: value is None or check(value)


def checked(
    table: str, columns: Sequence[str], row: Sequence[Any], kinds: Mapping[str, Callable[[Any], bool]]
) -> Sequence[Any]:
    """``row``, each of whose values is as ``kinds`` has it by column; a number or nothing where it does not say.

    Raises:
        FileDamaged: one is not.
    """
    for name, value in zip(columns, row, strict=True):
        if not kinds.get(name, _FIGURE)(value):
            msg = f"is damaged (a {table}'s {name} is {ascii(value)[:40]})"
            raise FileDamaged(msg)
    return row


_FIGURE = optional(number)
