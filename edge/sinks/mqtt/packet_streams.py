"""Streams of a client of the embedded broker: whole packets of bounded size, and no unbounded waiting."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

from amqtt.adapters import ReaderAdapter, StreamWriterAdapter

if TYPE_CHECKING:
    from collections.abc import Callable

    from edge.sinks.mqtt.work_budget import WorkBudget

PUBLISH_MAX = 64 * 1024
OTHER_MAX = 8 * 1024
"""Maximum size in bytes of a PUBLISH, and of any other packet."""
PACKET_S = 20.0
"""Maximum time from the first byte of a packet to its last."""
DRAIN_S = 5.0
"""Maximum time for a client to accept what is sent to it."""
UNWRITTEN_MAX = 1000
"""Maximum number of messages that a client has not accepted or confirmed."""
_PUBLISH = 3
_HEADER_MAX = 5
_LOOK_S = 0.02


class PacketReader(ReaderAdapter):  # type: ignore[misc,unused-ignore]
    """Packet reader; ``crowded`` returns whether the broker has too many earlier packets to handle.

    Each packet is read completely before any of it is passed on. Cancelling a read loses nothing.
    """

    def __init__(self, reader: asyncio.StreamReader, hang_up: Callable[[], None]) -> None:
        self._reader = reader
        self._hang_up = hang_up
        self._began = bytearray()
        self._began_s = 0.0
        self._quiet_since_s = 0.0
        self._ready = b""
        self._header = 0
        self._packet = b""
        self._at = 0
        self._over = False
        self.idle_s: float | None = None
        """Maximum silence of a client in seconds; ``None`` for no limit."""
        self.budget: WorkBudget | None = None
        self.crowded: Callable[[], bool] = lambda: False

    async def read(self, n: int = -1) -> bytes:
        """Return ``n`` bytes of the current packet; if it has fewer, close the connection and return nothing."""
        if self._over or n == 0:
            return b""
        if self._at >= len(self._packet):
            self._packet, self._at = await self.next(), 0
        part = self._packet[self._at : self._at + n] if n >= 0 else self._packet[self._at :]
        self._at += len(part)
        if len(part) < n:
            self.end()
            return b""
        return part

    def put_back(self, packet: bytes) -> None:
        """Make ``packet`` the next one to be read."""
        self._packet, self._at = packet, 0

    def feed_eof(self) -> None:
        """Signal the end of the input."""
        self._reader.feed_eof()

    def end(self) -> None:
        """Close the connection."""
        self._over = True
        self._hang_up()

    async def next(self) -> bytes:
        """Return the next packet once the broker can handle it; empty at the end of the connection."""
        if not self._ready:
            try:
                self._ready = await self._whole()
            except (ValueError, TimeoutError, OSError, asyncio.IncompleteReadError):
                self.end()
                return b""
            self._began.clear()
            if self.budget is not None:
                self.budget.charge(len(self._ready))
        if self.budget is not None:
            await self.budget.wait()
        while self.crowded() and not self._over:  # noqa: ASYNC110 - amqtt's queues do not notify
            await asyncio.sleep(_LOOK_S)
        packet, self._ready = self._ready, b""
        self._quiet_since_s = asyncio.get_running_loop().time()
        return packet

    @property
    def header_length(self) -> int:
        """Size in bytes of the fixed header of the last packet."""
        return self._header

    async def _whole(self) -> bytes:
        loop = asyncio.get_running_loop()
        if not self._began:
            # measured from the last packet, since amqtt cancels reads and repeats them
            async with asyncio.timeout_at(None if self.idle_s is None else self._quiet_since_s + self.idle_s):
                self._began += await self._reader.readexactly(1)
            self._began_s = loop.time()
        async with asyncio.timeout_at(self._began_s + PACKET_S):
            while len(self._began) < 2 or self._began[-1] & 0x80:
                if len(self._began) >= _HEADER_MAX:
                    msg = "a length of more than four bytes"
                    raise ValueError(msg)
                self._began += await self._reader.readexactly(1)
            length = sum((byte & 0x7F) << 7 * place for place, byte in enumerate(self._began[1:]))
            if length > (PUBLISH_MAX if self._began[0] >> 4 == _PUBLISH else OTHER_MAX):
                msg = "too long"
                raise ValueError(msg)
            self._header = len(self._began)
            return bytes(self._began) + await self._reader.readexactly(length)


class PacketWriter(StreamWriterAdapter):  # type: ignore[misc,unused-ignore]
    """Packet writer that closes the connection to a client that does not read."""

    def __init__(self, writer: asyncio.StreamWriter) -> None:
        super().__init__(writer)
        self._transport = writer.transport
        self.budget: WorkBudget | None = None
        self.unwritten = 0
        """Number of messages for this client that are not written yet."""

    def write(self, data: bytes) -> None:
        """Write and charge the budget; do nothing if the client is gone."""
        if self._transport.is_closing():
            return  # asyncio would log each attempt
        if self.budget is not None:
            self.budget.charge(len(data))
        if data and data[0] >> 4 == _PUBLISH:
            self.unwritten = max(0, self.unwritten - 1)
        super().write(data)

    async def drain(self) -> None:
        """Wait until the client has accepted enough data.

        Raises:
            ConnectionResetError: The client does not read.
        """
        try:
            async with asyncio.timeout(DRAIN_S):
                await super().drain()
        except TimeoutError:
            self.hang_up()
            msg = "the client does not read"
            raise ConnectionResetError(msg) from None

    async def close(self) -> None:
        """Close within about a second."""
        with contextlib.suppress(OSError, TimeoutError):
            async with asyncio.timeout(1):
                await super().close()
        self.hang_up()

    def hang_up(self) -> None:
        """Close at once and discard unsent data."""
        self._transport.abort()
