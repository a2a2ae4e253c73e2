"""Queue of numbered messages, stored in a file until the broker has them.

Callers put, take and acknowledge in memory and never wait for the disk: a separate thread owns the file and writes
everything that has accumulated in one transaction. A message may be taken once it is committed. While the file cannot
be used, messages pass through memory only and are written as soon as it can.
"""

from __future__ import annotations

import logging
import threading
import time
from typing import TYPE_CHECKING, Self

from edge.sinks.mqtt.outbox.state import OutboxState
from edge.sinks.mqtt.outbox.writer import OutboxWriter

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from types import TracebackType

    from edge.config import OutboxConfig
    from edge.sinks.mqtt.outbox.stream_queue import Entry
    from edge.sinks.mqtt.topics import Publication, Topics

_LOG = logging.getLogger(__name__)
_CLOSING_S = 5.0
UNSAVED_MAX = 10_000
"""Maximum number of messages in memory while the file cannot be used."""


class Outbox:
    """Durable queue, opened and closed once, usable from any thread.

    Without a ``path`` everything stays in memory, as for replays, whose numbers are not the node's. ``retry_max_s`` is
    the longest pause after the broker refused a message that it may accept later.
    """

    def __init__(self, path: Path | None, topics: Topics, settings: OutboxConfig, *, retry_max_s: float = 60.0) -> None:
        self._changed = threading.Condition()
        self._backlog = OutboxState(
            (topics.event.kind, topics.aggregate.kind),
            unsaved_max=settings.max_messages if path is None else min(UNSAVED_MAX, settings.max_messages),
            retry_max_s=retry_max_s,
            loose=path is None,
        )
        self._keeper = None if path is None else OutboxWriter(path, topics, self._backlog, self._changed, settings)
        self._max_age_s = settings.max_age_s
        self._max_messages = settings.max_messages
        self._overflow_said = 0
        self._listener: Callable[[], None] = _nobody
        self._hurry = False
        self._closing = False
        self._thread = threading.Thread(target=self._run, name="outbox", daemon=True)

    def open(self) -> Self:
        """Open the file and start writing; a file that cannot be used is only logged."""
        if self._keeper is not None:
            self._keeper.open()
            self._thread.start()
        return self

    def close(self) -> None:
        """Write what is in memory, close the file and log how many messages are left; idempotent."""
        with self._changed:
            if self._closing:
                return
            self._closing = True
            self._changed.notify_all()
        if self._thread.is_alive():
            self._thread.join(_CLOSING_S)
            if self._thread.is_alive():
                _LOG.warning("the outbox could not be written within %g s and is left behind", _CLOSING_S)
                return
        self._tell_rest()

    def __enter__(self) -> Self:
        return self.open()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def next_seq(self) -> dict[str, int]:
        """Return the next number of each stream; numbering continues across restarts."""
        with self._changed:
            return dict(self._backlog.next_seq)

    def listen(self, listener: Callable[[], None]) -> None:
        """Call ``listener``, in place of any earlier one, when messages may have become ready."""
        self._listener = listener

    def watch(self, kept: Callable[[list[int]], None], failing: Callable[[], None]) -> None:
        """Call ``kept`` after each commit with the ``seq`` of the events it stored, and ``failing`` if it fails.

        Both are called on the writer's thread, without a lock held.
        """
        if self._keeper is not None:
            self._keeper.watch(kept, failing)

    def put(self, publication: Publication) -> None:
        """Add a numbered message of one of the streams."""
        with self._changed:
            if self._keeper is None:
                now_s = time.time()
                self._backlog.drop_older_than(now_s - self._max_age_s)
                self._backlog.put(publication, now_s)
            else:
                self._backlog.put(publication, self._keeper.now_s())
                self._changed.notify_all()
            self._note_drops()
        self._listener()

    def take(self) -> Entry | None:
        """Return the next message to send: a saved one, in order."""
        with self._changed:
            entry = self._backlog.take(time.monotonic())
            if self._keeper is not None and self._keeper.wants_more:
                self._changed.notify_all()
            return entry

    def acknowledged(self, entry: Entry) -> None:
        """Mark ``entry`` as acknowledged; one of the next commits deletes it from the file."""
        with self._changed:
            self._backlog.acknowledged(entry)

    def refused(self, entry: Entry) -> None:
        """Schedule ``entry`` for another attempt after a pause; its stream waits meanwhile."""
        with self._changed:
            self._backlog.refused(entry, time.monotonic())

    def rejected(self, entry: Entry) -> None:
        """Drop and count ``entry``, which the broker will never accept."""
        with self._changed:
            self._backlog.rejected(entry)

    def give_back(self) -> None:
        """Requeue unacknowledged messages in order, for a new connection."""
        with self._changed:
            self._backlog.give_back()

    def hurry(self) -> None:
        """Write waiting messages at once, regardless of the commit interval."""
        with self._changed:
            self._hurry = True
            self._changed.notify_all()

    @property
    def depth(self) -> int:
        """Number of messages that the broker has not acknowledged."""
        with self._changed:
            return len(self._backlog)

    @property
    def drops(self) -> int:
        """Number of messages dropped at a bound, lost with a damaged file, or never accepted by the broker."""
        return self._backlog.drops

    @property
    def idle(self) -> bool:
        """True when nothing is in flight and the only waiting messages are those that the broker refuses at present."""
        with self._changed:
            return self._backlog.idle

    @property
    def lasting(self) -> bool:
        """True if messages currently survive the end of this process."""
        return self._keeper is not None and not self._backlog.loose

    def _run(self) -> None:
        """Write on the writer's thread until the outbox closes."""
        keeper = self._keeper
        assert keeper is not None  # noqa: S101 - the thread runs only with one
        while not self._closing:
            with self._changed:
                while not self._closing and not (self._hurry and self._backlog.unsaved):
                    left_s = keeper.due_s() - time.monotonic()
                    if left_s <= 0:
                        break
                    self._changed.wait(min(left_s, threading.TIMEOUT_MAX))
                self._hurry = False
            keeper.turn()
            with self._changed:
                self._note_drops()
            self._listener()
        keeper.turn(last=True)
        keeper.close()

    def _note_drops(self) -> None:
        """Log one line per outage rather than per message."""
        backlog = self._backlog
        if backlog.overflow > self._overflow_said >= 0:
            self._overflow_said = -1
            text = "the outbox is full (%d messages, or older than %g days): the oldest are dropped and counted"
            _LOG.warning(text, self._max_messages, self._max_age_s / 86_400)
        elif not len(backlog):
            self._overflow_said = backlog.overflow

    def _tell_rest(self) -> None:
        rest, unsaved = len(self._backlog), len(self._backlog.unsaved)
        if unsaved:
            _LOG.warning("stopped before the broker had taken %d events, and they could not be saved", unsaved)
        if rest > unsaved and self._keeper is not None:
            _LOG.info("%d events wait in %s for the next start", rest - unsaved, self._keeper.path)


def _nobody() -> None:
    pass
