"""One simulated device: its connection, its last will, and what waits for the broker's receipt, in order."""

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
    from tests.fleet.simulation.tally import Tally

WINDOW = 16
"""Messages that may await their receipt, as on the real device."""
BACKLOG_MAX = 1000
_NOBODY_LISTENS = 0x10
_REFUSED = 0x80
_UNHEARD_PAUSE_NS = 250_000_000
_NS = 1_000_000_000


@dataclass(slots=True)
class Parcel:
    """An event or aggregate on its way; times are monotonic."""

    id: str
    topic: str
    payload: str
    made_ns: int
    sent_ns: int = 0
    acknowledged_ns: int = 0


class Device:
    """Driven by one thread, which also polls its link.

    ``resend_ns``: after a broken connection, what the broker had acknowledged so shortly before is sent once more, and
    what it took while nobody was subscribed is offered again for so long; 0 does neither, as the real device today.
    """

    def __init__(self, story: NodeModel, options: Options, prefix: str, tally: Tally, *, resend_ns: int = 0) -> None:
        self.story = story
        self.link: PolledConnection | None = None
        self.backoff = Backoff(first_s=0.5, max_s=20.0)
        self.reconnects = -1
        self.drops = 0
        self._base = f"{prefix}/{story.node}"
        self.options = replace(options, client_id=self._base.replace("/", "-"))
        self._tally = tally
        self._resend_ns = resend_ns
        self._waiting: deque[Parcel] = deque()
        self._in_flight: OrderedDict[int, Parcel] = OrderedDict()
        self._settled: deque[Parcel] = deque()
        self._farewell: int | None = None
        self._hold_until_ns = 0
        self._now_ns = 0
        self.said_goodbye = False

    @property
    def depth(self) -> int:
        """Events and aggregates without a receipt."""
        return len(self._waiting) + len(self._in_flight)

    def new_link(self) -> PolledConnection:
        """A connection that is not opened yet."""
        will = Will(f"{self._base}/availability", "offline")
        return PolledConnection(self.options, ConnectOptions(), will=will, on_receipt=self._answered)

    def joined(self, link: PolledConnection, now_ns: int) -> None:
        """The broker took the connection: say who is here, then what waits."""
        self.link = link
        self.reconnects += 1
        again = [*(self._settled if self.reconnects else ()), *self._in_flight.values()]
        self._tally.resent += len(again)
        self._waiting.extendleft(reversed(again))
        self._settled.clear()
        self._in_flight.clear()
        self._farewell = None
        link.publish(f"{self._base}/availability", "online", qos=1, retain=True)
        link.publish(f"{self._base}/info", self.story.info().to_json(), qos=1, retain=True)
        self.tell("state", self.story.state_now(now_ns).to_json())
        self.pump(now_ns)

    def left(self) -> None:
        """The connection is gone."""
        if self.link is not None:
            self.link.abandon()
        self.link = None

    def add(self, kind: str, identity: str, payload: str, now_ns: int) -> None:
        """An event or aggregate; beyond the bound the oldest is dropped and counted."""
        self._tally.made += 1
        if len(self._waiting) >= BACKLOG_MAX:
            self._waiting.popleft()
            self._tally.dropped += 1
            self.drops += 1
        self._waiting.append(Parcel(identity, f"{self._base}/{kind}", payload, now_ns))

    def tell(self, kind: str, payload: str) -> None:
        """A retained message of QoS 0, worth sending only now."""
        if self.link is not None:
            self.link.publish(f"{self._base}/{kind}", payload, qos=0, retain=True, expiry_s=180)

    def pump(self, now_ns: int) -> None:
        """Hand to the connection what may be sent, in order."""
        self._now_ns = now_ns
        while self.link is not None and self._waiting and len(self._in_flight) < WINDOW:
            if now_ns < self._hold_until_ns:
                return
            parcel = self._waiting.popleft()
            number = self.link.publish(parcel.topic, parcel.payload, qos=1)
            self._tally.sent += parcel.sent_ns == 0
            parcel.sent_ns = now_ns
            self._in_flight[number] = parcel

    def depart(self) -> None:
        """Publish ``offline``; DISCONNECT follows its receipt."""
        if self.link is not None and self._farewell is None:
            self._farewell = self.link.publish(f"{self._base}/availability", "offline", qos=1, retain=True)

    def receiving(self, now_ns: int) -> None:
        """Receipts that are read now came at ``now_ns``."""
        self._now_ns = now_ns

    def _answered(self, number: int, reason: int) -> None:
        """The broker's receipt of a message."""
        if number == self._farewell and self.link is not None:
            self.link.say_goodbye()
            self.said_goodbye = True
        parcel = self._in_flight.pop(number, None)
        if parcel is None:
            return
        self._tally.receipt_s.append((self._now_ns - parcel.sent_ns) / _NS)
        if reason >= _REFUSED:
            self._tally.refused += 1
        elif reason == _NOBODY_LISTENS and self._now_ns - parcel.made_ns < self._resend_ns:
            self._offer_again(parcel)
        else:
            self._book(parcel, heard=reason != _NOBODY_LISTENS)

    def _offer_again(self, parcel: Parcel) -> None:
        """Before all that was made after it; ids sort by time."""
        self._tally.resent += 1
        place = next((i for i, other in enumerate(self._waiting) if other.id > parcel.id), len(self._waiting))
        self._waiting.insert(place, parcel)
        self._hold_until_ns = self._now_ns + _UNHEARD_PAUSE_NS

    def _book(self, parcel: Parcel, *, heard: bool) -> None:
        if parcel.acknowledged_ns == 0:
            self._tally.acknowledged += heard
            self._tally.unheard += not heard
            if heard and self._tally.acknowledged_ids is not None:
                self._tally.acknowledged_ids.add(parcel.id)
        parcel.acknowledged_ns = self._now_ns
        if self._resend_ns:
            self._settled.append(parcel)
            while self._settled and self._settled[0].acknowledged_ns < self._now_ns - self._resend_ns:
                self._settled.popleft()
