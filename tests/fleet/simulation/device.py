"""Simulated device: its connection, its last will, and messages waiting for acknowledgement, in order."""

from __future__ import annotations

from collections import OrderedDict, deque
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from edge.collector.connect_options import ConnectOptions, Will
from edge.collector.polled_connection import PolledConnection
from edge.util.backoff import Backoff

if TYPE_CHECKING:
    from edge.sinks.mqtt.options import Options
    from tests.fleet.simulation.node_model import NodeModel
    from tests.fleet.simulation.tally import MessageTally

WINDOW = 16
"""Maximum unacknowledged messages, as on the real device."""
BACKLOG_MAX = 1000
_NOBODY_LISTENS = 0x10
_REFUSED = 0x80
_UNHEARD_PAUSE_NS = 250_000_000
_NS = 1_000_000_000


@dataclass(slots=True)
class PendingMessage:
    """Unacknowledged event or aggregate; times are monotonic."""

    id: str
    topic: str
    payload: str
    made_ns: int
    sent_ns: int = 0
    acknowledged_ns: int = 0


class SimulatedDevice:
    """Simulated device, driven by one thread that also polls its link.

    ``resend_ns``: after a broken connection, messages acknowledged less than this before are sent again, and messages
    accepted without a subscriber are offered again for this long; 0 does neither, like the real device.
    """

    def __init__(
        self, node_model: NodeModel, options: Options, prefix: str, tally: MessageTally, *, resend_ns: int = 0
    ) -> None:
        self.node_model = node_model
        self.link: PolledConnection | None = None
        self.backoff = Backoff(first_s=0.5, max_s=20.0)
        self.reconnects = -1
        self.drops = 0
        self._base = f"{prefix}/{node_model.node}"
        self.options = replace(options, client_id=self._base.replace("/", "-"))
        self._tally = tally
        self._resend_ns = resend_ns
        self._waiting: deque[PendingMessage] = deque()
        self._in_flight: OrderedDict[int, PendingMessage] = OrderedDict()
        self._settled: deque[PendingMessage] = deque()
        self._farewell: int | None = None
        self._hold_until_ns = 0
        self._now_ns = 0
        self.said_goodbye = False

    @property
    def depth(self) -> int:
        """Return the number of unacknowledged events and aggregates."""
        return len(self._waiting) + len(self._in_flight)

    def new_link(self) -> PolledConnection:
        """Create an unopened connection."""
        will = Will(f"{self._base}/availability", "offline")
        return PolledConnection(self.options, ConnectOptions(), will=will, on_receipt=self._answered)

    def joined(self, link: PolledConnection, now_ns: int) -> None:
        """Handle an accepted connection: publish info and state, then waiting messages."""
        self.link = link
        self.reconnects += 1
        again = [*(self._settled if self.reconnects else ()), *self._in_flight.values()]
        self._tally.resent += len(again)
        self._waiting.extendleft(reversed(again))
        self._settled.clear()
        self._in_flight.clear()
        self._farewell = None
        link.publish(f"{self._base}/availability", "online", qos=1, retain=True)
        link.publish(f"{self._base}/info", self.node_model.info().to_json(), qos=1, retain=True)
        self.tell("state", self.node_model.state_now(now_ns).to_json())
        self.pump(now_ns)

    def left(self) -> None:
        """Handle a lost connection."""
        if self.link is not None:
            self.link.abandon()
        self.link = None

    def add(self, kind: str, identity: str, payload: str, now_ns: int) -> None:
        """Queue an event or aggregate; beyond the limit the oldest is dropped and counted."""
        self._tally.made += 1
        if len(self._waiting) >= BACKLOG_MAX:
            self._waiting.popleft()
            self._tally.dropped += 1
            self.drops += 1
        self._waiting.append(PendingMessage(identity, f"{self._base}/{kind}", payload, now_ns))

    def tell(self, kind: str, payload: str) -> None:
        """Publish a retained message with QoS 0, only while connected."""
        if self.link is not None:
            self.link.publish(f"{self._base}/{kind}", payload, qos=0, retain=True, expiry_s=180)

    def pump(self, now_ns: int) -> None:
        """Pass messages to the connection in order, within the limit."""
        self._now_ns = now_ns
        while self.link is not None and self._waiting and len(self._in_flight) < WINDOW:
            if now_ns < self._hold_until_ns:
                return
            message = self._waiting.popleft()
            number = self.link.publish(message.topic, message.payload, qos=1)
            self._tally.sent += message.sent_ns == 0
            message.sent_ns = now_ns
            self._in_flight[number] = message

    def depart(self) -> None:
        """Publish ``offline``; DISCONNECT follows its acknowledgement."""
        if self.link is not None and self._farewell is None:
            self._farewell = self.link.publish(f"{self._base}/availability", "offline", qos=1, retain=True)

    def receiving(self, now_ns: int) -> None:
        """Set the time of the acknowledgements that are read now."""
        self._now_ns = now_ns

    def _answered(self, number: int, reason: int) -> None:
        """Handle the broker's acknowledgement of a message."""
        if number == self._farewell and self.link is not None:
            self.link.say_goodbye()
            self.said_goodbye = True
        message = self._in_flight.pop(number, None)
        if message is None:
            return
        self._tally.receipt_s.append((self._now_ns - message.sent_ns) / _NS)
        if reason >= _REFUSED:
            self._tally.refused += 1
        elif reason == _NOBODY_LISTENS and self._now_ns - message.made_ns < self._resend_ns:
            self._offer_again(message)
        else:
            self._book(message, heard=reason != _NOBODY_LISTENS)

    def _offer_again(self, message: PendingMessage) -> None:
        """Queue a message again before later ones; ids sort by time."""
        self._tally.resent += 1
        place = next((i for i, other in enumerate(self._waiting) if other.id > message.id), len(self._waiting))
        self._waiting.insert(place, message)
        self._hold_until_ns = self._now_ns + _UNHEARD_PAUSE_NS

    def _book(self, message: PendingMessage, *, heard: bool) -> None:
        if message.acknowledged_ns == 0:
            self._tally.acknowledged += heard
            self._tally.unheard += not heard
            if heard and self._tally.acknowledged_ids is not None:
                self._tally.acknowledged_ids.add(message.id)
        message.acknowledged_ns = self._now_ns
        if self._resend_ns:
            self._settled.append(message)
            while self._settled and self._settled[0].acknowledged_ns < self._now_ns - self._resend_ns:
                self._settled.popleft()
