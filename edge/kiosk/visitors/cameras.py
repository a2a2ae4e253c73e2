"""Who has a camera open: a bounded number of seats, one frame of each at a time, taken in turn."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from edge.kiosk.requests import Refused, busy
from edge.kiosk.visitors.seer import ENTRY, FORGET_S, settings_of
from edge.kiosk.worker import Limits, Message, Worker, WorkerFailed

if TYPE_CHECKING:
    from edge.config import Config
    from edge.kiosk.places import Client

FRAME_MAX = 512 * 1024
"""Bytes of one frame."""
FASTEST_S = 1 / 15
"""Between two frames of one visitor."""
RESERVED = 1
"""Seats of operators beyond ``kiosk.max_cameras``."""
FRAMES_PER_S = 30
"""Of all visitors together, about: what the server's thread may take from the loop next door."""
_FRAME_TIMEOUT_S = 15.0
_MEMORY = 1024 * 2**20


@dataclass(slots=True)
class Seat:
    """One visitor with a camera; ``id`` is random and told to the worker alone."""

    client: Client
    id: str = field(default_factory=lambda: secrets.token_hex(8))
    seen_s: float = 0.0
    busy: bool = False


class Cameras:
    """Seats by visit, and the worker that reads their frames; used on the server's event loop."""

    def __init__(self, config: Config, worker: Worker | None = None) -> None:
        self._most = config.kiosk.max_cameras
        limits = Limits(memory=_MEMORY, message=2 * FRAME_MAX)
        self._worker = worker or Worker(ENTRY, settings_of(config), limits=limits, idle_s=2 * FORGET_S)
        self._seats: dict[str, Seat] = {}
        self._leaving: set[asyncio.Task[None]] = set()

    def __len__(self) -> int:
        """Visitors with a camera now."""
        self._clear()
        return len(self._seats)

    async def look(self, identity: str, client: Client, frame: bytes) -> dict[str, Any]:
        """What is to be seen in ``frame`` of the visit ``identity``; comes no sooner than the next frame may.

        Raises:
            Refused: no seat is free, this visit's last frame is still at work, or this one cannot be read.
        """
        seat = self._seat(identity, client)
        seat.busy = True
        try:
            next_s = time.monotonic() + max(FASTEST_S, len(self._seats) / FRAMES_PER_S)
            answer = await self._ask(Message({"visitor": seat.id}, frame))
            await asyncio.sleep(next_s - time.monotonic())
        finally:
            seat.busy = False
            seat.seen_s = time.monotonic()
        if "refused" in answer:
            raise Refused(422, str(answer["refused"]), "the frame is no JPEG of a size that is read")
        return answer

    def leave(self, identity: str) -> None:
        """Free the seat and let the worker forget what it knows; harmless where there is none."""
        seat = self._seats.pop(identity, None)
        if seat is not None and self._worker.pid is not None:
            task = asyncio.get_running_loop().create_task(self._forget(seat.id))
            self._leaving.add(task)
            task.add_done_callback(self._leaving.discard)

    def close(self) -> None:
        """End the worker; the next frame starts it again."""
        self._seats.clear()
        self._worker.kill()

    def _seat(self, identity: str, client: Client) -> Seat:
        self._clear()
        seat = self._seats.get(identity)
        if seat is None:
            if not self._is_free(client):
                refusal = busy("cameras_full", "as many cameras are read as may be", retry_s=3)
                raise refusal
            seat = self._seats[identity] = Seat(client)
        if seat.busy:
            raise Refused(409, "camera_busy", "the frame before is still at work: is another tab open?")
        return seat

    def _is_free(self, client: Client) -> bool:
        """True where a seat is free: one address leaves one to others, operators have more beyond."""
        if client.operates:
            return len(self._seats) < self._most + RESERVED
        near = sum(seat.client.site == client.site for seat in self._seats.values())
        return len(self._seats) < self._most and near < max(1, self._most - 1)

    def _clear(self) -> None:
        oldest_s = time.monotonic() - FORGET_S
        for identity, seat in list(self._seats.items()):
            if not seat.busy and seat.seen_s < oldest_s:
                del self._seats[identity]

    async def _ask(self, message: Message) -> dict[str, Any]:
        # shielded: one who goes away in the middle of a frame must not end the process that others use
        asking = asyncio.ensure_future(self._worker.ask(message, timeout_s=_FRAME_TIMEOUT_S))
        try:
            answer = (await asyncio.shield(asking)).head
        except asyncio.CancelledError:
            asking.add_done_callback(lambda done: done.cancelled() or done.exception())
            raise
        except WorkerFailed as error:
            raise Refused(503, "camera_failed", str(error)) from None
        if "error" in answer:
            raise Refused(503, "camera_failed", str(answer["error"]))
        return answer

    async def _forget(self, seat: str) -> None:
        with contextlib.suppress(WorkerFailed):
            await self._worker.ask(Message({"leave": seat}), timeout_s=_FRAME_TIMEOUT_S)
