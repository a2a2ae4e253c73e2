"""What people and programs may ask of a running device, and the box in which their requests wait for the loop."""

from __future__ import annotations

import queue
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from edge.core.events import SessionKind

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from edge.core.events import Media, Playback

CAPACITY = 64
"""Requests that may wait; the loop takes all of them several times a second."""
RESERVED = 16
"""Places beyond that which no request over the broker takes."""


@dataclass(frozen=True, slots=True)
class Mark:
    """Note this moment under ``label``."""

    label: str = ""


@dataclass(frozen=True, slots=True)
class StartSession:
    """Begin a session called ``title``; after ``planned_s`` seconds it ends by itself.

    Its figures need ``k`` faces, the device's own number by default; a smaller one needs the people's agreement.
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
    """Say how the device is doing."""


@dataclass(frozen=True, slots=True)
class CheckStatus:
    """Say what the device is, what it is doing and how it is switched."""


@dataclass(frozen=True, slots=True)
class SetPrivacy:
    """Look at nobody from now on, or look again; ``None`` for the opposite of what is."""

    on: bool | None = None


@dataclass(frozen=True, slots=True)
class SetDisplay:
    """Switch the displays on or off and dim them; ``None`` leaves as it is, ``brightness`` is 0 to 1."""

    on: bool | None = None
    brightness: float | None = None


@dataclass(frozen=True, slots=True)
class NotePlayback:
    """Note where the film is that the wall plays."""

    playback: Playback


Command = Mark | StartSession | StopSession | CheckHealth | CheckStatus | SetPrivacy | SetDisplay | NotePlayback


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of a command: ``data`` of its own kind, or why it was refused."""

    data: dict[str, Any] | None = None
    error: str | None = None


@dataclass(frozen=True, slots=True)
class Request:
    """A command, and whom to tell; ``answer`` is called once on the loop's thread and must return at once."""

    command: Command
    answer: Callable[[Answer], None]


class Inbox:
    """Filled from any thread; emptied by the loop."""

    def __init__(self, capacity: int = CAPACITY, reserved: int = RESERVED) -> None:
        self._capacity, self._reserved = capacity, reserved
        self._waiting: queue.SimpleQueue[Request] = queue.SimpleQueue()

    def offer(
        self, command: Command, answer: Callable[[Answer], None] = lambda _: None, *, remote: bool = False
    ) -> bool:
        """Leave a request; False where too many wait already.

        ``remote`` ones, which came over the broker, leave the reserved places to button, page and this machine.
        """
        if self._waiting.qsize() >= self._capacity + (0 if remote else self._reserved):
            return False
        self._waiting.put(Request(command, answer))
        return True

    def take(self) -> Iterator[Request]:
        """What waits now, oldest first."""
        for _ in range(self._waiting.qsize()):
            yield self._waiting.get_nowait()
