"""Has a process read one file, and ends it afterwards, or when it crashes, falls silent or takes too long."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from contextlib import contextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from edge.analysis.inputs import Kind
from edge.kiosk.analyze.handler import Task
from edge.kiosk.analyze.jobs import Job, State
from edge.kiosk.worker import Limits, Message, Program, Template, Worker, WorkerFailed
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
_IDLE_S = 20.0
"""How long the template stays after the last file."""
_SECTIONS = {"node", "model", "detector", "tracker", "smoothing", "primary", "analyze"}


class Reader:
    """A process for each file, which no file sees that another one was read by.

    ``idle`` false leaves it its turn beside other processes.

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
        self._template: Template | None = None
        self._limits: tuple[asyncio.Timeout, asyncio.Timeout] | None = None

    async def read(self, job: Job, spare: int, tell: Callable[[], None]) -> None:
        """Bring ``job`` to its end; ``spare`` are the bytes that its results may take, ``tell`` hears of progress.

        Cancelling ends its process at once.
        """
        message = Message(asdict(self._task(job, spare)))
        access = Access(write=(str(job.folder),))
        whole_s = PICTURE_S + (_PACE * self.max_s if job.kind is Kind.VIDEO else 0.0)
        worker = self.worker = Worker(self.template)
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
            worker.kill()  # a file that took it over does not see the next one
        if job.error:
            job.move(State.FAILED)

    @contextmanager
    def paused(self, job: Job) -> Iterator[None]:
        """Let the worker that reads ``job`` stand still inside the block; the time does not count."""
        started_s = time.monotonic()
        limits = [(limit, limit.when()) for limit in self._limits or () if not limit.expired()]
        for limit, _ in limits:
            limit.reschedule(None)
        worker = self.worker
        if worker is not None:
            worker.pause()
        try:
            yield
        finally:
            paused_s = time.monotonic() - started_s
            job.since_s += paused_s
            if self._limits is not None:  # else it has ended meanwhile, cancelled for example
                for limit, when in limits:
                    limit.reschedule(None if when is None else when + paused_s)
            if worker is not None:
                worker.resume()

    def prepare(self) -> None:
        """Load what files will need; one is on its way."""
        self.template.prepare()

    def kill(self) -> None:
        """End every process; the next file starts them again."""
        if self.worker is not None:
            self.worker.kill()
        template, self._template = self._template, None
        if template is not None:
            template.kill()

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

    @property
    def template(self) -> Template:
        """Return the template that worker processes are forked from."""
        if self._template is None:
            sections = self._config.model_dump(mode="json", include=_SECTIONS)
            sections["model"]["threads"] = 1
            program = Program(
                self.entry,
                {"config": sections, "idle": self.idle, "still": self._kind is Kind.PICTURE},
                limits=Limits(memory=MEMORY, file=max(self._most_bytes(), MIB)),
            )
            self._template = Template(program, idle_s=_IDLE_S)
        return self._template
