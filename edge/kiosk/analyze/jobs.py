"""State of each uploaded file, and of each visitor who sent some."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from edge.kiosk.topic_cache import ChangeNotifier, TopicCache

if TYPE_CHECKING:
    import asyncio
    from pathlib import Path

    from edge.analysis.inputs import Kind
    from edge.kiosk.paths import Client


class State(StrEnum):
    """Stages of a file from upload to result."""

    ANNOUNCED = "announced"
    UPLOADING = "uploading"
    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


@dataclass(slots=True, eq=False)
class Job:
    """One file of ``size`` bytes, as announced; ``held`` are those that it and its results take."""

    id: str
    name: str
    kind: Kind
    container: str
    size: int
    folder: Path
    held: int
    state: State = State.ANNOUNCED
    done: float = 0.0
    time_s: float = 0.0
    since_s: float = field(default_factory=time.monotonic)
    error: str = ""
    detail: str = ""
    cancelled: bool = False

    @property
    def upload(self) -> Path:
        """The file as it was sent; gone once it is read."""
        return self.folder / "upload"

    @property
    def promised(self) -> int:
        """Bytes that were announced and have not come."""
        return self.size - self.held if self.state in {State.ANNOUNCED, State.UPLOADING} else 0

    @property
    def pending(self) -> bool:
        """True until it is read, or cannot be."""
        return self.state not in {State.DONE, State.FAILED}

    def move(self, state: State) -> None:
        """Enter ``state`` now."""
        self.state = state
        self.since_s = time.monotonic()

    def left_s(self) -> float | None:
        """Seconds that reading it still takes, as far as the pace so far tells."""
        elapsed_s = time.monotonic() - self.since_s
        if self.state is not State.RUNNING or self.done < 0.02 or elapsed_s < 1:
            return None
        return elapsed_s / self.done * (1 - self.done)

    def as_dict(self, before: int | None) -> dict[str, Any]:
        """For the page; ``before`` are the files whose turn comes first."""
        left_s = self.left_s()
        return {
            "id": self.id,
            "name": self.name,
            "kind": self.kind.value,
            "state": self.state.value,
            "done": round(self.done, 3),
            "time_s": round(self.time_s, 1),
            "left_s": None if left_s is None else round(left_s),
            "before": before,
            "error": self.error,
            "detail": self.detail,
        }


class VisitorSession:
    """One browser's files, and its pages that are open; it counts for the ``client`` who entered it first."""

    def __init__(self, identity: str, client: Client, loop: asyncio.AbstractEventLoop) -> None:
        self.identity = identity
        self.client = client
        self.jobs: dict[str, Job] = {}
        self.board = TopicCache()
        self.bell = ChangeNotifier(loop)
        self.board.on_change(self.bell.ring)
        self.tabs: set[str] = set()
        self.served = 0
        self.touch()

    def touch(self) -> None:
        """Something was asked for just now."""
        self.seen_s = time.monotonic()

    @property
    def busy(self) -> bool:
        """True while a file of it is on its way."""
        return any(job.pending for job in self.jobs.values())
