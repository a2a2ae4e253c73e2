"""One part of the device that is judged, and how what its parts raise becomes a list."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from edge.core.errors import ConfigError, EdgeError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from edge.config import Config


@dataclass(frozen=True, slots=True)
class Check:
    """``judge`` finds what is wrong with one part, from the settings named ``keys``.

    The first key is that of messages that name none. ``is_needed`` is false for what the device can run without.
    """

    keys: tuple[str, ...]
    judge: Callable[[Config], Iterator[EdgeError]]
    is_needed: bool = True


def attempt(step: Callable[..., Any], *arguments: Any, **named: Any) -> Iterator[EdgeError]:
    """Do one step; gives what it raises, each problem by itself."""
    try:
        step(*arguments, **named)
    except ConfigError as error:
        yield from map(type(error), error.problems)
    except EdgeError as error:
        yield error
