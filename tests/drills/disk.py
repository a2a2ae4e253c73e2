"""The file system of the outbox is full for a while, with and without a broker."""

from __future__ import annotations

import logging
import time
from contextlib import ExitStack
from typing import TYPE_CHECKING

from edge.bench.mosquitto import Mosquitto
from tests.drills.feed import TOPICS, Feed
from tests.drills.listener import Listener
from tests.drills.report import Report, account
from tests.drills.small_disk import SmallDisk
from tests.drills.tcp_proxy import TcpProxy

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

RATE = 500.0
"""Messages a second."""
_PATIENCE_S = 40.0
_OUTBOX_LOG = "edge.sinks.mqtt.outbox"


class _Lines(logging.Handler):
    """What the outbox says."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(record.getMessage())


def run(folder: Path, *, events: int, seed: int, progress: Callable[[float], None]) -> Report:
    """Publish ``events`` messages: with room, on a full disk, on a full disk without a broker, with room again."""
    begun_s, said, quarter = time.monotonic(), _Lines(), max(1, events // 4)
    with ExitStack() as stack:
        _listen(said, stack)
        disk = stack.enter_context(SmallDisk(folder / "disk"))
        broker = stack.enter_context(Mosquitto(folder / "broker"))
        gate = stack.enter_context(TcpProxy(broker.port))
        listener = stack.enter_context(Listener(broker.port, TOPICS))
        feed = stack.enter_context(Feed(gate.uri, disk.folder, seed=seed))

        def publish(count: int) -> None:
            feed.publish(count, RATE)
            progress(len(feed.sent))

        publish(quarter)
        listener.wait_for(quarter, _PATIENCE_S)
        disk.fill()
        publish(quarter)
        listener.wait_for(2 * quarter, _PATIENCE_S)
        came_on_full_disk = listener.count - quarter
        gate.shut()
        publish(quarter)
        in_memory = feed.depth
        gate.open()
        feed.wait_until_empty(_PATIENCE_S)
        disk.make_room()
        publish(events - 3 * quarter)
        faults = _unmended(feed)
        listener.wait_for(events, _PATIENCE_S)
        received, sent = listener.received(), feed.sent
    if len(said.lines) != 1:
        faults.append(f"{len(said.lines)} log lines for one full disk: {' | '.join(said.lines[:3])}")
    done = (
        f"the outbox on {disk.kind}, filled up: {came_on_full_disk:,} messages went through memory to the broker",
        f"still full and without a broker: {in_memory:,} waited in memory, then went",
        f"room again: the outbox was {'not ' if faults else ''}written again; one log line: {' | '.join(said.lines)}",
    )
    return account("disk", sent, received, done=done, seconds=time.monotonic() - begun_s, faults=faults)


def _listen(handler: logging.Handler, stack: ExitStack) -> None:
    logger = logging.getLogger(_OUTBOX_LOG)
    logger.addHandler(handler)
    stack.callback(logger.removeHandler, handler)


def _unmended(feed: Feed) -> list[str]:
    """What is wrong where the outbox does not come back to its file."""
    deadline_s = time.monotonic() + _PATIENCE_S
    while not feed.outbox.lasting and time.monotonic() < deadline_s:
        time.sleep(0.05)
    return [] if feed.outbox.lasting else ["the outbox is not written though there is room again"]
