"""Member of a group of collectors: reads from the broker and acknowledges what the database has committed.

The session outlives the connection: messages in flight when this process is killed are sent again once it is back under
the same client id. Until then they wait at the broker, and with Mosquitto so does this member's share of new messages.
"""

from __future__ import annotations

import logging
import select
import threading
import time
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from edge.collector.acknowledgements import Acknowledgements
from edge.collector.connect_options import ConnectOptions
from edge.collector.diagnosis import explained
from edge.collector.inbox import Inbox, IncomingMessage
from edge.collector.polled_connection import PolledConnection
from edge.collector.reconnect_policy import ReconnectPolicy
from edge.collector.status import Figures, Status
from edge.collector.topics import filters
from edge.collector.writer import Limits, Writer
from edge.sinks.mqtt import connection_errors
from edge.sinks.mqtt.connection_errors import Cause, ConnectionFailure
from edge.sinks.mqtt.waker import Waker

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from edge.collector.database.store import Store
    from edge.collector.membership import Membership
    from edge.sinks.mqtt.options import Options

_LOG = logging.getLogger(__name__)
_ANSWER_TIMEOUT_S = 10.0
_TURN_S = 0.5
_PARTING_S = 1.0
_EXPLAIN_EVERY_S = 30.0
_TAKEN_OVER = "another client took over"


