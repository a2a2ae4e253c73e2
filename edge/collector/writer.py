"""Writer of received messages: parses them, stores batches, waits for the database and refuses invalid ones."""

from __future__ import annotations

import logging
import threading
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from edge.collector.database.batch import Batch
from edge.collector.database.driver import BadRow, DatabaseAway
from edge.collector.database.rows import Refused, removes, row
from edge.collector.database.tables import TABLES, Row
from edge.collector.topics import Kind, address
from edge.core.errors import SinkError
from edge.util.backoff import Backoff
from edge.util.text import in_one_line

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from edge.collector.database.store import Store
    from edge.collector.inbox import Inbox, IncomingMessage
    from edge.collector.status import Figures

_LOG = logging.getLogger(__name__)
_COMPLAINTS_MAX = 10_000
_RETENTION_EVERY_S = 3600.0
_KEYED = (Kind.EVENT, Kind.AGGREGATE)
_EVENT_TS = TABLES[Kind.EVENT].columns.index("ts")


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits of the writer: ``batch_max`` messages per commit, the first of which waits up to ``linger_s``."""

    batch_max: int = 1000
    linger_s: float = 0.02
    keep_days: int | None = None
    backoff_max_s: float = 10.0


@dataclass(frozen=True, slots=True)
class _Item:
    node: str
    kind: Kind
    row: Row


class Writer:
    """Writer; ``run`` it on its own thread until the inbox is closed and empty, or ``give_up`` is called.

    ``done`` is called with the messages of each batch once they are stored or permanently refused.
    """

    def __init__(
        self,
        inbox: Inbox,
        store: Store,
        figures: Figures,
        done: Callable[[Sequence[IncomingMessage]], None],
        *,
        prefix: str,
        limits: Limits,
    ) -> None:
        self._inbox = inbox
        self._store = store
        self._figures = figures
        self._done = done
        self._prefix = prefix
        self._limits = limits
        self._giving_up = threading.Event()
        self._backoff = Backoff(first_s=0.2, max_s=limits.backoff_max_s)
        self._away_since_s: float | None = None
        self._said: set[str] = set()
        self._complained: set[tuple[str, str, str]] = set()
        self._retention_due_s = 0.0

    def run(self) -> None:
        """Store messages until the inbox is closed and empty."""
        try:
            while not self._giving_up.is_set():
                letters = self._inbox.take(
                    self._limits.batch_max, linger_s=self._limits.linger_s, timeout_s=min(1.0, _RETENTION_EVERY_S)
                )
                if letters is None:
                    return
                if letters and self._stored(letters):
                    self._done(letters)
                self._retain()
        finally:
            self._store.close()

    def give_up(self) -> None:
        """Stop waiting for the database; unstored messages stay unacknowledged."""
        self._giving_up.set()

    def _stored(self, letters: Sequence[IncomingMessage]) -> bool:
        """Store a batch, retrying while the database is unavailable; return False after ``give_up``."""
        items = [item for letter in letters if (item := self._item(letter)) is not None]
        return self._commit(items)

    def _item(self, letter: IncomingMessage) -> _Item | None:
        found = address(letter.topic, self._prefix)
        if found is None:
            self._refuse(in_one_line(letter.topic[:100]), "unknown", "a topic that is none of the feed's")
            return None
        if removes(found.kind, letter.payload):
            return None
        try:
            return _Item(found.node, found.kind, row(found.node, found.kind, letter.payload, letter.received_at))
        except Refused as refusal:
            self._refuse(found.node, found.kind, str(refusal))
            return None

    def _commit(self, items: Sequence[_Item]) -> bool:
        """Store ``items``, halving the batch until rows that the database can never store are isolated."""
        if not items:
            return True
        batch = Batch()
        for item in items:
            batch.add(item.kind, item.row)
        while not self._giving_up.is_set():
            try:
                self._write(batch)
            except BadRow as bad:
                if len(items) == 1:
                    self._refuse(items[0].node, items[0].kind, f"the database cannot store it: {bad}")
                    return True
                middle = len(items) // 2
                return self._commit(items[:middle]) and self._commit(items[middle:])
            except SinkError as error:
                self._wait(error)
            else:
                return True
        return False

    def _write(self, batch: Batch) -> None:
        begun_s = time.monotonic()
        new = self._store.write(batch)
        seconds = time.monotonic() - begun_s
        keyed = sum(len(batch.rows.get(kind, ())) for kind in _KEYED)
        now = datetime.now(UTC)
        # in a batch with repeats it is unknown which rows were stored just now
        fresh = batch.rows.get(Kind.EVENT, ()) if new == keyed else ()
        lags = [(now - values[_EVENT_TS]).total_seconds() for values in fresh]
        rows = sum(map(len, batch.rows.values()))
        self._figures.committed(rows=rows, keyed=keyed, new=new, seconds=seconds, lags=lags)
        self._present()

    def _present(self) -> None:
        self._figures.database = "connected"
        if self._away_since_s is not None:
            _LOG.info("the database is back after %.1f s; nothing was lost", time.monotonic() - self._away_since_s)
        self._away_since_s = None
        self._said.clear()
        self._backoff.reset()

    def _wait(self, error: SinkError) -> None:
        """Log once per cause, then pause."""
        self._figures.database = "away"
        if self._away_since_s is None:
            self._away_since_s = time.monotonic()
        cause = str(error)
        if cause not in self._said:
            self._said.add(cause)
            _LOG.warning("the database is unavailable, messages wait at the broker: %s", cause)
        self._giving_up.wait(self._backoff.next_s())

    def _refuse(self, node: str, kind: str, why: str) -> None:
        """Count a refusal and log it once per node, kind and category."""
        self._figures.refused()
        key = (node, kind, why.partition(":")[0])
        if key in self._complained or len(self._complained) >= _COMPLAINTS_MAX:
            return
        self._complained.add(key)
        _LOG.warning("%s of %s refused (%s); more of these are only counted", kind, node, why)

    def _retain(self) -> None:
        """Drop data beyond the retention period, once an hour."""
        if self._limits.keep_days is None or time.monotonic() < self._retention_due_s:
            return
        self._retention_due_s = time.monotonic() + _RETENTION_EVERY_S
        try:
            dropped = self._store.drop_before(datetime.now(UTC) - timedelta(days=self._limits.keep_days))
        except SinkError as error:
            if isinstance(error, DatabaseAway):
                _LOG.warning("data older than %d days are kept for now: %s", self._limits.keep_days, error)
            return
        if dropped:
            _LOG.info("dropped data older than %d days: %s", self._limits.keep_days, ", ".join(dropped))
