"""Client that maintains a connection to the broker in the background and recovers from every failure.

All network work happens on one thread; callers only put messages into :class:`Outgoing` and wake it.
"""

from __future__ import annotations

import logging
import threading
import time
from typing import TYPE_CHECKING

from paho.mqtt.client import topic_matches_sub

from edge.core.errors import ConfigError
from edge.sinks.mqtt import connection_errors
from edge.sinks.mqtt.connection import ANSWER_TIMEOUT_S, TURN_S
from edge.sinks.mqtt.connection_errors import Cause, ConnectionFailure
from edge.sinks.mqtt.connector import Connector
from edge.sinks.mqtt.outgoing import PACKET_TOO_LARGE, OutgoingMessage, Verdict
from edge.sinks.mqtt.requests import without_wildcards
from edge.sinks.mqtt.topics import availability
from edge.sinks.mqtt.waker import Waker
from edge.util.backoff import Backoff

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from edge.sinks.mqtt.arrival import Listener
    from edge.sinks.mqtt.connection import Connection
    from edge.sinks.mqtt.options import Options
    from edge.sinks.mqtt.outgoing import Outgoing
    from edge.sinks.mqtt.topics import Publication, Topics

_LOG = logging.getLogger(__name__)
_FIRST_PAUSE_S = 0.5
_FIRST_PAUSE_WHEN_LASTING_S = 10.0
_STABLE_AFTER_S = 5.0
REPEAT_S = 60.0
"""Interval between two publications of the values that a broker does not retain."""
_FLAPPING = 3
_EVENTS_SHARE = 0.6
"""Share of the shutdown time for events that still wait; the rest is for ``offline``."""


