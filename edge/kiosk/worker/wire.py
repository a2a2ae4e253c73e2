"""Messages between device and worker: a JSON head and bytes, each preceded by its length.

No pickles: a worker that a hostile file has taken over can send nothing but values.
"""

from __future__ import annotations

import json
import struct
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import asyncio

_LENGTHS = struct.Struct("!II")
HEADER_BYTES = _LENGTHS.size
MIB = 2**20


@dataclass(frozen=True, slots=True)
class Message:
    """``head`` is a JSON object, ``body`` any bytes."""

    head: dict[str, Any] = field(default_factory=dict)
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of a worker: its own memory, each file that it writes, and one message in either direction, bytes.

    ``memory`` counts what it may write to (RLIMIT_DATA). ``file`` of zero keeps it from writing any file. ``cpu_s`` is
    the processor time of its whole life, seconds, over all that it is asked.
    """

    memory: int = 1024 * MIB
    file: int = 0
    message: int = 16 * MIB
    cpu_s: int = 24 * 3600


class OutOfBounds(ValueError):
    """A message that is larger than it may be, or no message."""


def pack(message: Message, *, last: bool = True) -> bytes:
    """Encode ``message``; ``last`` marks the end of an answer, of which the message itself is no part."""
    head = json.dumps([last, message.head], separators=(",", ":")).encode()
    return _LENGTHS.pack(len(head), len(message.body)) + head + message.body


def lengths(header: bytes, most: int) -> tuple[int, int]:
    """Bytes of head and body that follow ``header``.

    Raises:
        OutOfBounds: together they are more than ``most``.
    """
    head, body = _LENGTHS.unpack(header)
    if head + body > most:
        msg = f"a message of {head + body} bytes, more than {most}"
        raise OutOfBounds(msg)
    return head, body


def unpack(head: bytes, body: bytes) -> tuple[bool, Message]:
    """Return whether the answer has ended, and the message.

    Raises:
        OutOfBounds: the head is no JSON of that form.
    """
    try:
        last, found = json.loads(head)
    except (ValueError, TypeError, RecursionError) as error:
        msg = f"no message: {error}"
        raise OutOfBounds(msg) from None
    if not isinstance(last, bool) or not isinstance(found, dict):
        msg = "no message"
        raise OutOfBounds(msg)
    return last, Message(found, body)


async def receive(reader: asyncio.StreamReader, most: int) -> tuple[bool, Message]:
    """Read the next message, and whether it ends the answer; it is of at most ``most`` bytes.

    Raises:
        OutOfBounds: it is larger, or no message.
        EOFError: the other side has hung up.
    """
    head, body = lengths(await reader.readexactly(HEADER_BYTES), most)
    return unpack(await reader.readexactly(head), await reader.readexactly(body))
