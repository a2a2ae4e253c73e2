"""Hands messages to sinks: each has a bounded mailbox and a thread of its own, and none can hold the loop up.

A sink that fails is logged once per cause, closed, and opened again after a growing pause. Of observations, states and
the like only the newest waits; events and aggregates wait in order up to a bound, and what is dropped there is counted.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from typing import TYPE_CHECKING

from edge.core.errors import EdgeError
from edge.core.events import Aggregate, Event, Playback, RunningSession
from edge.util.backoff import Backoff

if TYPE_CHECKING:
    from collections.abc import Iterable

    from edge.core.events import Message
    from edge.core.protocols import Sink

_LOG = logging.getLogger(__name__)
TICK_S = 0.05
_KEPT = (Event, Aggregate, Playback, RunningSession)
"""Kinds of message of which every one counts, not just the newest.

A session's end must not take the place of its beginning: what happened in between would belong to none.
"""


class Mailbox:
    """Ordered queue of messages for one sink; not thread-safe."""

    def __init__(self, capacity: int, *, keep_all: bool = False) -> None:
        self._capacity = capacity
        self._keep_all = keep_all
        self._waiting: deque[Message] = deque()
        self.drops = 0

    def __len__(self) -> int:
        return len(self._waiting)

    @property
    def full(self) -> bool:
        """True at the limit: the next message displaces the oldest."""
        return len(self._waiting) >= self._capacity

    @property
    def kept(self) -> int:
        """Number of pending events and aggregates."""
        return sum(isinstance(message, _KEPT) for message in self._waiting)

    def put(self, message: Message) -> None:
        """Add ``message``; unless it is an event or aggregate, it replaces an older one of its kind."""
        if not self._keep_all and not isinstance(message, _KEPT):
            for index, waiting in enumerate(self._waiting):
                if type(waiting) is type(message):
                    del self._waiting[index]
                    break
        if self.full:
            self._waiting.popleft()
            self.drops += 1
        self._waiting.append(message)

    def put_back(self, message: Message) -> None:
        """Return an event or aggregate whose delivery failed to the front; at the limit it is dropped and counted."""
        if not isinstance(message, _KEPT):
            return
        if self.full:
            self.drops += 1
        else:
            self._waiting.appendleft(message)

    def take(self) -> Message:
        """Remove and return the oldest message."""
        return self._waiting.popleft()


class _Worker:
    """One sink's thread."""

    def __init__(self, sink: Sink, mailbox: Mailbox, *, retry_max_s: float) -> None:
        self._sink = sink
        self._mailbox = mailbox
        self._backoff = Backoff(first_s=1.0, max_s=retry_max_s)
        self._changed = threading.Condition()
        self._stopping = False
        self._open = False
        self._said = ""
        self.problem = ""
        """Why the sink cannot be used now, in one line."""
        self._thread = threading.Thread(target=self._run, name=f"sink-{sink.name}", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def put(self, message: Message, *, wait_s: float) -> None:
        with self._changed:
            if wait_s and self._mailbox.full and self._open:
                self._changed.wait_for(lambda: not self._mailbox.full or self._stopping, wait_s)
            self._mailbox.put(message)
            self._changed.notify_all()

    def ask_to_stop(self) -> None:
        with self._changed:
            self._stopping = True
            self._changed.notify_all()

    def join(self, timeout_s: float) -> bool:
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    @property
    def depth(self) -> int:
        """Number of messages waiting here and in the sink itself."""
        return len(self._mailbox) + self._sink.queue_depth

    @property
    def drops(self) -> int:
        """Number of messages dropped here and by the sink itself."""
        return self._mailbox.drops + self._sink.drops

    @property
    def name(self) -> str:
        """Name of the sink."""
        return self._sink.name

    def _run(self) -> None:
        while True:
            try:
                self._sink.open()
                self._open = True
                self._said = self.problem = ""
                self._backoff.reset()
                self._serve()
            except Exception as error:  # noqa: BLE001 - whatever a sink raises must not reach the loop
                self._report(error)
            self._open = False
            self._close_sink()
            if self._stopping:
                break
            self._pause()
        self._tell_rest()

    def _serve(self) -> None:
        """Hand over messages until stopped, then the remaining ones."""
        interval_s = TICK_S if self._sink.wants_ticks else None
        while True:
            with self._changed:
                self._changed.wait_for(lambda: bool(len(self._mailbox)) or self._stopping, interval_s)
                message = self._mailbox.take() if len(self._mailbox) else None
                self._changed.notify_all()
            if message is not None:
                self._hand_over(message)
            elif self._stopping:
                return
            if self._sink.wants_ticks:
                self._sink.tick(time.monotonic_ns())

    def _hand_over(self, message: Message) -> None:
        try:
            self._sink.handle(message)
        except Exception:
            with self._changed:
                self._mailbox.put_back(message)
            raise

    def _close_sink(self) -> None:
        try:
            self._sink.close()
        except Exception as error:  # noqa: BLE001 - a sink that cannot even close is not the loop's trouble
            self._report(error)

    def _pause(self) -> None:
        with self._changed:
            self._changed.wait_for(lambda: self._stopping, 0 if self._stopping else self._backoff.next_s())

    def _tell_rest(self) -> None:
        rest = self._mailbox.kept
        if rest:
            _LOG.warning("%s: stopped before %d events could be handed over", self._sink.name, rest)

    def _report(self, error: Exception) -> None:
        """Log the error once per cause: a sink that stays broken must not fill the log."""
        said = f"{type(error).__name__}: {error}"
        self.problem = " ".join((str(error) if isinstance(error, EdgeError) else said).split())
        if said == self._said:
            return
        self._said = said
        if isinstance(error, EdgeError):
            _LOG.error("%s: %s", self._sink.name, error)
        else:
            _LOG.error("%s failed, trying again: %s", self._sink.name, said, exc_info=error)


class Dispatcher:
    """Dispatcher of messages to all sinks.

    ``lossless`` is for recorded clips: nothing is replaced by a newer value, and a full mailbox delays the clip for at
    most ``wait_s`` seconds.
    """

    def __init__(
        self,
        sinks: Iterable[Sink],
        *,
        capacity: int = 1000,
        lossless: bool = False,
        wait_s: float = 2.0,
        retry_max_s: float = 60.0,
    ) -> None:
        self._wait_s = wait_s if lossless else 0.0
        self._routes = [
            (sink.accepts, _Worker(sink, Mailbox(capacity, keep_all=lossless), retry_max_s=retry_max_s))
            for sink in sinks
        ]

    def start(self) -> None:
        """Open every sink, each on its own thread."""
        for _, worker in self._routes:
            worker.start()

    def put(self, message: Message) -> None:
        """Queue ``message`` for every sink that accepts its kind."""
        for accepts, worker in self._routes:
            if isinstance(message, accepts):
                worker.put(message, wait_s=self._wait_s)

    def close(self, timeout_s: float = 1.5) -> None:
        """Let all sinks concurrently process pending messages and close; abandon those that hang."""
        deadline = time.monotonic() + timeout_s
        for _, worker in self._routes:
            worker.ask_to_stop()
        for _, worker in self._routes:
            if not worker.join(max(0.0, deadline - time.monotonic())):
                _LOG.warning("a sink did not finish within %.1f s and is left behind", timeout_s)

    @property
    def failing(self) -> dict[str, str]:
        """Reasons why sinks cannot be used now, by name; each is retried."""
        return {worker.name: worker.problem for _, worker in self._routes if worker.problem}

    @property
    def queue_depth(self) -> int:
        """Number of messages waiting for all sinks, including the sinks' own queues."""
        return sum(worker.depth for _, worker in self._routes)

    @property
    def drops(self) -> int:
        """Number of messages dropped since the start, including those dropped by sinks."""
        return sum(worker.drops for _, worker in self._routes)
