"""A device without a camera: its numbering, dispatcher, MQTT sink and outbox are the real ones."""

from __future__ import annotations

import os
import random
import time
from contextlib import ExitStack
from typing import TYPE_CHECKING, Self

from edge.config import MqttConfig
from edge.core.events import Aggregate, Event, EventType, Stamp
from edge.core.types import EMOTIONS
from edge.runtime.dispatch import Dispatcher
from edge.sinks.mqtt.outbox import Outbox
from edge.sinks.mqtt.sink import MqttSink
from edge.sinks.mqtt.topics import Topics
from tests.drills.report import MessageMark

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from types import TracebackType

NODE = "drill"
TOPICS = Topics.of("face-edge", NODE)
AGGREGATE_EVERY = 10
"""Number of messages of which one is an aggregate; the others are events."""
_TICK_S = 0.005


class DrillFeed:
    """Publishes to ``broker``, with an outbox in ``folder``; ``sent`` lists the messages in order."""

    def __init__(self, broker: str, folder: Path, *, seed: int) -> None:
        config = MqttConfig(broker=broker, backoff_max_s=1.0)
        self.path = folder / f"outbox-{NODE}.sqlite3"
        self.outbox = Outbox(self.path, TOPICS, config.outbox, retry_max_s=config.backoff_max_s)
        self._sink = MqttSink(config, NODE, outbox=self.outbox)
        self._dispatcher = Dispatcher([self._sink])
        self._chance = random.Random(seed)
        self._resources = ExitStack()
        self.sent: list[MessageMark] = []

    def __enter__(self) -> Self:
        self._resources.enter_context(self.outbox)
        self._resources.callback(self._dispatcher.close)
        self._numbers = self.outbox.next_seq()
        self._stamp = Stamp(epoch_ns=time.time_ns() - time.monotonic_ns(), seed=os.urandom(32), next_seq=self._numbers)
        self._dispatcher.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._resources.close()

    @property
    def begun(self) -> int:
        """Return the number of earlier messages of this node."""
        return sum(self._numbers.values())

    @property
    def depth(self) -> int:
        """Return the number of messages that the broker has not acknowledged."""
        return self._dispatcher.queue_depth

    @property
    def drops(self) -> int:
        """Return the number of messages dropped at a limit."""
        return self._dispatcher.drops

    @property
    def reconnects(self) -> int:
        """Return the number of connections after a loss."""
        return self._sink.reconnects

    def publish(self, count: int, rate: float, tell: Callable[[MessageMark], None] = lambda _mark: None) -> None:
        """Publish ``count`` messages at ``rate`` per second; call ``tell`` with each before it is queued."""
        begun_s = time.monotonic()
        for index in range(count):
            if (ahead_s := index / rate - (time.monotonic() - begun_s)) > 0:
                time.sleep(max(ahead_s, _TICK_S))
            total = self.begun + len(self.sent)
            message = self._aggregate() if total % AGGREGATE_EVERY == AGGREGATE_EVERY - 1 else self._event()
            mark = MessageMark("event" if isinstance(message, Event) else "aggregate", message.seq, message.id)
            self.sent.append(mark)
            tell(mark)
            self._dispatcher.put(message)

    def wait_until_connected(self, timeout_s: float) -> None:
        """Wait until the broker has accepted the connection, at most ``timeout_s``."""
        deadline_s = time.monotonic() + timeout_s
        while not self._sink.connected and time.monotonic() < deadline_s:
            time.sleep(0.01)

    def wait_until_empty(self, timeout_s: float) -> None:
        """Wait until the broker has everything, or nothing changed for ``timeout_s``."""
        least, since_s = self.depth + 1, time.monotonic()
        while (depth := self.depth) and time.monotonic() - since_s < timeout_s:
            if depth < least:
                least, since_s = depth, time.monotonic()
            time.sleep(0.01)

    def _event(self) -> Event:
        identity, seq, ts = self._stamp.next(time.monotonic_ns())
        emotion, previous = self._chance.sample(EMOTIONS, 2)
        return Event(
            id=identity,
            seq=seq,
            ts=ts,
            type=EventType.EXPRESSION_CHANGED,
            people=self._chance.randint(1, 9),
            emotion=emotion,
            previous=previous,
            confidence=self._chance.random(),
            valence=self._chance.uniform(-1, 1),
        )

    def _aggregate(self) -> Aggregate:
        identity, seq, ts = self._stamp.next(time.monotonic_ns(), "aggregate")
        shares = {emotion: 1 / len(EMOTIONS) for emotion in EMOTIONS}
        return Aggregate(
            id=identity,
            seq=seq,
            ts=ts,
            start=ts,
            observed_s=60.0,
            people_mean=self._chance.uniform(0, 9),
            people_max=9,
            person_seconds=self._chance.uniform(0, 540),
            scores=shares,
            shares=shares,
            uncertain=0.0,
            valence=0.0,
            suppressed=False,
            session=None,
        )
