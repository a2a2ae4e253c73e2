"""In-memory state of the messages that wait for the broker; pure and not thread-safe by itself.

A message may be sent once it is saved, or at once if there is no file to save it (``allow_unsaved``). Streams are
independent: one that the broker refuses does not delay the others.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from edge.sinks.mqtt.outbox.stream_queue import Entry, StreamQueue

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from edge.sinks.mqtt.topics import Publication


class OutboxState:
    """All streams of the outbox: ``put``, ``take``, then ``acknowledged``, ``refused`` or ``give_back``.

    The writer reports each commit by ``committed``. ``unsaved_max`` bounds the messages that are only in memory: beyond
    it the oldest waiting one is dropped and counted.
    """

    def __init__(
        self, streams: Iterable[str], *, unsaved_max: int, retry_max_s: float, allow_unsaved: bool = False
    ) -> None:
        self.queues = {stream: StreamQueue(retry_max_s=retry_max_s) for stream in streams}
        self.unsaved: dict[int, Entry] = {}
        self.gone: set[int] = set()
        self.allow_unsaved = allow_unsaved
        self.skip_file = False
        self.next_seq = dict.fromkeys(self.queues, 0)
        self.overflow = 0
        self._lost = 0
        self._unsaved_max = unsaved_max
        self._next_number = 1

    def __len__(self) -> int:
        return sum(len(queue) for queue in self.queues.values())

    @property
    def drops(self) -> int:
        """Number of messages lost: at the bounds (``overflow``), with a lost file, or never accepted by the broker."""
        return self.overflow + self._lost

    @property
    def in_flight(self) -> set[int]:
        """Numbers of the messages in flight to the broker."""
        return {number for queue in self.queues.values() for number in queue.taken}

    @property
    def idle(self) -> bool:
        """True when nothing is in flight and the only waiting messages are those that the broker refuses now."""
        return all(not queue.taken and (not len(queue) or queue.held) for queue in self.queues.values())

    def count_from(self, counters: Mapping[str, int]) -> None:
        """Continue the numbers of the streams from at least ``counters``."""
        for stream in self.next_seq:
            self.next_seq[stream] = max(self.next_seq[stream], counters.get(stream, 0))

    def number_from(self, last: int) -> None:
        """Renumber the messages in memory so that they follow ``last``, the last number in the file."""
        lift = max(0, last + 1 - min(self.unsaved, default=self._next_number))
        if not lift:
            return
        for queue in self.queues.values():
            entries = queue.in_memory()
            for entry in entries:
                entry.number += lift
            queue.taken = {entry.number: entry for entry in queue.taken.values()}
        self.unsaved = {entry.number: entry for entry in self.unsaved.values()}
        self._next_number += lift

    def put(self, publication: Publication, at_s: float) -> None:
        """Add a message at the end of its stream."""
        if len(self.unsaved) >= self._unsaved_max:
            self._drop_oldest_unsaved()
        entry = Entry(self._next_number, publication, at_s)
        self._next_number += 1
        self.unsaved[entry.number] = entry
        stream = publication.topic.kind
        self.queues[stream].fresh.append(entry)
        self.next_seq[stream] = max(self.next_seq[stream], (publication.seq or 0) + 1)

    def take(self, now_s: float) -> Entry | None:
        """Return the oldest message that may be sent now."""
        best: Entry | None = None
        for queue in self.queues.values():
            head = queue.head(now_s, allow_unsaved=self.allow_unsaved, skip_file=self.skip_file)
            if head is not None and (best is None or head.number < best.number):
                best = head
        if best is not None:
            self._queue_of(best).take(best)
        return best

    def acknowledged(self, entry: Entry) -> None:
        """Mark ``entry`` as acknowledged by the broker."""
        self._queue_of(entry).acknowledged(entry)
        self._forget(entry)

    def refused(self, entry: Entry, now_s: float) -> None:
        """Put ``entry`` back: the broker refuses it now but may accept it later."""
        self._queue_of(entry).refused(entry, now_s)

    def rejected(self, entry: Entry) -> None:
        """Drop and count ``entry``, which the broker will never accept."""
        self.acknowledged(entry)
        self._lost += 1

    def give_back(self) -> None:
        """Requeue unacknowledged messages after the connection was lost."""
        for queue in self.queues.values():
            queue.give_back()

    def committed(self, batch: Iterable[Entry], deleted: Iterable[int], dropped: Iterable[tuple[int, str]]) -> None:
        """Record that a commit stored ``batch`` and removed ``deleted`` and, at the bounds, ``dropped``."""
        self.gone.difference_update(deleted)
        for entry in batch:
            entry.saved = True
            self.unsaved.pop(entry.number, None)
            if entry.gone:
                self.gone.add(entry.number)
        for queue in self.queues.values():
            queue.settle()
        self.overflow += sum(self._lost_from_file(number, stream) for number, stream in dropped)

    def file_is_new(self) -> int:
        """Mark everything in memory as unsaved and return how many messages were only in the lost file."""
        lost = 0
        for queue in self.queues.values():
            lost += queue.beyond
            queue.beyond = 0
        self.gone.clear()
        entries = sorted((e for queue in self.queues.values() for e in queue.in_memory()), key=lambda e: e.number)
        for entry in entries:
            entry.saved = False
        self.unsaved = {entry.number: entry for entry in entries}
        self._lost += lost
        return lost

    def drop_older_than(self, at_s: float) -> None:
        """Drop messages from before ``at_s`` (Unix seconds) that are only in memory."""
        while (oldest := self._oldest_unsaved()) is not None and oldest.at_s < at_s:
            self._drop(oldest)

    def _lost_from_file(self, number: int, stream: str) -> bool:
        queue = self.queues.get(stream)
        if queue is None:
            return True
        first = next((entry for entry in queue.ready if entry.number == number), None)
        if first is not None:
            first.gone = True
            queue.discard(first)
            return True
        if queue.beyond and number > queue.loaded_to:
            queue.beyond -= 1
            return True
        return False  # in flight, or acknowledged meanwhile

    def _oldest_unsaved(self) -> Entry | None:
        for entry in self.unsaved.values():
            if entry.number not in self._queue_of(entry).taken:
                return entry
        return None

    def _drop_oldest_unsaved(self) -> None:
        oldest = self._oldest_unsaved()
        if oldest is not None:
            self._drop(oldest)

    def _drop(self, entry: Entry) -> None:
        self._queue_of(entry).discard(entry)
        self._forget(entry)
        self.overflow += 1

    def _forget(self, entry: Entry) -> None:
        entry.gone = True
        if entry.saved:
            self.gone.add(entry.number)
        else:
            self.unsaved.pop(entry.number, None)

    def _queue_of(self, entry: Entry) -> StreamQueue:
        return self.queues[entry.publication.topic.kind]
