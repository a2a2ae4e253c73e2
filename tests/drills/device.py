"""The publishing process is killed with SIGKILL at random moments and restarted.

Run as ``python -m tests.drills.device BROKER FOLDER TOTAL RATE SEED`` this module is that process: it continues
from the state of the outbox, writes a line for each message before queueing it, and ends when the node has made
``TOTAL`` messages over all processes and the broker has them.
"""

from __future__ import annotations

import random
import subprocess
import sys
import threading
import time
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from edge.bench.mosquitto import Mosquitto
from tests.drills.feed import TOPICS, DrillFeed
from tests.drills.listener import DrillListener
from tests.drills.report import FeedReport, MessageMark, account

if TYPE_CHECKING:
    from collections.abc import Callable

RATE = 1000.0
"""Messages per second."""
_ALIVE_S = (0.05, 1.2)
_FINISH_S = 300.0
"""Patience in seconds for the last process, which sends the backlog: Mosquitto saves often, and slowly on a busy
machine.
"""
_PATIENCE_S = 20.0


class DeviceProcess:
    """One process of the device; ``made`` are its messages, committed or not."""

    def __init__(self, *arguments: str) -> None:
        command = [sys.executable, "-m", "tests.drills.device", *arguments]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        self.next_seq: dict[str, int] = {}
        self.made: list[MessageMark] = []
        self._begun = threading.Event()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def kill_after(self, seconds: float, total: int) -> int:
        """Kill the process ``seconds`` after it began to publish, unless it already has all ``total`` messages.

        Return its exit status.
        """
        self._begun.wait(_PATIENCE_S)
        try:
            self._process.wait(_FINISH_S if sum(self.next_seq.values()) >= total else seconds)
        except subprocess.TimeoutExpired:
            self._process.kill()
        self._reader.join()
        return self._process.wait()

    def _read(self) -> None:
        stream = self._process.stdout
        assert stream is not None
        with stream:
            for line in stream:
                if not line.endswith("\n"):
                    break  # killed while writing: the message was not queued
                word, *rest = line.split()
                if word == "begin":
                    self.next_seq = {"event": int(rest[0]), "aggregate": int(rest[1])}
                    self._begun.set()
                else:
                    self.made.append(MessageMark(word, int(rest[0]), rest[1]))
        self._begun.set()


def run(folder: Path, *, events: int, seed: int, progress: Callable[[float], None]) -> FeedReport:
    """Publish ``events`` messages from a process that is killed repeatedly."""
    chance, begun_s = random.Random(seed), time.monotonic()
    processes: list[DeviceProcess] = []
    with ExitStack() as stack:
        broker = stack.enter_context(Mosquitto(folder / "broker"))
        listener = stack.enter_context(DrillListener(broker.port, TOPICS))
        status = -1
        while status:
            processes.append(DeviceProcess(broker.uri, str(folder), str(events), str(RATE), str(seed + len(processes))))
            status = processes[-1].kill_after(chance.uniform(*_ALIVE_S), events)
            progress(listener.count)
            if status > 0 or sum(processes[-1].next_seq.values()) >= events:
                break
        listener.wait_for(events, _PATIENCE_S)
        received = listener.received()
    sent, unsaved = _sort_out(processes)
    faults = [f"the device's process ended with status {status}"] if status else []
    done = (
        f"the publishing process was killed with SIGKILL {len(processes) - 1} times and went on by its outbox",
        f"{len(unsaved):,} messages were made but not yet committed at the kills: their numbers were given again",
    )
    if len(sent) != events:
        faults.append(f"{len(sent):,} messages were committed, not {events:,}")
    seconds = time.monotonic() - begun_s
    return account("device", sent, received, done=done, seconds=seconds, unsaved=unsaved, faults=faults)


def _sort_out(processes: list[DeviceProcess]) -> tuple[list[MessageMark], list[MessageMark]]:
    """Split the messages into committed and uncommitted, by the number that the next process starts with."""
    sent: list[MessageMark] = []
    unsaved: list[MessageMark] = []
    for process, successor in zip(processes, [*processes[1:], None], strict=True):
        for mark in process.made:
            is_committed = successor is None or mark.seq < successor.next_seq.get(mark.stream, 0)
            (sent if is_committed else unsaved).append(mark)
    return sent, unsaved


def _live(broker: str, folder: str, total: str, rate: str, seed: str) -> None:
    """Run the device's process."""
    with DrillFeed(broker, Path(folder), seed=int(seed)) as feed:
        numbers = feed.outbox.next_seq()
        print(f"begin {numbers['event']} {numbers['aggregate']}", flush=True)  # noqa: T201 - for our parent
        feed.publish(int(total) - feed.begun, float(rate), lambda mark: print(*mark, flush=True))  # noqa: T201
        feed.wait_until_empty(_PATIENCE_S)


if __name__ == "__main__":
    _live(*sys.argv[1:])
