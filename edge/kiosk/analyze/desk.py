"""Runs the analyze page: who is there, whose file is read next, and that everything goes when they go.

All of it lives on the server's event loop; the reading itself is the worker's.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import secrets
import shutil
import time
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from edge.analysis.inputs import Kind
from edge.kiosk.access import Role
from edge.kiosk.analyze.handler import Task
from edge.kiosk.analyze.jobs import Job, Room, State
from edge.kiosk.analyze.order import in_order
from edge.kiosk.analyze.store import Store
from edge.kiosk.worker import Limits, Message, Worker, WorkerFailed
from edge.kiosk.worker.wire import MIB

if TYPE_CHECKING:
    from edge.analysis.kinds import Recognised
    from edge.config import Config

_LOG = logging.getLogger(__name__)
MEGABYTE = 1_000_000
MOST_ROOMS = 32
MOST_FILES = 200
"""Of one visitor, read ones included."""
GRACE_S = 15.0
"""How long a visitor may be without a connection."""
IDLE_S = 30 * 60.0
"""How long results of a visitor are kept who asks for nothing."""
_ANNOUNCED_S = 60.0
_PICTURE_S = 180.0
_SILENCE_S = 180.0
"""A worker that tells nothing for so long is stuck; long, for it runs only when nothing else wants to."""
_MEMORY = 1536 * MIB
_IDLE_WORKER_S = 20.0
_SECTIONS = {"model", "detector", "tracker", "smoothing", "primary", "analyze"}


class NoRoom(Exception):
    """A bound is reached; ``code`` says which."""

    def __init__(self, *, code: str) -> None:
        super().__init__(code)
        self.code = code


class Desk:
    """Rooms by visitor, and the one file that is read at a time; ``idle`` false leaves the worker its turn."""

    def __init__(self, config: Config, store: Store | None = None) -> None:
        self._config = config
        self.role = Role.VIEWER if config.kiosk.visitors else Role.OPERATOR
        self.upload_bytes = config.kiosk.upload_mb * MEGABYTE
        self.max_s = config.kiosk.video_minutes * 60
        self.store = store or Store(4 * self.upload_bytes)
        self.rooms: dict[str, Room] = {}
        self.idle = True
        self._turns = 0
        self._current: tuple[Room, Job, asyncio.Task[None]] | None = None
        self._worker: Worker | None = None

    def begin(self, loop: asyncio.AbstractEventLoop) -> None:
        """The server starts on ``loop``."""
        self._loop = loop
        self._wake = asyncio.Event()

    def close(self) -> None:
        """Forget everything at once; on the loop's thread, harmless when repeated."""
        if self._current is not None:
            self._current[2].cancel()
        if self._worker is not None:
            self._worker.kill()
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

    def enter(self, identity: str) -> Room:
        """The room of this visitor, a new one where there is none.

        Raises:
            NoRoom: as many visitors are here as may be.
        """
        room = self.rooms.get(identity)
        if room is None:
            if len(self.rooms) >= MOST_ROOMS:
                raise NoRoom(code="full")
            room = self.rooms[identity] = Room(identity, self._loop)
        room.touch()
        return room

    def forget(self, room: Room, why: str = "left") -> None:
        """Delete all that this visitor sent and got."""
        if self.rooms.pop(room.identity, None) is None:
            return
        for job in list(room.jobs.values()):
            self._discard(room, job)
        room.board.put("gone", why)
        self._loop.call_later(1.0, room.bell.close)
        self.publish()

    def remove(self, room: Room, job: Job) -> None:
        """Cancel one file, or delete what came of it."""
        self._discard(room, job)
        self.publish()

    def _discard(self, room: Room, job: Job) -> None:
        job.cancelled = True
        room.jobs.pop(job.id, None)
        if self._current is not None and self._current[1] is job:
            self._current[2].cancel()
        # a thread: large files take a while even in memory
        self._loop.run_in_executor(None, _remove, job)

    # files -----------------------------------------------------------------------------------------------------------

    @property
    def free(self) -> int:
        """Bytes that are not set aside yet."""
        return self.store.budget - sum(job.held for room in self.rooms.values() for job in room.jobs.values())

    def announce(self, room: Room, name: str, size: int, found: Recognised) -> Job:
        """A file that will be sent.

        Raises:
            NoRoom: this visitor has as many as may be, or the store is full.
            OSError: the store cannot be written.
        """
        if len(room.jobs) >= MOST_FILES:
            raise NoRoom(code="too_many")
        if size > self.free:
            raise NoRoom(code="no_room")
        identity = secrets.token_urlsafe(12)
        job = Job(identity, name, found.kind, found.container, size, self.store.make(identity), held=size)
        room.jobs[identity] = job
        self.publish()
        return job

    def received(self, job: Job) -> None:
        """The file is here; it waits for its turn."""
        job.move(State.WAITING)
        self._wake.set()
        self.publish()

    def publish(self, only: Room | None = None) -> None:
        """Tell visitors how their files do."""
        before = {job.id: index + (self._current is not None) for index, (_, job) in enumerate(self._turns_ahead())}
        for room in [only] if only is not None else self.rooms.values():
            room.board.put("files", [job.as_dict(before.get(job.id)) for job in room.jobs.values()])

    def _turns_ahead(self) -> list[tuple[Room, Job]]:
        return in_order(self.rooms.values())

    async def _read(self, room: Room, job: Job) -> None:
        self._turns += 1
        room.served = self._turns
        job.move(State.RUNNING)
        spare = max(0, min(self.free, 2 * self.upload_bytes))
        job.held += spare
        task = asyncio.create_task(self._talk(room, job, spare))
        self._current = room, job, task
        self.publish()
        await asyncio.wait({task})
        self._current = None
        if job.cancelled or task.cancelled():
            # its folder may have been written to until just now
            await asyncio.to_thread(_remove, job)
        else:
            task.result()
            job.held = await asyncio.to_thread(_tidy, job)
            room.touch()
        self.publish()

    async def _talk(self, room: Room, job: Job, spare: int) -> None:
        message = Message(asdict(self._task(job, spare)))
        whole_s = _PICTURE_S if job.kind is Kind.PICTURE else _PICTURE_S + 4 * self.max_s
        worker = self._worker = self._worker or self._new_worker()
        loop = asyncio.get_running_loop()
        job.error = "crashed"
        try:
            async with (
                asyncio.timeout(whole_s),
                asyncio.timeout(_SILENCE_S) as silence,
                contextlib.aclosing(worker.talk(message, timeout_s=whole_s)) as answers,
            ):
                async for answer in answers:
                    silence.reschedule(loop.time() + _SILENCE_S)
                    self._hear(room, job, answer.head)
        except TimeoutError:
            job.error = "too_slow"
        except WorkerFailed as failure:
            _LOG.warning("the worker of the analyze page: %s", failure)
            worker.kill()
            self._worker = None  # a new one has no failures to rest from: the next file may be a good one
        if job.error:
            job.move(State.FAILED)

    def _hear(self, room: Room, job: Job, head: dict[str, Any]) -> None:
        if "failed" in head:
            job.error, job.detail = str(head["failed"]), str(head.get("detail", ""))
        elif "error" in head:
            _LOG.warning("the worker of the analyze page: %s", head["error"])
            job.error = "memory" if head["error"] == "out of memory" else "crashed"
        elif "finished" in head:
            job.error = ""
            job.done = 1.0
            job.move(State.DONE)
        else:
            job.done, job.time_s = float(head["done"]), float(head.get("time_s", 0.0))
            self.publish(room)

    def _task(self, job: Job, spare: int) -> Task:
        source, folder = str(job.upload), str(job.folder)
        return Task(source, folder, job.name, job.kind.value, job.container, self.max_s, job.size + spare)

    def _new_worker(self) -> Worker:
        sections = self._config.model_dump(mode="json", include=_SECTIONS)
        sections["model"]["threads"] = 1
        return Worker(
            "edge.kiosk.analyze.handler:make",
            {"config": sections, "idle": self.idle},
            limits=Limits(memory=_MEMORY, file=max(self.store.budget, MIB)),
            idle_s=_IDLE_WORKER_S,
        )

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
                    if job.state is State.ANNOUNCED and now_s - job.since_s > _ANNOUNCED_S:
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
