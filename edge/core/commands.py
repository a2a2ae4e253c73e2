"""Commands to a running device, and the queue in which requests wait for the loop."""

from __future__ import annotations

import queue
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from edge.core.events import SessionKind

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from edge.core.events import Media, Playback

CAPACITY = 64
"""Requests that may wait; the loop drains the queue several times a second."""
RESERVED = 16
"""Additional places, which requests that arrive over the broker cannot use."""


@dataclass(frozen=True, slots=True)
class Mark:
    """Note this moment under ``label``."""

    label: str = ""


@dataclass(frozen=True, slots=True)
class StartSession:
    """Begin a session with a title; it ends automatically after ``planned_s`` seconds.

    Its figures need ``k`` faces, by default as many as the device is configured for. A smaller ``k`` requires that the
    people in view agreed.
    """

    title: str = ""
    kind: SessionKind = SessionKind.OTHER
    planned_s: float | None = None
    media: Media | None = None
    k: int | None = None
    agreed: bool = False


@dataclass(frozen=True, slots=True)
class StopSession:
    """End the running session."""


@dataclass(frozen=True, slots=True)
class CheckHealth:
    """Report the device's health."""


@dataclass(frozen=True, slots=True)
class CheckStatus:
    """Report the device's identity, its activity and the state of its switches."""


@dataclass(frozen=True, slots=True)
class SetPrivacy:
    """Switch privacy mode, in which no frame is analysed, on or off; ``None`` toggles it."""

    on: bool | None = None


@dataclass(frozen=True, slots=True)
class SetDisplay:
    """Switch the displays on or off and dim them; ``None`` changes nothing, ``brightness`` is 0 to 1."""

    on: bool | None = None
    brightness: float | None = None


@dataclass(frozen=True, slots=True)
class NotePlayback:
    """Record the playback position of the film on the wall page."""

    playback: Playback


Command = Mark | StartSession | StopSession | CheckHealth | CheckStatus | SetPrivacy | SetDisplay | NotePlayback


@dataclass(frozen=True, slots=True)
class Answer:
    """Result of a command: ``data``, whose keys depend on the command, or the reason for its refusal."""

    data: dict[str, Any] | None = None
    error: str | None = None


@dataclass(frozen=True, slots=True)
class Request:
    """A command and its callback; ``answer`` is called once on the loop's thread and must not block."""

    command: Command
    answer: Callable[[Answer], None]


class CommandQueue:
    """Bounded queue of requests, filled from any thread and emptied by the loop."""

    def __init__(self, capacity: int = CAPACITY, reserved: int = RESERVED) -> None:
        self._capacity, self._reserved = capacity, reserved
        self._waiting: queue.SimpleQueue[Request] = queue.SimpleQueue()

    def offer(
        self, command: Command, answer: Callable[[Answer], None] = lambda _: None, *, remote: bool = False
    ) -> bool:
        """Enqueue a request; return False if the queue is full.

        ``remote`` requests, which arrive over the broker, leave the reserved places to the button, the page and this
        machine.
        """
        if self._waiting.qsize() >= self._capacity + (0 if remote else self._reserved):
            return False
        self._waiting.put(Request(command, answer))
        return True

    def take(self) -> Iterator[Request]:
        """Yield the requests that are waiting now, oldest first."""
        for _ in range(self._waiting.qsize()):
            yield self._waiting.get_nowait()
