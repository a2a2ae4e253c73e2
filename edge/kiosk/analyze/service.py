"""Runs the analyze page: who is there, whose file is read next, and that everything goes when they go.

All of it lives on the server's event loop; the reading itself is the worker's.
"""

from __future__ import annotations

import asyncio
import logging
import os
import secrets
import shutil
import time
from typing import TYPE_CHECKING

from edge.analysis.inputs import Kind
from edge.kiosk.analyze.jobs import Job, State, VisitorSession
from edge.kiosk.analyze.order import in_order
from edge.kiosk.analyze.reader import Reader
from edge.kiosk.analyze.shares import QuotaExceeded, Shares
from edge.kiosk.analyze.store import Store
from edge.kiosk.roles import Role

if TYPE_CHECKING:
    from edge.analysis.kinds import Recognised
    from edge.config import Config
    from edge.kiosk.paths import Client

_LOG = logging.getLogger(__name__)
MEGABYTE = 1_000_000
MOST_FILES = 200
"""Of one visitor, read ones included."""
GRACE_S = 15.0
"""How long a visitor may be without a connection."""
IDLE_S = 30 * 60.0
"""How long results of a visitor are kept who asks for nothing."""
ANNOUNCED_S = 20.0
"""In which a file must begin to come once it was announced."""
_PICTURE_BYTES = 16 * MEGABYTE
"""For a picture's smaller copy and its figures."""


