"""Data sent by the floods: HTTP requests and MQTT 3.1.1 packets, complete or not."""

from __future__ import annotations

import asyncio
import json
import re
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

TIMEOUT_S = 20.0
_HEAD_MAX = 65536
Pair = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@asynccontextmanager
async def connected(port: int, address: str) -> AsyncIterator[Pair]:
    """Connect to a local ``port`` from ``address``, one of 127.0.0.0/8.

    Raises:
        OSError: it is refused.
    """
    opened = asyncio.open_connection("127.0.0.1", port, local_addr=(address, 0), limit=_HEAD_MAX)
    reader, writer = await asyncio.wait_for(opened, TIMEOUT_S)
    try:
        yield reader, writer
    finally:
        writer.transport.abort()


def request(method: str, path: str, body: bytes = b"", **headers: str) -> bytes:
    """Return an HTTP/1.1 request; ``headers`` have ``_`` for ``-``."""
    lines = [f"{method} {path} HTTP/1.1", "Host: 127.0.0.1"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    if body or method in {"POST", "PUT"}:
        lines += [f"Content-Length: {len(body)}"] if "Content_Length" not in headers else []
    return ("\r\n".join(lines) + "\r\n\r\n").encode() + body


async def answer(reader: asyncio.StreamReader) -> tuple[int, str, bytes]:
    """Return status, head and body of the answer.

    Raises:
        OSError: the connection ends early, or it is no HTTP.
    """
    try:
        async with asyncio.timeout(TIMEOUT_S):
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            length = re.search(r"(?im)^content-length: *(\d+)", head)
            body = await reader.readexactly(int(length[1])) if length else b""
    except (asyncio.IncompleteReadError, asyncio.LimitOverrunError) as error:
        raise ConnectionResetError(str(error)) from None
    return int(head.split(" ", 2)[1]), head, body


async def visit(port: int, address: str) -> tuple[str, str]:
    """Return a new visitor's cookie and token.

    Raises:
        OSError: the page does not answer, or refuses.
    """
    async with connected(port, address) as (reader, writer):
        writer.write(request("GET", "/api/visit"))
        status, head, body = await answer(reader)
    cookie = re.search(r"(?im)^set-cookie: *([^;\r]+)", head)
    if status != 200 or cookie is None:
        raise ConnectionRefusedError(status)
    return cookie[1], str(json.loads(body)["csrf"])


def packet(kind: int, content: bytes, *, announced: int | None = None) -> bytes:
    """Return an MQTT packet; ``announced`` is its stated remaining length, if not the true one."""
    length, digits = len(content) if announced is None else announced, bytearray()
    while True:
        length, digit = divmod(length, 128)
        digits.append(digit | (0x80 if length else 0))
        if not length:
            return bytes([kind]) + bytes(digits) + content


def text(value: str) -> bytes:
    """Return a string in MQTT's encoding."""
    encoded = value.encode()
    return len(encoded).to_bytes(2, "big") + encoded


def connect(client_id: str) -> bytes:
    """Return a CONNECT packet with a clean session and no credentials."""
    return packet(0x10, text("MQTT") + b"\x04\x02\x00\x3c" + text(client_id))


def subscribe(topic: str) -> bytes:
    """Return a SUBSCRIBE packet with QoS 0."""
    return packet(0x82, b"\x00\x01" + text(topic) + b"\x00")


def publish(topic: str, payload: bytes, *, retain: bool = False) -> bytes:
    """Return a PUBLISH packet with QoS 0."""
    return packet(0x31 if retain else 0x30, text(topic) + payload)


async def drained(reader: asyncio.StreamReader, seconds: float) -> None:
    """Read and discard data for ``seconds`` or until the other side closes the connection."""
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            while await reader.read(_HEAD_MAX):
                pass