class Client:
    """MQTT client, started and stopped once; ``outgoing`` may be passed on to the next one.

    ``options`` is called before every attempt, so that a corrected password file is used without a restart.
    """

    def __init__(
        self,
        options: Callable[[], Options],
        topics: Topics,
        outgoing: Outgoing,
        *,
        listeners: Sequence[Listener] = (),
        backoff_max_s: float = 60.0,
        answer_timeout_s: float = ANSWER_TIMEOUT_S,
        repeat_s: float = REPEAT_S,
    ) -> None:
        self._options = options
        self._topics = topics
        self._outgoing = outgoing
        self._listeners = listeners
        self._connector = Connector(options, topics, repeat_s=repeat_s, answer_timeout_s=answer_timeout_s)
        self._repeat_s = repeat_s
        self._repeat_due_s = 0.0
        self._lock = threading.Lock()
        self._waker = Waker()
        self._stopping = threading.Event()
        self._deadline_s = 0.0
        self._backoff = Backoff(first_s=_FIRST_PAUSE_S, max_s=backoff_max_s)
        self._slow_backoff = Backoff(first_s=_FIRST_PAUSE_WHEN_LASTING_S, max_s=backoff_max_s)
        self._short_lived = 0
        self._last_logged = ""
        self._reported: set[tuple[str, str]] = set()
        self.connected = False
        self._thread = threading.Thread(target=self._run, name="mqtt", daemon=True)
        outgoing.listen(self._waker.set)

    def start(self) -> None:
        """Start connecting; return at once."""
        self._thread.start()

    def publish(self, publication: Publication) -> None:
        """Send once there is a connection; return at once."""
        with self._lock:
            self._outgoing.put(publication)
        self._waker.set()

    def stop(self, timeout_s: float = 1.0) -> bool:
        """Publish waiting messages and ``offline``, then disconnect; return False if that exceeds ``timeout_s``."""
        self._deadline_s = time.monotonic() + timeout_s
        self._stopping.set()
        self._waker.set()
        if self._thread.is_alive():
            # the thread observes the deadline, unless a name lookup or the TCP handshake blocks it
            self._thread.join(timeout_s + 0.1)
        return not self._thread.is_alive()

    @property
    def reconnects(self) -> int:
        """Connections made after the first one."""
        return max(0, self._connector.opened - 1)

    def _run(self) -> None:
        try:
            while not self._stopping.is_set():
                self._attempt()
        finally:
            self.connected = False
            self._waker.close()

    def _attempt(self) -> None:
        """Connect, serve until the connection ends, wait."""
        try:
            quiet = self._short_lived >= _FLAPPING
            connection = self._connector.open(self._waker, self._stopping, quiet=quiet)
            if connection is not None:
                self._serve(connection)
        except ConnectionFailure as failure:
            self._pause(failure.cause)
        except ConfigError as error:
            self._pause(Cause(str(error), lasting=True))
        except Exception as error:  # noqa: BLE001 - a defect of ours must not end the feed for good
            self._pause(Cause(f"the connection to the broker failed: {error!r}", lasting=True), error)

    def _serve(self, connection: Connection) -> None:
        """Serve the connection until the client stops.

        Raises:
            ConnectionFailure: The connection ended earlier.
        """
        since_s = time.monotonic()
        try:
            with self._lock:
                self._outgoing.reconnected()
            self._subscribe(connection)
            # a broker that changes its mind sends a reason before it closes; a second message would fail
            # before that reason is read
            self._settle(connection, 0.0)
            self._send(connection, OutgoingMessage(availability(self._topics, online=True)))
            self.connected = True
            self._repeat_due_s = time.monotonic() + self._repeat_s
            while not self._stopping.is_set():
                self._exchange(connection)
                self._repeat(connection)
            self._shut_down(connection)
        except ConnectionFailure as failure:
            self._record_loss(time.monotonic() - since_s, failure)
            raise
        finally:
            self.connected = False
            connection.abandon()

    def _subscribe(self, connection: Connection) -> None:
        filters = [name for listener in self._listeners for name in listener.subscriptions]
        connection.subscribe(filters if connection.capabilities.wildcards else without_wildcards(filters))

    def _repeat(self, connection: Connection) -> None:
        """Publish retained values again if the broker does not retain, so that later subscribers receive them."""
        if connection.capabilities.retain or time.monotonic() < self._repeat_due_s:
            return
        self._repeat_due_s = time.monotonic() + self._repeat_s
        self._send(connection, OutgoingMessage(availability(self._topics, online=True)))
        with self._lock:
            self._outgoing.repeat()

    def _record_loss(self, lived_s: float, failure: ConnectionFailure) -> None:
        """Reset backoff and log filter only after a stable connection, so that no broker is flooded."""
        if lived_s >= _STABLE_AFTER_S:
            self._backoff.reset()
            self._slow_backoff.reset()
            self._last_logged = ""
            self._short_lived = 0
            return
        self._short_lived += 1
        if self._short_lived >= _FLAPPING and not failure.cause.lasting:
            failure.cause = connection_errors.of_flapping(self._options(), mqtt5=not self._connector.older_protocol)

    def _exchange(self, connection: Connection, timeout_s: float = TURN_S) -> None:
        """Send what may be sent, then serve the network once."""
        while not connection.congested:
            with self._lock:
                message = self._outgoing.take(connection.window)
            if message is None:
                break
            if connection.fits(message.publication):
                self._send(connection, message)
            else:
                self._outgoing.reject(message)
                most = connection.capabilities.packet_max
                problem = f"{PACKET_TOO_LARGE}: it takes {most:,} bytes, raise its maximum packet size"
                self._report(message.publication, problem, Verdict.NEVER)
        self._settle(connection, timeout_s)

    def _send(self, connection: Connection, message: OutgoingMessage) -> int:
        number = connection.publish(message.publication)
        with self._lock:
            self._outgoing.sent(message, number)
        return number

    def _settle(self, connection: Connection, timeout_s: float, *, until: int | None = None) -> bool:
        """Serve the network once and process acknowledgements; return True if number ``until`` was among them."""
        receipts = connection.turn(self._waker, max(0.0, timeout_s))
        self._dispatch(connection)
        for receipt in receipts:
            verdict = Verdict.of(receipt.code)
            with self._lock:
                publication = self._outgoing.answered(receipt.number, verdict)
            if publication is not None and verdict is not Verdict.TAKEN:
                self._report(publication, receipt.problem, verdict)
            elif publication is not None and self._reported:
                self._clear_reports(publication)
        return any(receipt.number == until for receipt in receipts)

    def _dispatch(self, connection: Connection) -> None:
        """Pass received messages to their listeners."""
        for arrival in connection.arrivals():
            for listener in self._listeners:
                if any(topic_matches_sub(name, arrival.topic) for name in listener.subscriptions):
                    listener.take(arrival)
        for name in connection.refusals():
            parts = without_wildcards([name])
            if parts != (name,) and connection.capabilities.wildcards:
                # MQTT 3.1.1 cannot announce that a broker lacks wildcards
                connection.subscribe(parts)
            else:
                self._report_refused_subscription(name)

    def _report_refused_subscription(self, name: str) -> None:
        """Log a refusal once per subscription, even if it covers many topics."""
        wanted = [wanted for listener in self._listeners for wanted in listener.subscriptions]
        whole = next((one for one in wanted if name in without_wildcards([one])), name)
        if (whole, "") not in self._reported:
            self._reported.add((whole, ""))
            _LOG.error("the broker refuses the subscription to %s; check its access rules", whole)

    def _shut_down(self, connection: Connection) -> None:
        """Empty the queue while there is time, then publish ``offline`` and wait for its acknowledgement."""
        self._outgoing.hurry()
        begun_s = time.monotonic()
        events_until_s = begun_s + (self._deadline_s - begun_s) * _EVENTS_SHARE
        while not self._outgoing.idle and (left_s := events_until_s - time.monotonic()) > 0:
            self._exchange(connection, left_s)
        number = self._send(connection, OutgoingMessage(availability(self._topics, online=False)))
        while (left_s := self._deadline_s - time.monotonic()) > 0:
            if self._settle(connection, left_s, until=number):
                break
        connection.close()

    def _report(self, publication: Publication, problem: str, verdict: Verdict) -> None:
        """Log a problem once per topic, until the broker accepts the topic again."""
        what = (publication.topic.name, problem)
        if what in self._reported:
            return
        self._reported.add(what)
        if verdict is Verdict.NEVER:
            _LOG.error("the broker can never accept a message on %s: %s; such messages are dropped", *what)
        elif publication.seq is None:
            _LOG.error("the broker does not take %s: %s; check its access rules", *what)
        else:
            _LOG.error("the broker does not take %s: %s; check its access rules; events wait until it does", *what)

    def _clear_reports(self, publication: Publication) -> None:
        """Report that the broker accepts a topic again, so that its next refusal is logged."""
        topic = publication.topic.name
        if any(name == topic for name, _ in self._reported):
            self._reported = {what for what in self._reported if what[0] != topic}
            _LOG.info("the broker takes %s again", topic)

    def _pause(self, cause: Cause, error: Exception | None = None) -> None:
        """Wait before the next attempt; log one line per change of cause, however long the outage."""
        if cause.text != self._last_logged and not self._stopping.is_set():
            self._last_logged = cause.text
            _LOG.log(logging.ERROR if cause.lasting else logging.WARNING, "%s", cause.text, exc_info=error)
        self._stopping.wait((self._slow_backoff if cause.lasting else self._backoff).next_s())
