"""Writer of the outbox's file: decides when to write and recovers from faults.

An SD card wears with each commit, so a burst is one transaction per ``commit_interval_s``, and deletions are written
along with it. Alone they wait up to a minute: messages that reappear after a power cut are merely sent twice.
"""

from __future__ import annotations

import logging
import math
import time
from typing import TYPE_CHECKING

from edge.sinks.mqtt.outbox.file import Bounds, OutboxFile, Row, counters_of_copy
from edge.sinks.mqtt.outbox.stream_queue import READ_AHEAD, Entry
from edge.sinks.mqtt.topics import Publication
from edge.util.backoff import Backoff
from edge.util.sqlite import FileDamaged, FileFault, set_aside

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable
    from pathlib import Path

    from edge.config import OutboxConfig
    from edge.sinks.mqtt.outbox.state import OutboxState
    from edge.sinks.mqtt.topics import Topics

_LOG = logging.getLogger(__name__)
_DELETIONS_WAIT_S = 60.0
_DELETIONS_MAX = 500
_CLOCK_STEP_S = 60.0
_FIRST_RETRY_S, _RETRY_MAX_S = 1.0, 30.0
_RESCUE_MAX = 10_000


class OutboxWriter:
    """Used by one thread, except ``due_s``, ``now_s`` and ``wants_more``, which require ``lock`` to be held."""

    def __init__(
        self, path: Path, topics: Topics, state: OutboxState, lock: threading.Condition, settings: OutboxConfig
    ) -> None:
        self.path = path
        self._topics = {topic.kind: topic for topic in (topics.event, topics.aggregate)}
        self._state = state
        self._lock = lock
        self._settings = settings
        self._file: OutboxFile | None = None
        self._inode = 0
        self._fault = False
        self._retry = Backoff(first_s=_FIRST_RETRY_S, max_s=_RETRY_MAX_S)
        self._retry_s = 0.0
        self._written_s = -math.inf
        self._clock_offset_s = time.time() - time.monotonic()
        self._first_own = 1
        self._event = topics.event.kind
        self._on_commit: Callable[[list[int]], None] = lambda _numbers: None
        self._on_failure: Callable[[], None] = lambda: None

    def watch(self, on_commit: Callable[[list[int]], None], on_failure: Callable[[], None]) -> None:
        """Set the callbacks, as :meth:`edge.sinks.mqtt.outbox.Outbox.watch` does."""
        self._on_commit, self._on_failure = on_commit, on_failure

    def now_s(self) -> float:
        """Return Unix time in seconds that does not jump while a message waits."""
        return time.monotonic() + self._clock_offset_s

    @property
    def wants_more(self) -> bool:
        """True if more messages should be read from the file and it is open."""
        return self._file is not None and any(queue.wants_more for queue in self._state.queues.values())

    def due_s(self) -> float:
        """Return the time of the next ``turn`` on the monotonic clock, in seconds."""
        state, file = self._state, self._file
        if self.wants_more:
            return -math.inf
        owed = bool(state.unsaved or state.gone) or file is None or file.counters != state.next_seq
        if self._fault:
            return self._retry_s if owed else math.inf
        if state.unsaved or len(state.gone) >= _DELETIONS_MAX:
            return self._written_s + self._settings.commit_interval_s
        return self._written_s + _DELETIONS_WAIT_S if owed else math.inf

    def open(self) -> None:
        """Open the file; a failure is logged, and ``turn`` tries again."""
        self._guard(self._open)
        if self._file is None:
            with self._lock:
                self._state.count_from(counters_of_copy(self.path))

    def turn(self, *, last: bool = False) -> None:
        """Write what is due and read ahead; ``last`` also writes what is not due yet."""
        if last or not self._fault or time.monotonic() >= self._retry_s:
            self._guard(self._write)
        if not last and self.wants_more:
            self._guard(self._read_ahead)

    def close(self) -> None:
        """Close the file; idempotent."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def _guard(self, step: Callable[[], None]) -> None:
        """Run ``step``; replace a damaged file, and log any other fault once and retry later."""
        try:
            try:
                step()
            except FileDamaged as damage:
                self._replace(damage)
        except FileFault as fault:
            self._fail(fault)

    def _open(self) -> None:
        """Open the file and update the state with its content."""
        file = OutboxFile(self.path)
        with self._lock:
            self._file, state = file, self._state
            if not self._inode:
                state.number_from(file.last)
                for stream, queue in state.queues.items():
                    queue.beyond, queue.loaded_to = file.counts.get(stream, 0), 0
                self._first_own = file.last + 1
            elif file.inode != self._inode:
                state.file_is_new()
            state.count_from(file.counters)
            state.skip_file = False
            self._inode = file.inode

    def _replace(self, damage: FileDamaged) -> None:
        self.close()
        aside = set_aside(self.path, damage.label)
        with self._lock:
            lost = self._state.file_is_new()
        self._inode = self._inode or -1
        self._open()
        loss = f" and {lost} events in it are lost" if lost else ""
        _LOG.error("%s %s: it was renamed to %s%s; a new file was created", self.path, damage, aside.name, loss)

    def _write(self) -> None:
        """Write everything that has accumulated in one transaction."""
        if self._file is not None and self._file.vanished:
            self._leave_vanished(self._file)
        if self._file is None:
            self._open()
        file = self._file
        assert file is not None  # noqa: S101 - opened just now
        self._follow_clock(file)
        with self._lock:
            batch = list(self._state.unsaved.values())
            gone = list(self._state.gone)
            in_flight, counters = self._state.in_flight, dict(self._state.next_seq)
        if not batch and not gone and counters == file.counters:
            return
        bounds = Bounds(self._settings.max_messages, self.now_s() - self._settings.max_age_s)
        dropped = file.write([_row(entry) for entry in batch], gone, counters, bounds=bounds, in_flight=in_flight)
        self._written_s = time.monotonic()
        with self._lock:
            self._state.committed(batch, gone, dropped)
            self._state.allow_unsaved = False
        self._on_commit([entry.publication.seq or 0 for entry in batch if entry.publication.topic.kind == self._event])
        if self._fault:
            self._fault = False
            self._retry.reset()
            _LOG.info("%s can be written again", self.path)

    def _read_ahead(self) -> None:
        for stream, queue in self._state.queues.items():
            if self._file is not None and queue.wants_more:
                self._load(self._file, stream, READ_AHEAD)

    def _load(self, file: OutboxFile, stream: str, limit: int) -> None:
        queue = self._state.queues[stream]
        rows = file.read(stream, queue.loaded_to, limit)
        with self._lock:
            known = {entry.number for entry in queue.in_memory()} | self._state.gone
            entries = [self._entry(row) for row in rows if row.number not in known]
            read_to = rows[-1].number if rows else 0
            queue.loaded(entries, read_to, exhausted=len(rows) < limit)

    def _leave_vanished(self, file: OutboxFile) -> None:
        """Rescue what only the open file holds, after its path was removed or replaced."""
        _LOG.error("%s has disappeared: it is recreated", self.path)
        try:
            for stream, queue in self._state.queues.items():
                if queue.beyond:
                    self._load(file, stream, _RESCUE_MAX)
        except FileFault:
            _LOG.warning("the events waiting in %s could not be read", self.path)
        self.close()
        with self._lock:
            self._state.file_is_new()
        self._inode = -1

    def _follow_clock(self, file: OutboxFile) -> None:
        """Adjust message times after the clock was set late, as on a board without a battery-backed clock."""
        step_s = time.time() - self.now_s()
        if abs(step_s) < _CLOCK_STEP_S:
            return
        file.shift(step_s, self._first_own)
        with self._lock:
            self._clock_offset_s += step_s
            for entry in self._state.unsaved.values():
                entry.at_s += step_s

    def _fail(self, fault: FileFault) -> None:
        """Continue without the file; a full disk can still be read."""
        if not fault.full:
            self.close()
        with self._lock:
            self._state.allow_unsaved = True
            self._state.skip_file = self._file is None
        if not self._fault:
            self._fault = True
            _LOG.error("%s cannot be used: %s; events are kept in memory until it can", self.path, fault)
        self._retry_s = time.monotonic() + self._retry.next_s()
        self._on_failure()

    def _entry(self, row: Row) -> Entry:
        publication = Publication(self._topics[row.stream], row.payload, seq=row.seq)
        return Entry(row.number, publication, row.at_s, saved=True)


def _row(entry: Entry) -> Row:
    publication = entry.publication
    assert publication.seq is not None  # noqa: S101 - nothing else is put into the outbox
    return Row(entry.number, publication.topic.kind, entry.at_s, publication.seq, publication.payload)
