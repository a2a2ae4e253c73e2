"""Check of one part of the device, and conversion of raised errors to a list."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from edge.core.errors import ConfigError, EdgeError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from edge.config import Config


@dataclass(frozen=True, slots=True)
class Check:
    """Check of one part: ``judge`` yields its problems, from the settings named ``keys``.

    The first key is used for messages that name none. ``is_needed`` is false for parts that the device can run without.
    """

    keys: tuple[str, ...]
    judge: Callable[[Config], Iterator[EdgeError]]
    is_needed: bool = True


def attempt(step: Callable[..., Any], *arguments: Any, **named: Any) -> Iterator[EdgeError]:
    """Call ``step`` and yield each problem that it raises."""
    try:
        step(*arguments, **named)
    except ConfigError as error:
        yield from map(type(error), error.problems)
    except EdgeError as error:
        yield error
