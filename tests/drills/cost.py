"""Cost of the outbox: ``python -m tests.drills.cost FOLDER`` prints the figures of docs/outbox.md in a minute.

Bytes are the kernel's ``write_bytes`` of this process (/proc/self/io): pages written to storage, without the file
system's own journal. ``FOLDER`` must be on a disk, not on a tmpfs.
"""

from __future__ import annotations

import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from edge.config import OutboxConfig
from edge.sinks.mqtt.outbox import Outbox
from edge.sinks.mqtt.outbox.file import Bounds, OutboxFile, Row
from edge.sinks.mqtt.topics import Publication
from tests.drills.feed import TOPICS

if TYPE_CHECKING:
    from collections.abc import Callable

PAYLOAD = "x" * 330
"""Payload with the size of an event with all its fields."""
_AHEAD = 5000
"""Maximum number of messages in the outbox without a fixed rate."""
_UNBOUND = Bounds(10**9, 0.0)


@dataclass(frozen=True, slots=True)
class Cost:
    """Cost of ``events`` messages through the outbox; ``commits`` is the number of commits."""

    what: str
    events: int
    commits: int
    seconds: float
    written_bytes: int

    def line(self) -> str:
        """Return a row of the table in the docs."""
        each = self.written_bytes / self.events
        rate = self.events / self.seconds
        return f"| {self.what} | {self.events:,} | {self.commits:,} | {rate:,.0f} | {each:,.0f} |"


def one_by_one(path: Path, events: int) -> Cost:
    """Commit each message and each deletion separately, as without batching."""
    file = OutboxFile(path)

    def play() -> int:
        for number in range(1, events + 1):
            file.write([_row(number)], (), {"event": number}, bounds=_UNBOUND)
            file.write((), (number,), {"event": number}, bounds=_UNBOUND)
        file.close()
        return 2 * events

    return _measured("a commit for each message and each deletion", events, play)


def alone(path: Path, events: int) -> Cost:
    """Send messages one at a time, each with the deletion of the previous one, as at one per second."""
    file = OutboxFile(path)

    def play() -> int:
        for number in range(1, events + 1):
            file.write([_row(number)], (number - 1,), {"event": number}, bounds=_UNBOUND)
        file.close()
        return events

    return _measured("the outbox, messages one at a time", events, play)


def burst(path: Path, events: int, rate: float | None) -> Cost:
    """Send messages through the running outbox, acknowledged as soon as they may be sent."""
    outbox = Outbox(path, TOPICS, OutboxConfig(max_messages=events)).open()
    commits = _count_commits(outbox)
    ready = threading.Event()
    outbox.listen(ready.set)

    def put() -> None:
        begun_s = time.monotonic()
        for number in range(events):
            if rate is not None and (ahead_s := number / rate - (time.monotonic() - begun_s)) > 0:
                time.sleep(ahead_s)
            while rate is None and outbox.depth >= _AHEAD:
                time.sleep(0.001)
            outbox.put(Publication(TOPICS.event, PAYLOAD, seq=number))

    def play() -> int:
        putter = threading.Thread(target=put)
        putter.start()
        taken = 0
        while taken + outbox.drops < events:
            ready.wait(1.0)
            ready.clear()
            while (entry := outbox.take()) is not None:
                outbox.acknowledged(entry)
                taken += 1
        putter.join()
        outbox.close()
        return len(commits)

    what = "the outbox, as fast as it goes" if rate is None else f"the outbox, {rate:,.0f} a second"
    return _measured(what, events, play)


def _count_commits(outbox: Outbox) -> list[int]:
    """Return a list that grows by one with each transaction."""
    commits: list[int] = []
    keeper = outbox._writer
    file = None if keeper is None else keeper._file
    if file is not None:
        file._connection.set_trace_callback(lambda text: commits.append(1) if text == "COMMIT" else None)
    return commits


def _measured(what: str, events: int, play: Callable[[], int]) -> Cost:
    written, begun_s = _written_bytes(), time.monotonic()
    commits = play()
    return Cost(what, events, commits, time.monotonic() - begun_s, _written_bytes() - written)


def _row(number: int) -> Row:
    return Row(number, "event", time.time(), number - 1, PAYLOAD)


def _written_bytes() -> int:
    lines = Path("/proc/self/io").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("write_bytes"))


def _main(folder: str) -> None:
    print("| what | messages | commits | messages/s | bytes/message |\n|---|---|---|---|---|")  # noqa: T201
    measures: tuple[Callable[[Path], Cost], ...] = (
        lambda path: one_by_one(path, 1000),
        lambda path: alone(path, 2000),
        lambda path: burst(path, 1000, 100.0),
        lambda path: burst(path, 5000, 1000.0),
        lambda path: burst(path, 20_000, None),
    )
    with tempfile.TemporaryDirectory(dir=folder) as place:
        for index, measure in enumerate(measures):
            print(measure(Path(place, f"{index}.sqlite3")).line(), flush=True)  # noqa: T201


if __name__ == "__main__":
    _main(sys.argv[1] if len(sys.argv) > 1 else ".")
