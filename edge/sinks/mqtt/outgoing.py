"""Outgoing messages, by the way each kind is delivered; not thread-safe by itself.

Only the newest value of a retained topic counts; it is sent again on every connection. Numbered messages come from the
outbox, in order, and are kept until the broker has acknowledged them. Anything else, such as a reply to a command, is
sent as soon as the connection allows and loses its value quickly.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from edge.sinks.mqtt.outbox import Entry, Outbox
    from edge.sinks.mqtt.topics import Publication

PACKET_TOO_LARGE = "packet too large"
TRANSIENT_MAX = 256
"""Maximum number of answers and other transient messages that wait to be sent."""
# MQTT 5, 3.4.2.1: the reason is the message itself (topic name invalid, packet too large, payload format invalid)
_FAILURE = 0x80
_HOPELESS = {0x90, 0x95, 0x99}


class Verdict(Enum):
    """Consequence of the broker's answer for a message."""

    TAKEN = "taken"
    LATER = "later"
    NEVER = "never"

    @classmethod
    def of(cls, code: int) -> Verdict:
        """Classify a PUBACK reason code; what an administrator or time can resolve is worth another attempt."""
        if code < _FAILURE:
            return cls.TAKEN
        return cls.NEVER if code in _HOPELESS else cls.LATER


@dataclass(frozen=True, slots=True)
class OutgoingMessage:
    """A message on its way to the broker, with its outbox entry if it came from the outbox."""

    publication: Publication
    entry: Entry | None = None


class Outgoing:
    """Queue of outgoing messages: ``put``, then ``take`` and ``sent``, finally ``answered`` or ``reconnected``."""

    def __init__(self, outbox: Outbox) -> None:
        self._outbox = outbox
        self._newest: dict[str, Publication] = {}
        self._due: dict[str, None] = {}
        self._transient: deque[Publication] = deque()
        self._in_flight: dict[int, OutgoingMessage] = {}
        self._transient_drops = 0

    @property
    def depth(self) -> int:
        """Number of numbered messages that the broker has not acknowledged."""
        return self._outbox.depth

    @property
    def drops(self) -> int:
        """Number of messages lost, at a bound or because the broker will never accept them."""
        return self._outbox.drops + self._transient_drops

    @property
    def idle(self) -> bool:
        """True when nothing is left to send now and no numbered message awaits its acknowledgement."""
        return not self._due and not self._transient and self._outbox.idle

    @property
    def room(self) -> int:
        """Number of answers that can be ``put`` before one is dropped; readable from any thread."""
        return TRANSIENT_MAX - len(self._transient)

    def listen(self, listener: Callable[[], None]) -> None:
        """Call ``listener``, on any thread, when there may be something to ``take``."""
        self._outbox.listen(listener)

    def hurry(self) -> None:
        """Commit waiting messages at once instead of collecting a batch."""
        self._outbox.hurry()

    def put(self, publication: Publication) -> None:
        """Add a message."""
        if publication.topic.retain:
            self._newest[publication.topic.name] = publication
            self._due[publication.topic.name] = None
        elif publication.seq is not None:
            self._outbox.put(publication)
        else:
            if len(self._transient) >= TRANSIENT_MAX:
                self._drop_transient()
            self._transient.append(publication)

    def _drop_transient(self) -> None:
        """Drop the oldest message of QoS 0, or the oldest of all if there is none."""
        for index, waiting in enumerate(self._transient):
            if not waiting.topic.qos:
                del self._transient[index]
                return
        self._transient.popleft()
        self._transient_drops += 1

    def take(self, window: int) -> OutgoingMessage | None:
        """Return the next message if fewer than ``window`` await an acknowledgement; numbered messages come last."""
        if len(self._in_flight) >= window:
            return None
        if self._due:
            name = next(iter(self._due))
            del self._due[name]
            return OutgoingMessage(self._newest[name])
        if self._transient:
            return OutgoingMessage(self._transient.popleft())
        entry = self._outbox.take()
        return None if entry is None else OutgoingMessage(entry.publication, entry)

    def sent(self, message: OutgoingMessage, number: int) -> None:
        """Record that ``message`` was sent with packet identifier ``number``."""
        if message.publication.topic.qos:
            self._in_flight[number] = message

    def answered(self, number: int, verdict: Verdict = Verdict.TAKEN) -> Publication | None:
        """Apply the broker's answer to packet ``number`` and return its publication, if it is known."""
        message = self._in_flight.pop(number, None)
        if message is None:
            return None
        if message.entry is not None:
            match verdict:
                case Verdict.TAKEN:
                    self._outbox.acknowledged(message.entry)
                case Verdict.LATER:
                    self._outbox.refused(message.entry)
                case Verdict.NEVER:
                    self._outbox.rejected(message.entry)
        return message.publication

    def reject(self, message: OutgoingMessage) -> None:
        """Drop ``message``, which was taken but can never be sent."""
        if message.entry is not None:
            self._outbox.rejected(message.entry)

    def repeat(self) -> None:
        """Queue every retained value again, for brokers that do not store them for later subscribers."""
        self._due = dict.fromkeys(self._newest)

    def reconnected(self) -> None:
        """Queue every retained value and, in order, the unacknowledged messages for a new connection.

        Messages of QoS 0 lose their value quickly: those that have accumulated are discarded.
        """
        self._outbox.give_back()
        unanswered = [message.publication for message in self._in_flight.values() if message.entry is None]
        again = [*(message for message in unanswered if not message.topic.retain), *self._transient]
        self._transient = deque(message for message in again if message.topic.qos)
        self._in_flight.clear()
        self._due = dict.fromkeys(self._newest)
