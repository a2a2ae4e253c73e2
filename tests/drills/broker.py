"""The broker is killed and restarted at random while a device publishes."""

from __future__ import annotations

import random
import threading
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

RATE = 1000.0
"""Messages per second."""
_ALIVE_S = (0.2, 1.5)
_DEAD_S = (0.0, 0.8)
_PATIENCE_S = 20.0
_HONESTLY = (
    "Mosquitto acknowledges before it saves: it saved after every turn, with no limit in flight, and the device got to "
    "it only when the subscriber (persistent session) was back"
)


def run(folder: Path, *, events: int, seed: int, progress: Callable[[float], None]) -> FeedReport:
    """Publish ``events`` messages while the broker is killed repeatedly."""
    chance, begun_s, kills = random.Random(seed), time.monotonic(), 0
    with ExitStack() as stack:
        broker = stack.enter_context(Mosquitto(folder / "broker"))
        proxy = stack.enter_context(TcpProxy(broker.port))
        listener = stack.enter_context(DrillListener(broker.port, TOPICS))
        feed = stack.enter_context(DrillFeed(proxy.uri, folder, seed=seed))
        feed.wait_until_connected(_PATIENCE_S)
        publisher = threading.Thread(target=feed.publish, args=(events, RATE), name="publisher")
        publisher.start()
        while publisher.is_alive() or not kills:
            time.sleep(chance.uniform(*_ALIVE_S))
            _restart(broker, proxy, listener, chance.uniform(*_DEAD_S))
            kills += 1
            progress(listener.count)
        feed.wait_until_connected(_PATIENCE_S)
        feed.wait_until_empty(_PATIENCE_S)
        listener.wait_for(len(feed.sent), _PATIENCE_S)
        reconnects, received, sent = feed.reconnects, listener.received(), feed.sent
    what = f"{events:,} messages at {RATE:,.0f} a second through Mosquitto, which was killed with SIGKILL and restarted"
    done = (f"{what} {kills} times; the device connected again {reconnects} times", _HONESTLY)
    return account("broker", sent, received, done=done, seconds=time.monotonic() - begun_s)


def _restart(broker: Mosquitto, proxy: TcpProxy, listener: DrillListener, dead_s: float) -> None:
    """Kill the broker without warning; reconnect the device after the subscriber is back.

    Killing a process resets its connections, and a reset discards data that has reached this machine but was not read
    yet: messages that the broker had forwarded and acknowledged. Therefore the broker is stopped first, until this data
    is read.
    """
    broker.freeze()
    listener.catch_up()
    broker.kill()
    proxy.shut()
    listener.expect_away()
    time.sleep(dead_s)
    broker.start()
    listener.wait_until_back()
    proxy.open()
