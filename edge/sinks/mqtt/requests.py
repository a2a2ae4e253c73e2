"""Requests and switches that come over MQTT: checked, handed to the loop, answered.

Whatever arrives is refused in one line or done; nothing that anyone sends can do more harm than cost that line.
"""

from __future__ import annotations

import logging
from collections import OrderedDict
from typing import TYPE_CHECKING

from edge.events import Reply
from edge.logs import Rarely
from edge.sinks.mqtt import payloads
from edge.sinks.mqtt.topics import Publication, Topic
from edge.text import in_one_line

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from edge.commands import Answer, Command, Inbox
    from edge.sinks.mqtt.arrival import Arrival

_LOG = logging.getLogger(__name__)
_REMEMBERED = 256
_TOPIC_MAX = 512
_LOG_EVERY_S = 60.0


def without_wildcards(filters: Iterable[str]) -> tuple[str, ...]:
    """Return ``filters`` with each ``.../request/+`` as one topic a request, for brokers that take no wildcards."""
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
    """Takes what arrives on :attr:`subscriptions`; ``publish`` sends an answer and may be called from any thread."""

    def __init__(self, prefix: str, node: str, inbox: Inbox, publish: Callable[[Publication], None]) -> None:
        self._node = f"{prefix}/{node}"
        self._inbox = inbox
        self._publish = publish
        self._answered: OrderedDict[str, None] = OrderedDict()
        self._log = Rarely(_LOG_EVERY_S)

    @property
    def subscriptions(self) -> tuple[str, ...]:
        """Topic filters to subscribe to."""
        return (f"{self._node}/request/+", f"{self._node}/privacy/set", f"{self._node}/display/set")

    def take(self, arrival: Arrival) -> None:
        """Hand a command to the loop, or refuse it."""
        try:
            transaction, command = self._read(arrival)
        except payloads.Refused as refusal:
            self._refuse(arrival, str(refusal), refusal.transaction)
            return
        if not self._inbox.offer(command, lambda answer: self._answer(arrival, answer, transaction)):
            self._refuse(arrival, "too many requests wait: try again", transaction)

    def _read(self, arrival: Arrival) -> tuple[str | None, Command]:
        """``(transaction, command)``.

        Raises:
            Refused: it is none, or one that was answered before.
        """
        what = arrival.topic.removeprefix(f"{self._node}/")
        if arrival.retained:
            msg = "retained requests are refused: publish without the retain flag"
            raise payloads.Refused(msg)
        if what in payloads.SWITCHES:
            return None, payloads.SWITCHES[what](arrival.payload)
        transaction, command = payloads.request(what.removeprefix("request/"), arrival.payload)
        if transaction is not None:
            if transaction in self._answered:
                msg = "this transaction was answered already"
                raise payloads.Refused(msg, transaction)
            self._answered[transaction] = None
            if len(self._answered) > _REMEMBERED:
                self._answered.popitem(last=False)
        return transaction, command

    def _refuse(self, arrival: Arrival, why: str, transaction: str | None) -> None:
        if self._log.due((arrival.topic, why)):
            _LOG.warning("%s: refused: %s", in_one_line(arrival.topic[:_TOPIC_MAX]), why)
        self._reply(arrival, Reply(status="error", error=why, transaction=transaction))

    def _answer(self, arrival: Arrival, answer: Answer, transaction: str | None) -> None:
        status = "ok" if answer.error is None else "error"
        self._reply(arrival, Reply(status=status, data=answer.data, error=answer.error, transaction=transaction))

    def _reply(self, arrival: Arrival, reply: Reply) -> None:
        name = self._response_topic(arrival)
        if name is not None:
            topic = Topic(name, retain=False, qos=1)
            self._publish(Publication(topic, reply.to_json(), correlation=arrival.correlation))

    def _response_topic(self, arrival: Arrival) -> str | None:
        """Where the sender wants the answer, unless that would let it speak in our name; switches need none."""
        wanted = arrival.response_topic
        if wanted is not None:
            ours = wanted.startswith(f"{self._node}/") and not wanted.startswith(f"{self._node}/response/")
            if wanted and len(wanted) <= _TOPIC_MAX and not set("+#\0$") & set(wanted) and not ours:
                return wanted
            if self._log.due((arrival.topic, "response topic")):
                _LOG.warning("%s: response topic %.80r is refused", in_one_line(arrival.topic[:_TOPIC_MAX]), wanted)
        command = arrival.topic.removeprefix(f"{self._node}/request/")
        return f"{self._node}/response/{command}" if command in payloads.REQUESTS else None
