"""Whatever happens in whatever order: every message leaves, in order, and none before it is on the disk."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from edge.config import OutboxConfig
from edge.sinks.mqtt.outbox import stream_queue
from edge.sinks.mqtt.outbox.file import OutboxFile
from edge.sinks.mqtt.outbox.state import OutboxState
from edge.sinks.mqtt.outbox.writer import OutboxWriter
from edge.sinks.mqtt.topics import Publication, Topics
from edge.util.sqlite import FileFault

if TYPE_CHECKING:
    from collections.abc import Iterator

TOPICS = Topics.of("face-edge", "n1")
STREAMS = {"event": TOPICS.event, "aggregate": TOPICS.aggregate}


class Device(RuleBasedStateMachine):
    """An outbox of which each step of the writer is one of the machine's; a broker that takes all it acknowledges."""

    @initialize()
    def begin(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="outbox-test-"))
        self.next_seq = dict.fromkeys(STREAMS, 0)
        self.committed: dict[str, list[int]] = {stream: [] for stream in STREAMS}
        self.received: dict[str, list[int]] = {stream: [] for stream in STREAMS}
        self.in_flight: list[stream_queue.Entry] = []
        self.full = False
        self._start()

    def _start(self) -> None:
        self.lock = threading.Condition()
        self.backlog = OutboxState(STREAMS, unsaved_max=1000, retry_max_s=0.0)
        self.keeper = OutboxWriter(self.folder / "o.sqlite3", TOPICS, self.backlog, self.lock, OutboxConfig())
        self.keeper.open()
        self.number = dict(self.backlog.next_seq)

    @rule(stream=st.sampled_from(sorted(STREAMS)), count=st.integers(1, 4))
    def put(self, stream: str, count: int) -> None:
        for _ in range(count):
            seq = self.number[stream]
            self.number[stream] += 1
            self.backlog.put(Publication(STREAMS[stream], str(seq), seq=seq), self.keeper.now_s())

    @rule()
    def commit(self) -> None:
        with self._disk():
            self.keeper._retry_s = 0.0
            self.keeper.turn()
        if not self.full:
            for stream in STREAMS:
                begun = len(self.committed[stream])
                self.committed[stream] += range(begun, self.number[stream])

    @rule()
    def send(self) -> None:
        entry = self.backlog.take(0.0)
        if entry is not None:
            assert entry.saved or self.backlog.allow_unsaved
            assert self.backlog.allow_unsaved or entry.publication.seq in self.committed[entry.publication.topic.kind]
            self.in_flight.append(entry)
            # the worst case: the broker has it from now on, whether or not its receipt comes back
            self.received[entry.publication.topic.kind].append(int(entry.publication.payload))

    @precondition(lambda self: self.in_flight)
    @rule()
    def acknowledge(self) -> None:
        self.backlog.acknowledged(self.in_flight.pop(0))

    @rule()
    def reconnect(self) -> None:
        self.backlog.give_back()
        self.in_flight.clear()

    @rule(full=st.booleans())
    def fill_disk(self, *, full: bool) -> None:
        self.full = full

    @precondition(lambda self: not self.backlog.allow_unsaved)
    @rule()
    def kill(self) -> None:
        """What was not committed has not been sent either, and its numbers are given again."""
        self.in_flight.clear()
        self.keeper.close()
        self._start()
        for stream, committed in self.committed.items():
            assert self.number[stream] == len(committed)

    @contextlib.contextmanager
    def _disk(self) -> Iterator[None]:
        original = OutboxFile.write

        def refuse(*_arguments: Any, **_named: Any) -> Any:
            msg = "no room"
            raise FileFault(msg, full=True)

        OutboxFile.write = refuse if self.full else original  # type: ignore[method-assign]
        try:
            yield
        finally:
            OutboxFile.write = original  # type: ignore[method-assign]

    @invariant()
    def first_arrivals_are_in_order_and_without_gaps(self) -> None:
        for stream in STREAMS:
            firsts = list(dict.fromkeys(self.received[stream]))
            assert firsts == list(range(len(firsts)))

    def teardown(self) -> None:
        if not hasattr(self, "folder"):
            return
        self.full = False
        self.reconnect()
        for _ in range(3):
            self.commit()
            while (entry := self.backlog.take(0.0)) is not None:
                self.received[entry.publication.topic.kind].append(int(entry.publication.payload))
                self.backlog.acknowledged(entry)
        for stream in STREAMS:
            assert set(self.received[stream]) == set(range(self.number[stream]))
        assert (len(self.backlog), self.backlog.drops) == (0, 0)
        self.keeper.close()
        shutil.rmtree(self.folder)


class SmallMemory(Device):
    """With so small a read-ahead that most messages wait in the file alone."""

    @initialize()
    def begin(self) -> None:
        self.read_ahead = stream_queue.READ_AHEAD
        stream_queue.READ_AHEAD = 2
        super().begin()

    def teardown(self) -> None:
        try:
            super().teardown()
        finally:
            stream_queue.READ_AHEAD = self.read_ahead


TestDevice = Device.TestCase
TestDevice.settings = settings(max_examples=25, stateful_step_count=30, deadline=None)
TestSmallMemory = SmallMemory.TestCase
TestSmallMemory.settings = settings(max_examples=25, stateful_step_count=30, deadline=None)
