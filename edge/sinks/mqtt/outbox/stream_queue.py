"""One stream of numbered messages (events, or aggregates) as far as it is in memory; pure."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

from edge.util.backoff import Backoff

if TYPE_CHECKING:
    from edge.sinks.mqtt.topics import Publication

READ_AHEAD = 1000
"""Saved messages of a stream that are in memory at the most; more wait in the file alone."""
_FIRST_PAUSE_S = 10.0


@dataclass(slots=True, eq=False)
class Entry:
    """A message in the outbox.

    ``number`` orders all streams of the file; ``at_s`` is when it was put, Unix seconds; ``gone`` once it was
    acknowledged or dropped.
    """

    number: int
    publication: Publication
    at_s: float
    saved: bool = False
    gone: bool = False


class StreamQueue:
    """Messages of one stream, oldest first: ``taken``, then ``ready``, then ``beyond`` in the file, then ``fresh``.

    ``taken`` are on their way to the broker; ``ready`` come next; ``beyond`` counts those that are in the file only,
    with numbers above ``loaded_to``; ``fresh`` were put and are not in the file yet.
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
        """True from a refusal until the broker takes a message again."""
        return self._probing

    @property
    def wants_more(self) -> bool:
        """True where the file should be read ahead."""
        return self.beyond > 0 and len(self.ready) <= READ_AHEAD // 2

    def head(self, now_s: float, *, loose: bool, skip_file: bool = False) -> Entry | None:
        """The message to be sent next, if one may be.

        ``loose`` where there is no file to wait for, so that unsaved messages may go; ``skip_file`` where what is in
        the file cannot be read. After a refusal a single message goes first.
        """
        if self._probing and (self.taken or now_s < self._held_until_s):
            return None
        if self.ready:
            return self.ready[0] if self.ready[0].saved or loose else None
        if self.fresh and loose and (skip_file or not self.beyond):
            return self.fresh[0]
        return None

    def take(self, entry: Entry) -> None:
        """``entry``, which ``head`` gave, is on its way."""
        if self.ready:
            self.ready.popleft()
        else:
            self.fresh.popleft()
            if not self.beyond:
                self.loaded_to = entry.number
        self.taken[entry.number] = entry

    def acknowledged(self, entry: Entry) -> None:
        """The broker took ``entry``: nothing is held back any more."""
        self.taken.pop(entry.number, None)
        if self._probing:
            self._probing = False
            self._pause.reset()

    def refused(self, entry: Entry, now_s: float) -> None:
        """The broker will not take ``entry`` now: it waits again, and all behind it."""
        del self.taken[entry.number]
        self._insert([entry])
        if not self._probing or now_s >= self._held_until_s:
            self._held_until_s = now_s + self._pause.next_s()
        self._probing = True

    def give_back(self) -> None:
        """A new connection: what is under way waits again, and may be tried at once."""
        self._insert(self.taken.values())
        self.taken.clear()
        self._held_until_s = 0.0

    def loaded(self, entries: list[Entry], read_to: int, *, exhausted: bool) -> None:
        """These were read from the file, up to number ``read_to``; ``exhausted`` where nothing lies above."""
        self._insert(entries)
        self.loaded_to = max(self.loaded_to, read_to)
        self.beyond = 0 if exhausted else max(0, self.beyond - len(entries))

    def settle(self) -> None:
        """After a commit: what became saved moves on, or leaves memory where the read-ahead is full."""
        while self.fresh and self.fresh[0].saved:
            entry = self.fresh.popleft()
            if self.beyond or len(self.ready) >= READ_AHEAD:
                self.beyond += 1
            else:
                self.ready.append(entry)
                self.loaded_to = entry.number

    def discard(self, entry: Entry) -> bool:
        """Take ``entry`` out; False where it does not wait here."""
        for waiting in (self.ready, self.fresh):
            if entry in waiting:
                waiting.remove(entry)
                return True
        return False

    def in_memory(self) -> list[Entry]:
        """Every entry that is not in the file alone, in order."""
        return sorted([*self.taken.values(), *self.ready, *self.fresh], key=_number)

    def _insert(self, entries: object) -> None:
        self.ready = deque(sorted([*entries, *self.ready], key=_number))  # type: ignore[misc]


def _number(entry: Entry) -> int:
    return entry.number
