"""Requests and switches received over MQTT: validated, passed to the runtime, answered.

Everything received is either executed or refused in one line; no input can do more harm than the cost of that line.
"""

from __future__ import annotations

import logging
import threading
from collections import Counter
from typing import TYPE_CHECKING

from edge.core.events import Reply
from edge.sinks.mqtt import payloads
from edge.sinks.mqtt.outgoing import TRANSIENT_MAX
from edge.sinks.mqtt.topics import Publication, Topic
from edge.sinks.mqtt.transactions import BUSY, Transactions
from edge.util.logs import LogThrottle
from edge.util.text import in_one_line

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from edge.core.commands import Answer, Command, CommandQueue
    from edge.sinks.mqtt.arrival import Arrival

_LOG = logging.getLogger(__name__)
_TOPIC_MAX = 512
_LOG_EVERY_S = 60.0
_ROOM_FOR_REFUSALS = 64
"""Number of free places reserved for answers to executed requests; with fewer, refusals are omitted."""
_TOPICS_MAX = 64
"""Response topics whose refusals are counted individually; others are counted for the request's own topic."""


def without_wildcards(filters: Iterable[str]) -> tuple[str, ...]:
    """Return ``filters`` with ``.../request/+`` expanded to one topic per request, for brokers without wildcards."""
    return tuple(
        topic
        for name in filters
        for topic in (
            [f"{name.removesuffix('+')}{request}" for request in payloads.REQUESTS]
            if name.endswith("/request/+")
            else [name]
        )
    )


class Requests:
    """Handler of messages on :attr:`subscriptions`; ``publish`` sends an answer and may be called from any thread.

    ``room`` returns how many more answers can wait to be sent. A request is accepted only if there is a place for its
    answer. In a flood that fills the places, refusals are omitted and counted per response topic; the next one sent
    there reports the number, or :meth:`settle` does once there is room.
    """

    def __init__(
        self,
        prefix: str,
        node: str,
        inbox: CommandQueue,
        publish: Callable[[Publication], None],
        *,
        room: Callable[[], int] = lambda: TRANSIENT_MAX,
    ) -> None:
        self._node = f"{prefix}/{node}"
        self._inbox = inbox
        self._publish = publish
        self._room = room
        self._unanswered: Counter[str] = Counter()
        self._lock = threading.Lock()
        self._transactions = Transactions()
        self._log = LogThrottle(_LOG_EVERY_S)

    @property
    def subscriptions(self) -> tuple[str, ...]:
        """Topic filters to subscribe to."""
        return (f"{self._node}/request/+", f"{self._node}/privacy/set", f"{self._node}/display/set")

    def take(self, arrival: Arrival) -> None:
        """Pass a command to the runtime, or refuse it."""
        try:
            transaction, command = self._read(arrival)
        except payloads.Refused as refusal:
            self._refuse(arrival, str(refusal), refusal.transaction)
            return
        problem = self._transactions.begin(transaction) if self._free > 0 else BUSY
        if problem:
            self._refuse(arrival, problem, transaction)
        elif not self._inbox.offer(command, lambda answer: self._answer(arrival, answer, transaction), remote=True):
            self._transactions.end(transaction, done=False)
            self._refuse(arrival, BUSY, transaction)

    @property
    def _free(self) -> int:
        """Number of answer places that no request in progress needs."""
        return self._room() - self._transactions.in_progress

    def _read(self, arrival: Arrival) -> tuple[str | None, Command]:
        """Parse a message and return ``(transaction, command)``.

        Raises:
            Refused: The message is not a valid command.
        """
        what = arrival.topic.removeprefix(f"{self._node}/")
        if arrival.retained:
            msg = "retained requests are refused: publish without the retain flag"
            raise payloads.Refused(msg)
        if what in payloads.SWITCHES:
            return None, payloads.SWITCHES[what](arrival.payload)
        return payloads.request(what.removeprefix("request/"), arrival.payload)

    def _refuse(self, arrival: Arrival, why: str, transaction: str | None) -> None:
        if self._log.due((arrival.topic, why)):
            _LOG.warning("%s: refused: %s", in_one_line(arrival.topic[:_TOPIC_MAX]), why)
        topic = self._response_topic(arrival)
        if topic is None:
            return
        if self._free < _ROOM_FOR_REFUSALS:
            self._leave_out(topic, arrival)
            return
        if left_out := self._left_out_at(topic):
            why = f"{why} ({left_out} refused before it got no answer)"
        self._reply(topic, arrival, Reply(status="error", error=why, transaction=transaction))

    def settle(self) -> None:
        """Report the number of omitted refusals if there is room for that now."""
        while self._unanswered and self._free >= _ROOM_FOR_REFUSALS:
            with self._lock:
                if not self._unanswered:
                    return
                name, count = self._unanswered.popitem()
            why = f"{count} requests were refused and got no answer: {BUSY}"
            self._publish(Publication(Topic(name, retain=False, qos=1), Reply(status="error", error=why).to_json()))

    def _leave_out(self, topic: str, arrival: Arrival) -> None:
        with self._lock:
            if topic not in self._unanswered and len(self._unanswered) >= _TOPICS_MAX:
                topic = f"{self._node}/response/{arrival.topic.rpartition('/')[2]}"
            self._unanswered[topic] += 1
        if self._log.due("unanswered"):
            _LOG.warning("more requests arrive than answers can be sent: some refusals are omitted")

    def _left_out_at(self, topic: str) -> int:
        with self._lock:
            return self._unanswered.pop(topic, 0)

    def _answer(self, arrival: Arrival, answer: Answer, transaction: str | None) -> None:
        self._transactions.end(transaction, done=answer.error is None)
        status = "ok" if answer.error is None else "error"
        topic = self._response_topic(arrival)
        if topic is not None:
            self._reply(
                topic, arrival, Reply(status=status, data=answer.data, error=answer.error, transaction=transaction)
            )

    def _reply(self, name: str, arrival: Arrival, reply: Reply) -> None:
        topic = Topic(name, retain=False, qos=1)
        self._publish(Publication(topic, reply.to_json(), correlation=arrival.correlation))

    def _response_topic(self, arrival: Arrival) -> str | None:
        """Return the requested response topic unless it would imitate this node; switches have none."""
        wanted = arrival.response_topic
        if wanted is not None:
            ours = wanted.startswith(f"{self._node}/") and not wanted.startswith(f"{self._node}/response/")
            if wanted and len(wanted) <= _TOPIC_MAX and not set("+#\0$") & set(wanted) and not ours:
                return wanted
            if self._log.due((arrival.topic, "response topic")):
                _LOG.warning("%s: response topic %.80r is refused", in_one_line(arrival.topic[:_TOPIC_MAX]), wanted)
        command = arrival.topic.removeprefix(f"{self._node}/request/")
        return f"{self._node}/response/{command}" if command in payloads.REQUESTS else None
