"""Has the worker read one file, and ends it when it crashes, falls silent or takes too long."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import time
from contextlib import contextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from edge.analysis.inputs import Kind
from edge.kiosk.analyze.handler import Task
from edge.kiosk.analyze.jobs import Job, State
from edge.kiosk.worker import Limits, Message, Worker, WorkerFailed
from edge.kiosk.worker.wire import MIB
from edge.sandbox.broker import Access

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from edge.config import Config

_LOG = logging.getLogger(__name__)
PICTURE_S = 180.0
"""Long, for the worker runs only when nothing else wants to."""
SILENCE_S = 180.0
"""A worker that tells nothing for so long is stuck."""
MEMORY = 1536 * MIB
_LONGEST_S = 24 * 3600.0
_PACE = 4
"""A video may take so many times the longest that is allowed."""
_IDLE_WORKER_S = 20.0
_SECTIONS = {"node", "model", "detector", "tracker", "smoothing", "primary", "analyze"}


class Reader:
    """One worker, made when it is needed; ``idle`` false leaves it its turn beside other processes.

    Args:
        config: the device's; the worker gets only what seeing needs.
        most_bytes: gives the largest file that may be written.
        kind: what it reads, pictures or videos.
        entry: what runs in the worker.
    """

    def __init__(
        self,
        config: Config,
        most_bytes: Callable[[], int],
        *,
        kind: Kind = Kind.VIDEO,
        entry: str = "edge.kiosk.analyze.handler:make",
    ) -> None:
        self._config = config
        self._most_bytes = most_bytes
        self._kind = kind
        self.entry = entry
        self.max_s = config.kiosk.video_minutes * 60
        self.idle = True
        self.worker: Worker | None = None
        self._limits: tuple[asyncio.Timeout, asyncio.Timeout] | None = None

    async def read(self, job: Job, spare: int, tell: Callable[[], None]) -> None:
        """Bring ``job`` to its end; ``spare`` are the bytes that its results may take, ``tell`` hears of progress.

        Cancelling ends the worker at once.
        """
        message = Message(asdict(self._task(job, spare)))
        access = Access(write=(str(job.folder),))
        whole_s = PICTURE_S + (_PACE * self.max_s if job.kind is Kind.VIDEO else 0.0)
        worker = self.worker = self.worker or self._new_worker()
        loop = asyncio.get_running_loop()
        job.error = "crashed"
        try:
            async with (
                asyncio.timeout(whole_s) as whole,
                asyncio.timeout(SILENCE_S) as silence,
                contextlib.aclosing(worker.talk(message, timeout_s=_LONGEST_S, access=access)) as answers,
            ):
                self._limits = whole, silence
                async for answer in answers:
                    silence.reschedule(loop.time() + SILENCE_S)
                    self._hear(job, answer.head)
                    tell()
        except TimeoutError:
            job.error = "too_slow"
        except WorkerFailed as failure:
            _LOG.warning("the worker of the analyze page: %s", failure)
        finally:
            self._limits = None
        if job.error in {"crashed", "too_slow", "memory"}:
            self.kill()
        if job.error:
            job.move(State.FAILED)

    @contextmanager
    def paused(self, job: Job) -> Iterator[None]:
        """Let the worker that reads ``job`` stand still inside the block; the time does not count."""
        started_s = time.monotonic()
        limits = [(limit, limit.when()) for limit in self._limits or () if not limit.expired()]
        for limit, _ in limits:
            limit.reschedule(None)
        self._signal(signal.SIGSTOP)
        try:
            yield
        finally:
            paused_s = time.monotonic() - started_s
            job.since_s += paused_s
            if self._limits is not None:  # else it has ended meanwhile, cancelled for example
                for limit, when in limits:
                    limit.reschedule(None if when is None else when + paused_s)
            self._signal(signal.SIGCONT)

    def _signal(self, number: signal.Signals) -> None:
        pid = None if self.worker is None else self.worker.pid
        if pid is not None:  # it may only be starting
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)

    def kill(self) -> None:
        """End the worker; the next file gets a new one, which has no failures to rest from."""
        worker, self.worker = self.worker, None
        if worker is not None:
            worker.kill()

    def _hear(self, job: Job, head: dict[str, Any]) -> None:
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

    def _task(self, job: Job, spare: int) -> Task:
        source, folder = str(job.upload), str(job.folder)
        return Task(source, folder, job.name, job.kind.value, job.container, self.max_s, job.size + spare)

    def _new_worker(self) -> Worker:
        sections = self._config.model_dump(mode="json", include=_SECTIONS)
        sections["model"]["threads"] = 1
        return Worker(
            self.entry,
            {"config": sections, "idle": self.idle, "still": self._kind is Kind.PICTURE},
            limits=Limits(memory=MEMORY, file=max(self._most_bytes(), MIB)),
            idle_s=_IDLE_WORKER_S,
        )
