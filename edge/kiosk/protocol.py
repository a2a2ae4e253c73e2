"""A connection to the page: uvicorn's, with time limits on all that the client owes.

uvicorn limits the time between requests alone. Here a request's head, its body and the reading of the answer have a
limit too, so that a silent or slow client holds a connection for seconds.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from edge.kiosk.guard import ALWAYS

if TYPE_CHECKING:
    import asyncio

    from edge.util.connections import ConnectionTable

HEAD_S = 10.0
"""From the connection, or the last answer, to the end of a request's head."""
BODY_WINDOW_S = 30.0
BODY_WINDOW_BYTES = 8_000 * 30
"""The least that must come of a body in each window: 8 kB/s."""
UNREAD_S = 15.0
"""For an answer of which nothing is read."""
PLAYED_UNREAD_S = 15 * 60.0
"""The same for a film that is played: browsers stop reading while they have enough, or are paused."""
CLOSING_S = 5.0
_ALWAYS = [(name.lower().encode(), value.encode()) for name, value in ALWAYS.items()]
_ALWAYS.append((b"content-type", b"text/plain; charset=utf-8"))
_BUFFER = 8 * 1024
"""Bytes that wait here for a slow client, beside those that the kernel holds."""


class LimitedProtocol(H11Protocol):
    """One client; ``table`` forgets it where the connection ends."""

    def __init__(self, *, table: ConnectionTable, address: str, **uvicorn: Any) -> None:
        super().__init__(**uvicorn)
        self._table, self._address = table, address
        self._since = self._window_since = time.monotonic()
        self._window_bytes = 0
        self._unread_since: float | None = None
        self._closing_since: float | None = None
        self._cycle_before: object = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Wait for slow viewers early, instead of collecting for them."""
        transport.set_write_buffer_limits(high=_BUFFER)
        super().connection_made(transport)

    def data_received(self, data: bytes) -> None:
        """Count what comes."""
        self._window_bytes += len(data)
        super().data_received(data)

    def handle_events(self) -> None:
        """Note the time at which a request's head is complete."""
        super().handle_events()
        if self.cycle is not self._cycle_before:
            self._cycle_before = self.cycle
            self._start_window(time.monotonic())

    def on_response_complete(self) -> None:
        """Note the time from which the next request is waited for."""
        self._since = time.monotonic()
        super().on_response_complete()

    def pause_writing(self) -> None:
        """Note the time since which the client reads too slowly."""
        self._unread_since = time.monotonic()
        super().pause_writing()

    def resume_writing(self) -> None:
        """Note that the client reads on."""
        self._unread_since = None
        super().resume_writing()

    def send_400_response(self, msg: str) -> None:
        """Refuse what is no HTTP, with the headers of every answer; uvicorn's own answer has none of them."""
        body = msg.encode("ascii", "replace")
        headers = [*_ALWAYS, (b"content-length", b"%d" % len(body)), (b"connection", b"close")]
        events = (h11.Response(status_code=400, headers=headers, reason=b"Bad Request"), h11.Data(data=body))
        try:
            self.transport.write(b"".join(self.conn.send(event) or b"" for event in (*events, h11.EndOfMessage())))
        except h11.LocalProtocolError:  # the answer to the request before is under way
            self.transport.abort()
        else:
            self.transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget it."""
        self._table.remove(self._address, self)
        super().connection_lost(exc)

    @property
    def idle_since(self) -> float | None:
        """Return the time since which the client owes something; ``None`` while it owes nothing, or is to be kept."""
        if self._closing_since is not None:
            return self._closing_since
        if self.cycle is None or self.cycle.response_complete:
            return self._since
        if self._unread_since is not None:
            return self._unread_since
        return self._window_since if self.cycle.more_body and not self._state.get("keep") else None

    @property
    def _state(self) -> dict[str, Any]:
        """Return the handler's flags: ``keep`` while an upload has a slot, ``played`` for a film."""
        state: dict[str, Any] = {} if self.cycle is None else self.cycle.scope.get("state", {})
        return state

    def drop(self) -> None:
        """Close at once."""
        self.transport.abort()

    def overdue(self, now_s: float) -> bool:
        """Return True where a time limit has passed."""
        if self.transport.is_closing():
            self._closing_since = self._closing_since or now_s
            return now_s - self._closing_since > CLOSING_S
        if self._unread_since is not None:
            return now_s - self._unread_since > (PLAYED_UNREAD_S if self._state.get("played") else UNREAD_S)
        if self.cycle is None or self.cycle.response_complete:
            return now_s - self._since > HEAD_S
        if not self.cycle.more_body or self.flow.read_paused:
            self._start_window(now_s)
            return False
        if now_s - self._window_since < BODY_WINDOW_S:
            return False
        too_slow = self._window_bytes < BODY_WINDOW_BYTES
        self._start_window(now_s)
        return too_slow

    def _start_window(self, now_s: float) -> None:
        self._window_since, self._window_bytes = now_s, 0
