"""Reports and data of kept sessions: at hand where they were made, otherwise made by the worker in the background."""

from __future__ import annotations

import asyncio
import contextlib
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from edge.kiosk.reports.catalog import Catalog
from edge.kiosk.requests import Refused
from edge.kiosk.worker import Limits, Message, Program, Worker, WorkerFailed

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from edge.recording.values import SessionRecord

_MIB = 2**20
_LIMITS = Limits(file=512 * _MIB, message=256 * _MIB)
"""It writes an export's temporary file, and Matplotlib its list of fonts."""
_NICENESS = 10
"""Below the loop, but not last: somebody waits."""
_WAITING_MAX = 6
_TIMEOUT_S = 300.0
"""Between two steps of the report of a long day on a small board that is busy."""
_RUNNING_S = 30.0
"""How old a page of a session that still runs may be when it is shown."""
_RECENT_MAX = 4
_LASTS_S = 600.0

Ids = tuple[str, ...]


@dataclass(slots=True)
class Job:
    """A page that is being drawn; ``progress`` is 0 to 1."""

    task: asyncio.Task[Message]
    progress: float = 0.0


@dataclass(frozen=True, slots=True)
class _Recent:
    """A page in memory, of sessions as they were."""

    of: list[SessionRecord]
    until_s: float
    page: Message


class Archive:
    """Hands work on the sessions' file at ``path`` to one process at a time; used on the server's event loop."""

    def __init__(self, path: Path) -> None:
        program = Program(
            "edge.kiosk.reports.work:make",
            {"path": str(path)},
            limits=_LIMITS,
            niceness=_NICENESS,
            confined=False,  # it reads the device's own sessions
        )
        self.catalog = Catalog(path)
        self._worker = Worker(program, idle_s=60.0)
        self._waiting = 0
        self._jobs: dict[Ids, Job] = {}
        self._recent: dict[Ids, _Recent] = {}

    async def export(self, identity: str, form: str) -> Message:
        """One session's data.

        Raises:
            Refused: it is not there, took too long, or too many wait already.
        """
        return await self._do("export", ids=[identity], form=form)

    async def at_hand(self, ids: Sequence[str]) -> Message | None:
        """Return the page of these sessions as they are now, where it was drawn.

        Raises:
            Refused: one is not there, or the file cannot be read.
        """
        records, page = await self.catalog.look_up(ids)
        if page is not None:
            return page
        recent = self._recent.get(tuple(ids))
        if recent is None or time.monotonic() > recent.until_s:
            return None
        return recent.page if _same(recent.of, records) else None

    def begin(self, ids: Sequence[str]) -> Job:
        """Have the page of these sessions drawn in the background, unless it is already.

        Raises:
            Refused: too many wait.
        """
        key = tuple(ids)
        job = self._jobs.get(key)
        if job is None:
            self._bound()
            job = self._jobs[key] = Job(asyncio.get_running_loop().create_task(self._draw(key)))
            job.task.add_done_callback(lambda task: self._done(key, task))
        return job

    def _done(self, key: Ids, task: asyncio.Task[Message]) -> None:
        """Let go of a job that succeeded; what one failed for is kept for the next request."""
        failed = not task.cancelled() and task.exception() is not None
        if not failed and (job := self._jobs.get(key)) is not None and job.task is task:
            del self._jobs[key]

    def job(self, ids: Sequence[str]) -> Job | None:
        """Return the job that draws the page of these sessions, or its failure, which is reported once."""
        job = self._jobs.get(tuple(ids))
        if job is not None and job.task.done():
            del self._jobs[tuple(ids)]
        return job

    def ahead(self, job: Job) -> int:
        """Return how many pages are drawn before this one."""
        before = 0
        for other in self._jobs.values():
            if other is job:
                break
            before += not other.task.done()
        return before

    async def draw(self, ids: Sequence[str]) -> Message:
        """Return the page of these sessions, drawn now if needed; drawing continues after a client leaves.

        Raises:
            Refused: as :meth:`export`.
        """
        found = await self.at_hand(ids)
        if found is not None:
            return found
        job = self.begin(ids)
        try:
            return await asyncio.shield(job.task)
        finally:
            self.job(ids)

    async def delete(self, ids: Sequence[str]) -> None:
        """Take these sessions away, and every page that shows one of them.

        Raises:
            Refused: one is not there, or runs.
        """
        await self.catalog.delete(ids)
        for key, job in list(self._jobs.items()):
            if set(key) & set(ids):
                job.task.cancel()
                del self._jobs[key]
        self._recent = {key: recent for key, recent in self._recent.items() if not set(key) & set(ids)}

    def close(self) -> None:
        """End the process and forget what was drawn; harmless when repeated."""
        for job in self._jobs.values():
            job.task.cancel()
        self._jobs.clear()
        self._recent.clear()
        self._worker.kill()

    async def _draw(self, key: Ids) -> Message:
        records, _ = await self.catalog.look_up(key)

        def hear(progress: float) -> None:
            if (job := self._jobs.get(key)) is not None:
                job.progress = progress

        page = await self._do("draw", hear, ids=list(key))
        lasts_s = _LASTS_S if page.head["final"] else _RUNNING_S
        self._recent.pop(key, None)
        self._recent[key] = _Recent(records, time.monotonic() + lasts_s, page)
        while len(self._recent) > _RECENT_MAX:
            del self._recent[next(iter(self._recent))]
        return page

    async def _do(self, deed: str, hear: Callable[[float], None] = lambda _: None, **arguments: Any) -> Message:
        """Return the worker's answer; ``hear`` is called with its progress.

        Raises:
            Refused: as :meth:`export`.
        """
        self._bound()
        self._waiting += 1
        answer = Message()
        asked = self._worker.talk(Message({"do": deed, "with": arguments}), timeout_s=_TIMEOUT_S)
        try:
            async with contextlib.aclosing(asked) as answers:
                async for answer in answers:
                    if "progress" in answer.head:
                        hear(float(answer.head["progress"]))
        except WorkerFailed as error:
            raise Refused(503, "failed", str(error)) from None
        finally:
            self._waiting -= 1
        if "refused" in answer.head:
            raise Refused(404 if answer.head["code"] == "gone" else 409, answer.head["code"], answer.head["refused"])
        if "error" in answer.head:
            raise Refused(500, "failed", answer.head["error"])
        return answer

    def _bound(self) -> None:
        if self._waiting >= _WAITING_MAX:
            raise Refused(503, "busy", "other reports are being drawn: try again in a moment")


def _same(drawn: Sequence[SessionRecord], now: Sequence[SessionRecord]) -> bool:
    """Return whether nothing but the length of running sessions has changed."""
    return [_timeless(record) for record in drawn] == [_timeless(record) for record in now]


def _timeless(record: SessionRecord) -> tuple[object, ...]:
    lasted_s = None if record.running else record.lasted_s
    return record.id, record.title, record.kind, record.start, record.k, record.end, record.media_name, lasted_s
