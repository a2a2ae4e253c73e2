"""Ten minutes without a broker, simulated faster than real time."""

from __future__ import annotations

import time
from contextlib import ExitStack
from typing import TYPE_CHECKING

from edge.bench.mosquitto import Mosquitto
from tests.drills.feed import TOPICS, DrillFeed
from tests.drills.listener import DrillListener
from tests.drills.report import FeedReport, account
from tests.drills.tcp_proxy import TcpProxy

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

OUTAGE_S = 600
RATE = 250.0
"""Messages per second."""
_BEFORE, _AFTER = 0.05, 0.05
_PATIENCE_S = 20.0


def run(folder: Path, *, events: int, seed: int, progress: Callable[[float], None]) -> FeedReport:
    """Publish ``events`` messages, nine tenths of them without a broker."""
    begun_s = time.monotonic()
    before, after = max(1, int(events * _BEFORE)), max(1, int(events * _AFTER))
    during = max(1, events - before - after)
    with ExitStack() as stack:
        broker = stack.enter_context(Mosquitto(folder / "broker"))
        gate = stack.enter_context(TcpProxy(broker.port))
        listener = stack.enter_context(DrillListener(broker.port, TOPICS))
        feed = stack.enter_context(DrillFeed(gate.uri, folder, seed=seed))
        feed.publish(before, RATE)
        listener.wait_for(before, _PATIENCE_S)
        broker.kill()
        gate.shut()
        listener.expect_away()
        outage_s = -time.monotonic()
        feed.publish(during, RATE, lambda _mark: progress(len(feed.sent)))
        outage_s += time.monotonic()
        waiting = feed.depth
        broker.start()
        listener.wait_until_back()
        gate.open()
        back_s = -time.monotonic()
        feed.publish(after, RATE)
        feed.wait_until_empty(_PATIENCE_S)
        back_s += time.monotonic()
        listener.wait_for(len(feed.sent), _PATIENCE_S)
        received, sent = listener.received(), feed.sent
    what = f"{OUTAGE_S} s without a broker, played in {outage_s:.1f} s"
    done = (
        f"{what}: {during:,} messages, as {during / OUTAGE_S:.1f} a second would give",
        f"{waiting:,} messages waited when the broker was back; all were through within {back_s:.1f} s",
    )
    return account("outage", sent, received, done=done, seconds=time.monotonic() - begun_s)
