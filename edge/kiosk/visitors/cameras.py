"""Slots for visitors' cameras: a bounded number, each with its own process and one frame at a time."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from edge.kiosk.requests import Refused, busy
from edge.kiosk.visitors.frame_analyzer import ENTRY, FORGET_S, settings_of
from edge.kiosk.worker import Limits, Message, Program, Template, Worker, WorkerFailed

if TYPE_CHECKING:
    from edge.config import Config
    from edge.kiosk.paths import Client

FRAME_MAX = 512 * 1024
"""Bytes of one frame."""
FASTEST_S = 1 / 15
"""Between two frames of one visitor."""
RESERVED = 1
"""Seats of operators beyond ``kiosk.max_cameras``."""
FRAMES_PER_S = 30
"""Of all visitors together, about: what the server's thread may take from the loop next door."""
AT_ONCE = 2
"""Frames that are read at the same time: one that takes long keeps nobody out, and the loop keeps its processor."""
_FRAME_TIMEOUT_S = 15.0
_MEMORY = 1024 * 2**20
_IDLE_S = 20.0
"""How long the template stays after the last visitor came."""


@dataclass(slots=True)
class VisitorSlot:
    """One visitor with a camera, and the process that reads their frames alone."""

    client: Client
    worker: Worker
    seen_s: float = 0.0
    busy: bool = False


class Cameras:
    """Seats by visit; used on the server's event loop."""

    def __init__(self, config: Config) -> None:
        self._most = config.kiosk.max_cameras
        limits = Limits(memory=_MEMORY, message=2 * FRAME_MAX)
        self._program = Program(ENTRY, settings_of(config), limits=limits)
        self.begin()

    def begin(self) -> None:
        """Serve on another event loop from now on, with no seat taken; a semaphore keeps to one loop."""
        self._template = Template(self._program, idle_s=_IDLE_S)
        self._turns = asyncio.Semaphore(AT_ONCE)
        self._seats: dict[str, VisitorSlot] = {}

    def __len__(self) -> int:
        """Visitors with a camera now."""
        self._clear()
        return len(self._seats)

    async def look(self, identity: str, client: Client, frame: bytes) -> dict[str, Any]:
        """Analyze ``frame`` of the visit ``identity``; return no sooner than the next frame is allowed.

        Raises:
            Refused: no seat is free, this visit's last frame is still at work, or this one cannot be read.
        """
        seat = self._seat(identity, client)
        seat.busy = True
        try:
            next_s = time.monotonic() + max(FASTEST_S, len(self._seats) / FRAMES_PER_S)
            answer = await self._ask(seat.worker, frame)
            await asyncio.sleep(next_s - time.monotonic())
        finally:
            seat.busy = False
            seat.seen_s = time.monotonic()
        if "refused" in answer:
            raise Refused(422, str(answer["refused"]), "the frame is no JPEG of a size that is read")
        return answer

    def leave(self, identity: str) -> None:
        """Free the seat and end its process; harmless where there is none."""
        seat = self._seats.pop(identity, None)
        if seat is not None:
            seat.worker.kill()

    def close(self) -> None:
        """End every process; the next frame starts one again."""
        for identity in list(self._seats):
            self.leave(identity)
        self._template.kill()

    def _seat(self, identity: str, client: Client) -> VisitorSlot:
        self._clear()
        seat = self._seats.get(identity)
        if seat is None:
            if not self._is_free(client):
                refusal = busy("cameras_full", "as many cameras are read as may be", retry_s=3)
                raise refusal
            # the process ends with the silence: nothing of the visitor is left in it
            seat = self._seats[identity] = VisitorSlot(client, Worker(self._template, idle_s=FORGET_S))
        if seat.busy:
            raise Refused(409, "camera_busy", "the frame before is still at work: is another tab open?")
        return seat

    def _is_free(self, client: Client) -> bool:
        """Return whether a slot is free: one address leaves one to others, operators have a reserve."""
        if client.operates:
            return len(self._seats) < self._most + RESERVED
        near = sum(seat.client.site == client.site for seat in self._seats.values())
        return len(self._seats) < self._most and near < max(1, self._most - 1)

    def _clear(self) -> None:
        oldest_s = time.monotonic() - FORGET_S
        for identity, seat in list(self._seats.items()):
            if not seat.busy and seat.seen_s < oldest_s:
                self.leave(identity)

    async def _ask(self, worker: Worker, frame: bytes) -> dict[str, Any]:
        # shielded: one who breaks off a request in the middle of a frame may go on with the next
        asking = asyncio.ensure_future(self._in_turn(worker, frame))
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

    async def _in_turn(self, worker: Worker, frame: bytes) -> Message:
        async with self._turns:
            return await worker.ask(Message({}, frame), timeout_s=_FRAME_TIMEOUT_S)
