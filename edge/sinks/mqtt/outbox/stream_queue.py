"""One stream of numbered messages (events, or aggregates) as far as it is in memory; pure."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

from edge.util.backoff import Backoff

if TYPE_CHECKING:
    from edge.sinks.mqtt.topics import Publication

READ_AHEAD = 1000
"""Maximum number of saved messages of a stream in memory; the rest stays in the file."""
_FIRST_PAUSE_S = 10.0


@dataclass(slots=True, eq=False)
class Entry:
    """A message in the outbox.

    ``number`` orders the messages of all streams in the file; ``at_s`` is when it was put, in Unix seconds; ``gone`` is
    set once it is acknowledged or dropped.
    """

    number: int
    publication: Publication
    at_s: float
    saved: bool = False
    gone: bool = False


class StreamQueue:
    """Messages of one stream, oldest first: ``taken``, then ``ready``, then ``beyond`` in the file, then ``fresh``.

    ``taken`` are in flight to the broker; ``ready`` come next; ``beyond`` counts those that are only in the file, with
    numbers above ``loaded_to``; ``fresh`` are not in the file yet.
    """

    def __init__(self, *, retry_max_s: float) -> None:
        self.taken: dict[int, Entry] = {}
        self.ready: deque[Entry] = deque()
        self.beyond = 0
        self.loaded_to = 0
        self.fresh: deque[Entry] = deque()
        self._pause = Backoff(first_s=_FIRST_PAUSE_S, max_s=retry_max_s)
        self._held_until_s = 0.0
        self._probing = False

    def __len__(self) -> int:
        return len(self.taken) + len(self.ready) + self.beyond + len(self.fresh)

    @property
    def held(self) -> bool:
        """True from a refusal until the broker accepts a message again."""
        return self._probing

    @property
    def wants_more(self) -> bool:
        """True if more messages should be read from the file."""
        return self.beyond > 0 and len(self.ready) <= READ_AHEAD // 2

    def head(self, now_s: float, *, allow_unsaved: bool, skip_file: bool = False) -> Entry | None:
        """Return the message to send next, if one may be sent.

        ``allow_unsaved`` allows unsaved messages when there is no file to wait for; ``skip_file`` ignores the messages
        in the file when it cannot be read. After a refusal a single message is sent first.
        """
        if self._probing and (self.taken or now_s < self._held_until_s):
            return None
        if self.ready:
            return self.ready[0] if self.ready[0].saved or allow_unsaved else None
        if self.fresh and allow_unsaved and (skip_file or not self.beyond):
            return self.fresh[0]
        return None

    def take(self, entry: Entry) -> None:
        """Move ``entry``, which ``head`` returned, to those in flight."""
        if self.ready:
            self.ready.popleft()
        else:
            self.fresh.popleft()
            if not self.beyond:
                self.loaded_to = entry.number
        self.taken[entry.number] = entry

    def acknowledged(self, entry: Entry) -> None:
        """Remove ``entry``, which the broker accepted, and lift any pause."""
        self.taken.pop(entry.number, None)
        if self._probing:
            self._probing = False
            self._pause.reset()

    def refused(self, entry: Entry, now_s: float) -> None:
        """Put ``entry`` back and pause the stream, since the broker refuses it now."""
        del self.taken[entry.number]
        self._insert([entry])
        if not self._probing or now_s >= self._held_until_s:
            self._held_until_s = now_s + self._pause.next_s()
        self._probing = True

    def give_back(self) -> None:
        """Requeue messages in flight for a new connection and lift the pause."""
        self._insert(self.taken.values())
        self.taken.clear()
        self._held_until_s = 0.0

    def loaded(self, entries: list[Entry], read_to: int, *, exhausted: bool) -> None:
        """Add ``entries`` read from the file up to number ``read_to``; ``exhausted`` if there is nothing above."""
        self._insert(entries)
        self.loaded_to = max(self.loaded_to, read_to)
        self.beyond = 0 if exhausted else max(0, self.beyond - len(entries))

    def settle(self) -> None:
        """Move newly saved messages on, or out of memory if the read-ahead is full."""
        while self.fresh and self.fresh[0].saved:
            entry = self.fresh.popleft()
            if self.beyond or len(self.ready) >= READ_AHEAD:
                self.beyond += 1
            else:
                self.ready.append(entry)
                self.loaded_to = entry.number

    def discard(self, entry: Entry) -> bool:
        """Remove ``entry``; return False if it does not wait here."""
        for waiting in (self.ready, self.fresh):
            if entry in waiting:
                waiting.remove(entry)
                return True
        return False

    def in_memory(self) -> list[Entry]:
        """Return every entry that is in memory, in order."""
        return sorted([*self.taken.values(), *self.ready, *self.fresh], key=_number)

    def _insert(self, entries: object) -> None:
        self.ready = deque(sorted([*entries, *self.ready], key=_number))  # type: ignore[misc]


def _number(entry: Entry) -> int:
    return entry.number
