"""The file system of the outbox is full for a while, with and without a broker."""

from __future__ import annotations

import logging
import time
from contextlib import ExitStack
from typing import TYPE_CHECKING

from edge.bench.mosquitto import Mosquitto
from tests.drills.feed import TOPICS, DrillFeed
from tests.drills.listener import DrillListener
from tests.drills.report import FeedReport, account
from tests.drills.small_disk import SmallDisk
from tests.drills.tcp_proxy import TcpProxy

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

RATE = 500.0
"""Messages per second."""
_PATIENCE_S = 40.0
_OUTBOX_LOG = "edge.sinks.mqtt.outbox"


class _Lines(logging.Handler):
    """Collects the outbox's log lines."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(record.getMessage())


def run(folder: Path, *, events: int, seed: int, progress: Callable[[float], None]) -> FeedReport:
    """Publish ``events`` messages: with space, on a full disk, on a full disk without a broker, with space again."""
    begun_s, log_lines, quarter = time.monotonic(), _Lines(), max(1, events // 4)
    with ExitStack() as stack:
        _listen(log_lines, stack)
        disk = stack.enter_context(SmallDisk(folder / "disk"))
        broker = stack.enter_context(Mosquitto(folder / "broker"))
        gate = stack.enter_context(TcpProxy(broker.port))
        listener = stack.enter_context(DrillListener(broker.port, TOPICS))
        feed = stack.enter_context(DrillFeed(gate.uri, disk.folder, seed=seed))

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
        faults = _not_recovered(feed)
        listener.wait_for(events, _PATIENCE_S)
        received, sent = listener.received(), feed.sent
    if len(log_lines.lines) != 1:
        faults.append(f"{len(log_lines.lines)} log lines for one full disk: {' | '.join(log_lines.lines[:3])}")
    done = (
        f"the outbox on {disk.kind}, filled up: {came_on_full_disk:,} messages went through memory to the broker",
        f"still full and without a broker: {in_memory:,} waited in memory, then went",
        f"room again: the outbox was {'not ' if faults else ''}written again; one line: {' | '.join(log_lines.lines)}",
    )
    return account("disk", sent, received, done=done, seconds=time.monotonic() - begun_s, faults=faults)


def _listen(handler: logging.Handler, stack: ExitStack) -> None:
    logger = logging.getLogger(_OUTBOX_LOG)
    logger.addHandler(handler)
    stack.callback(logger.removeHandler, handler)


def _not_recovered(feed: DrillFeed) -> list[str]:
    """Return the faults if the outbox does not return to its file."""
    deadline_s = time.monotonic() + _PATIENCE_S
    while not feed.outbox.lasting and time.monotonic() < deadline_s:
        time.sleep(0.05)
    return [] if feed.outbox.lasting else ["the outbox is not written though there is room again"]