class Collector:
    """Collector; ``report`` is called with a :class:`Status` every ``report_every_s`` and at the end."""

    def __init__(
        self,
        options: Options,
        membership: Membership,
        store: Store,
        *,
        limits: Limits | None = None,
        report: Callable[[Status], None] | None = None,
        report_every_s: float = 10.0,
    ) -> None:
        self._options = replace(options, client_id=membership.client_id)
        self._membership = membership
        self._filters = filters(membership.prefix, membership.group)
        self._report = report
        self._report_every_s = report_every_s
        self._report_due_s = time.monotonic() + report_every_s
        self._waker = Waker()
        self._stopping = threading.Event()
        self._inbox = Inbox()
        self._figures = Figures(time.monotonic())
        self._receipts = Acknowledgements()
        self._came_s = 0.0
        self._had_session = False
        self._composure = ReconnectPolicy()
        self._explain_due_s = 0.0
        self._explanation: Cause | None = None
        self._writer = Writer(
            self._inbox, store, self._figures, self._settled, prefix=membership.prefix, limits=limits or Limits()
        )

    def stop(self) -> None:
        """Store and acknowledge received messages and disconnect; callable from any thread."""
        self._stopping.set()
        self._waker.set()

    def run(self) -> Status:
        """Collect until ``stop`` and return the totals."""
        thread = threading.Thread(target=self._writer.run, name="writer", daemon=True)
        thread.start()
        try:
            while not self._stopping.is_set():
                self._attempt(thread)
        finally:
            self._inbox.close()
            self._writer.give_up()
            thread.join(self._membership.stop_grace_s)
            self._waker.close()
        return self._tell(total=True)

    def _attempt(self, writing: threading.Thread) -> None:
        """Connect, serve until the connection ends, then pause."""
        link = self._new_link()
        self._composure.attempting()
        try:
            link.open()
            self._join(link)
            self._serve(link)
            self._take_leave(link, writing)
        except ConnectionFailure as failure:
            link.abandon()
            cause = failure.cause if link.answered or self._stopping.is_set() else self._explained(failure)
            self._pause(self._judged(cause), lasting=cause.lasting)
        finally:
            link.abandon()
            self._figures.broker = "away"

    def _explained(self, failure: ConnectionFailure) -> Cause:
        """Diagnose a silent broker by another connection, at intervals."""
        now_s = time.monotonic()
        if now_s >= self._explain_due_s:
            self._explain_due_s = now_s + _EXPLAIN_EVERY_S
            self._explanation = explained(failure.cause, self._options)
        return self._explanation or failure.cause

    def _new_link(self) -> PolledConnection:
        number = self._receipts.begin()
        terms = ConnectOptions(
            session_expiry_s=self._membership.session_expiry_s,
            clean_start=False,
            receive_maximum=self._membership.receive_maximum,
            packet_max_bytes=self._membership.packet_max_bytes,
            manual_ack=True,
        )

        def came(message: Any) -> None:
            self._take(message, number)

        return PolledConnection(self._options, terms, on_message=came)

    def _join(self, link: PolledConnection) -> None:
        """Wait for the broker's answer, then subscribe."""
        deadline_s = time.monotonic() + _ANSWER_TIMEOUT_S
        asked = False
        while not (link.answered and (link.subscribed or self._membership.leave)):
            if self._stopping.is_set():
                return
            if time.monotonic() > deadline_s:
                raise ConnectionFailure(connection_errors.of_silence(self._options, _ANSWER_TIMEOUT_S))
            self._turn(link)
            if link.answered and link.lacking:
                text = f"{self._options.address} has no {' and no '.join(link.lacking)}, which collectors need"
                raise ConnectionFailure(Cause(f"{text}: see docs/fleet.md for brokers", lasting=True))
            if link.answered and not asked and not self._membership.leave:
                link.subscribe(self._filters)
                asked = True
        self._joined(link)

    def _joined(self, link: PolledConnection) -> None:
        self._composure.joined(time.monotonic())
        self._explain_due_s, self._explanation = 0.0, None
        self._figures.broker = "connected"
        self._came_s = time.monotonic()
        if self._had_session and not link.session_present:
            _LOG.warning(
                "%s has forgotten this collector's session: what it held for it is lost; see its persistence settings",
                self._options.address,
            )
        self._had_session = True
        if self._membership.leave:
            link.unsubscribe(self._filters)
        if self._composure.flapping:
            return
        _LOG.info(
            "%s at %s as %s", "leaving" if self._membership.leave else "collecting", self._options.address,
            self._options.client_id,
        )  # fmt: skip

    def _serve(self, link: PolledConnection) -> None:
        while not self._stopping.is_set():
            self._turn(link)
            if time.monotonic() >= self._report_due_s:
                self._tell()
            if self._membership.leave and self._all_taken():
                self._stopping.set()

    def _all_taken(self) -> bool:
        quiet_s = time.monotonic() - self._came_s
        return not self._receipts.in_hand and not len(self._inbox) and quiet_s > self._membership.leave_after_s

    def _turn(self, link: PolledConnection, *, reading: bool = True) -> None:
        """Serve the network once, reading before writing, since received data outlive a lost connection."""
        poller = select.poll()
        poller.register(link.fileno(), (select.POLLIN if reading else 0) | (select.POLLOUT if link.wants_write else 0))
        poller.register(self._waker, select.POLLIN)
        found = dict(poller.poll(_TURN_S * 1000))
        if self._waker.fileno() in found:
            self._waker.clear()
        if reading and found.get(link.fileno(), 0) & ~select.POLLOUT:
            link.read()
        self._receipts.give(link)
        link.write()
        link.tend()

    def _take(self, message: Any, link: int) -> None:
        """Queue a received message."""
        self._came_s = time.monotonic()
        try:
            topic = str(message.topic)
        except UnicodeDecodeError:
            topic = ""
        self._receipts.came(message.qos)
        self._inbox.put(
            IncomingMessage(topic, bytes(message.payload), datetime.now(UTC), message.mid, link if message.qos else 0)
        )

    def _settled(self, letters: Sequence[IncomingMessage]) -> None:
        """Record, on the writer's thread, that ``items`` can be acknowledged."""
        self._receipts.settle(letters)
        self._waker.set()

    def _take_leave(self, link: PolledConnection, writing: threading.Thread) -> None:
        """Stop reading; store, acknowledge and disconnect while there is time."""
        self._inbox.close()
        deadline_s = time.monotonic() + self._membership.stop_grace_s
        while (writing.is_alive() or self._receipts.due or link.wants_write) and time.monotonic() < deadline_s:
            self._turn(link, reading=False)
        if writing.is_alive():
            _LOG.warning("stopped while the database was unavailable; messages not stored stay at the broker")
        link.part(max(deadline_s - time.monotonic(), _PARTING_S), forget_session=self._membership.leave)

    def _judged(self, cause: Cause) -> str:
        """Describe a failure."""
        self._composure.lost(time.monotonic())
        # Mosquitto disconnects the older of two without giving the reason
        if _TAKEN_OVER in cause.text or self._composure.flapping:
            return f"{self._options.address}: does another collector also use --instance {self._membership.instance}?"
        return cause.text

    def _pause(self, text: str, *, lasting: bool = False) -> None:
        """Report if due, log once per cause, then pause until the next attempt or a stop."""
        self._figures.broker = "away"
        if self._composure.is_news(text) and not self._stopping.is_set():
            _LOG.log(logging.ERROR if lasting else logging.WARNING, "%s; trying again", text)
        if time.monotonic() >= self._report_due_s:
            self._tell()
        self._stopping.wait(self._composure.pause_s(time.monotonic()))

    def _tell(self, *, total: bool = False) -> Status:
        now_s = time.monotonic()
        self._report_due_s = now_s + self._report_every_s
        status = self._figures.report(now_s, waiting=len(self._inbox), dropped=self._inbox.drops, total=total)
        if self._report is not None:
            self._report(status)
        return status
