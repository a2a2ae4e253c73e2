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
        self._state = OutboxState(
            (topics.event.kind, topics.aggregate.kind),
            unsaved_max=settings.max_messages if path is None else min(UNSAVED_MAX, settings.max_messages),
            retry_max_s=retry_max_s,
            allow_unsaved=path is None,
        )
        self._writer = None if path is None else OutboxWriter(path, topics, self._state, self._changed, settings)
        self._max_age_s = settings.max_age_s
        self._max_messages = settings.max_messages
        self._overflow_logged = 0
        self._listener: Callable[[], None] = _ignore
        self._hurry = False
        self._closing = False
        self._thread = threading.Thread(target=self._run, name="outbox", daemon=True)

    def open(self) -> Self:
        """Open the file and start writing; a file that cannot be used is only logged."""
        if self._writer is not None:
            self._writer.open()
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
        self._log_remaining()

    def __enter__(self) -> Self:
        return self.open()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def next_seq(self) -> dict[str, int]:
        """Return the next number of each stream; numbering continues across restarts."""
        with self._changed:
            return dict(self._state.next_seq)

    def listen(self, listener: Callable[[], None]) -> None:
        """Call ``listener``, in place of any earlier one, when messages may have become ready."""
        self._listener = listener

    def watch(self, on_commit: Callable[[list[int]], None], on_failure: Callable[[], None]) -> None:
        """Call ``on_commit`` after each commit with the stored events' ``seq``, and ``on_failure`` if it fails.

        Both are called on the writer's thread, without a lock held.
        """
        if self._writer is not None:
            self._writer.watch(on_commit, on_failure)

    def put(self, publication: Publication) -> None:
        """Add a numbered message of one of the streams."""
        with self._changed:
            if self._writer is None:
                now_s = time.time()
                self._state.drop_older_than(now_s - self._max_age_s)
                self._state.put(publication, now_s)
            else:
                self._state.put(publication, self._writer.now_s())
                self._changed.notify_all()
            self._note_drops()
        self._listener()

    def take(self) -> Entry | None:
        """Return the next message to send: a saved one, in order."""
        with self._changed:
            entry = self._state.take(time.monotonic())
            if self._writer is not None and self._writer.wants_more:
                self._changed.notify_all()
            return entry

    def acknowledged(self, entry: Entry) -> None:
        """Mark ``entry`` as acknowledged; one of the next commits deletes it from the file."""
        with self._changed:
            self._state.acknowledged(entry)

    def refused(self, entry: Entry) -> None:
        """Schedule ``entry`` for another attempt after a pause; its stream waits meanwhile."""
        with self._changed:
            self._state.refused(entry, time.monotonic())

    def rejected(self, entry: Entry) -> None:
        """Drop and count ``entry``, which the broker will never accept."""
        with self._changed:
            self._state.rejected(entry)

    def give_back(self) -> None:
        """Requeue unacknowledged messages in order, for a new connection."""
        with self._changed:
            self._state.give_back()

    def hurry(self) -> None:
        """Write waiting messages at once, regardless of the commit interval."""
        with self._changed:
            self._hurry = True
            self._changed.notify_all()

    @property
    def depth(self) -> int:
        """Number of messages that the broker has not acknowledged."""
        with self._changed:
            return len(self._state)

    @property
    def drops(self) -> int:
        """Number of messages dropped at a bound, lost with a damaged file, or never accepted by the broker."""
        return self._state.drops

    @property
    def idle(self) -> bool:
        """True when nothing is in flight and the only waiting messages are those that the broker refuses at present."""
        with self._changed:
            return self._state.idle

    @property
    def lasting(self) -> bool:
        """True if messages currently survive the end of this process."""
        return self._writer is not None and not self._state.allow_unsaved

    def _run(self) -> None:
        """Write on the writer's thread until the outbox closes."""
        writer = self._writer
        assert writer is not None  # noqa: S101 - the thread runs only with one
        while not self._closing:
            with self._changed:
                while not self._closing and not (self._hurry and self._state.unsaved):
                    left_s = writer.due_s() - time.monotonic()
                    if left_s <= 0:
                        break
                    self._changed.wait(min(left_s, threading.TIMEOUT_MAX))
                self._hurry = False
            writer.turn()
            with self._changed:
                self._note_drops()
            self._listener()
        writer.turn(last=True)
        writer.close()

    def _note_drops(self) -> None:
        """Log one line per outage rather than per message."""
        state = self._state
        if state.overflow > self._overflow_logged >= 0:
            self._overflow_logged = -1
            text = "the outbox is full (%d messages, or older than %g days): the oldest are dropped and counted"
            _LOG.warning(text, self._max_messages, self._max_age_s / 86_400)
        elif not len(state):
            self._overflow_logged = state.overflow

    def _log_remaining(self) -> None:
        rest, unsaved = len(self._state), len(self._state.unsaved)
        if unsaved:
            _LOG.warning("stopped before the broker had taken %d events, and they could not be saved", unsaved)
        if rest > unsaved and self._writer is not None:
            _LOG.info("%d events wait in %s for the next start", rest - unsaved, self._writer.path)


def _ignore() -> None:
    pass