class AnalysisService:
    """Rooms by visitor, and the one file that is read at a time; a video waits while pictures pass."""

    def __init__(self, config: Config, store: Store | None = None) -> None:
        self.role = Role.VIEWER if config.kiosk.visitors else Role.OPERATOR
        self.upload_bytes = config.kiosk.upload_mb * MEGABYTE
        self.store = store or Store(4 * self.upload_bytes)
        self.rooms: dict[str, VisitorSession] = {}
        self.shares = Shares(lambda: self.store.budget, self.rooms, local_only=config.kiosk.password_file is None)
        self.reader = Reader(config, lambda: self.store.budget)
        self.pictures = Reader(config, lambda: self.store.budget, kind=Kind.PICTURE)
        self._turns = 0
        self._running: dict[Job, asyncio.Task[None]] = {}

    def begin(self, loop: asyncio.AbstractEventLoop) -> None:
        """Start with the server's ``loop``."""
        self._loop = loop
        self._wake = asyncio.Event()

    def close(self) -> None:
        """Forget everything at once; on the loop's thread, harmless when repeated."""
        for task in self._running.values():
            task.cancel()
        self._running.clear()
        for reader in (self.reader, self.pictures):
            reader.kill()
        for room in self.rooms.values():
            room.bell.close()
        self.rooms.clear()
        self.store.close()

    async def run(self) -> None:
        """Read what waits, one after the other, until cancelled."""
        watch = asyncio.create_task(self._watch())
        try:
            try:
                await asyncio.to_thread(self.store.open)
            except OSError as error:
                _LOG.warning("the analyze page takes nothing: %s", error)
            while True:
                turns = in_order(self.rooms.values())
                if turns:
                    await self._read(*turns[0])
                else:
                    self._wake.clear()
                    await self._wake.wait()
        finally:
            watch.cancel()
            self.close()

    # visitors --------------------------------------------------------------------------------------------------------

    def enter(self, identity: str, client: Client) -> VisitorSession:
        """Return the session of this visitor, a new one where there is none.

        Raises:
            QuotaExceeded: as many visitors are here, or have come from this address, as may be.
        """
        room = self.rooms.get(identity)
        if room is None:
            self.shares.check_room(client)
            room = self.rooms[identity] = VisitorSession(identity, client, self._loop)
        room.touch()
        return room

    def leave(self, identity: str) -> None:
        """Delete all that the visitor with this identity sent and got; harmless where there is none."""
        room = self.rooms.get(identity)
        if room is not None:
            self.forget(room)

    def forget(self, room: VisitorSession, why: str = "left") -> None:
        """Delete all that this visitor sent and got."""
        if self.rooms.pop(room.identity, None) is None:
            return
        for job in list(room.jobs.values()):
            self._discard(room, job)
        room.board.put("gone", why)
        self._loop.call_later(1.0, room.bell.close)
        self.publish()

    def remove(self, room: VisitorSession, job: Job) -> None:
        """Cancel one file, or delete what came of it."""
        self._discard(room, job)
        self.publish()

    def _discard(self, room: VisitorSession, job: Job) -> None:
        job.cancelled = True
        room.jobs.pop(job.id, None)
        if job in self._running:
            self._running[job].cancel()
        # a thread: large files take a while even in memory
        self._loop.run_in_executor(None, _remove, job)

    # files -----------------------------------------------------------------------------------------------------------

    def announce(self, room: VisitorSession, name: str, size: int, found: Recognised) -> Job:
        """Announce a file that will be uploaded.

        Raises:
            QuotaExceeded: this visitor has as many as may be, too many are on their way, or the store is full.
            OSError: the store cannot be written.
        """
        if len(room.jobs) >= MOST_FILES:
            raise QuotaExceeded(code="too_many")
        self.shares.check_announced(room)
        if size > self.shares.room_for(room):
            raise QuotaExceeded(code="no_room")
        identity = secrets.token_urlsafe(12)
        job = Job(identity, name, found.kind, found.container, size, self.store.make(identity), held=0)
        room.jobs[identity] = job
        (self.reader if found.kind is Kind.VIDEO else self.pictures).prepare()
        self.publish()
        return job

    def received(self, job: Job) -> None:
        """Queue a file that has been uploaded."""
        job.move(State.WAITING)
        self._wake.set()
        self.publish()

    def publish(self, only: VisitorSession | None = None) -> None:
        """Tell visitors how their files do."""
        before: dict[str, int] = {}
        for index, (_, job) in enumerate(in_order(self.rooms.values())):
            ahead = [one for one in self._running if job.kind is Kind.VIDEO or one.kind is Kind.PICTURE]
            before[job.id] = index + len(ahead)
        for room in [only] if only is not None else self.rooms.values():
            room.board.put("files", [job.as_dict(before.get(job.id)) for job in room.jobs.values()])

    async def _read(self, room: VisitorSession, job: Job) -> None:
        self._turns += 1
        room.served = self._turns
        job.move(State.RUNNING)
        video = job.kind is Kind.VIDEO
        spare = min(self.shares.spare_for(room), 2 * self.upload_bytes if video else _PICTURE_BYTES)
        job.held += spare
        reader = self.reader if video else self.pictures
        task = asyncio.create_task(reader.read(job, spare, lambda: self.publish(room)))
        self._running[job] = task
        self.publish()
        await (self._while_pictures_pass(job, task) if video else asyncio.wait({task}))
        self._running.pop(job, None)
        if job.cancelled or task.cancelled():
            # its folder may have been written to until just now
            await asyncio.to_thread(_remove, job)
        else:
            if (error := task.exception()) is not None:  # ours, not the file's; the next one is read all the same
                _LOG.error("the analyze page: %r", error, exc_info=error)
                job.move(State.FAILED)
            job.held = await asyncio.to_thread(_tidy, job)
            room.touch()
        self.publish()

    async def _while_pictures_pass(self, video: Job, task: asyncio.Task[None]) -> None:
        """Wait for ``task``; it stands still while pictures that have come meanwhile are read."""
        while not task.done():
            self._wake.clear()
            turns = in_order(self.rooms.values())
            if turns and turns[0][1].kind is Kind.PICTURE:
                with self.reader.paused(video):
                    await self._read(*turns[0])
                continue
            woken = asyncio.create_task(self._wake.wait())
            try:
                await asyncio.wait({task, woken}, return_when=asyncio.FIRST_COMPLETED)
            finally:
                woken.cancel()

    # time ------------------------------------------------------------------------------------------------------------

    async def _watch(self) -> None:
        """See who has gone."""
        while True:
            await asyncio.sleep(1.0)
            now_s = time.monotonic()
            for room in list(self.rooms.values()):
                absent_s = now_s - room.seen_s
                if not len(room.bell) and absent_s > GRACE_S:
                    self.forget(room)
                elif not room.busy and absent_s > IDLE_S:
                    self.forget(room, "time")
                for job in list(room.jobs.values()):
                    if job.state is State.ANNOUNCED and now_s - job.since_s > ANNOUNCED_S:
                        self.remove(room, job)


def _remove(job: Job) -> None:
    shutil.rmtree(job.folder, ignore_errors=True)


def _tidy(job: Job) -> int:
    """Delete the file as it was sent, and all where it could not be read; returns bytes that are left."""
    if job.state is not State.DONE:
        _remove(job)
        return 0
    job.upload.unlink(missing_ok=True)
    return sum(entry.stat().st_size for entry in os.scandir(job.folder))
