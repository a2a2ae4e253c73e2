"""Sinks and devices under test."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from edge.config import MqttConfig, OutboxConfig
from edge.sinks.mqtt.outbox import Outbox
from edge.sinks.mqtt.sink import MqttSink
from edge.sinks.mqtt.topics import Topics

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from edge.core.commands import CommandQueue

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


@pytest.fixture
def make_outbox() -> Iterator[Callable[..., Outbox]]:
    """``make_outbox(path, **settings)``: of node ``n1``, open, in memory without a path; closed at the end."""
    made: list[Outbox] = []

    def make(path: Path | None = None, *, retry_max_s: float = 0.05, **settings: Any) -> Outbox:
        config = OutboxConfig.model_validate({"commit_interval_s": 0.01, **settings})
        made.append(Outbox(path, Topics.of("face-edge", "n1"), config, retry_max_s=retry_max_s).open())
        return made[-1]

    yield make
    for outbox in made:
        outbox.close()


@pytest.fixture
def make_sink() -> Iterator[Callable[..., MqttSink]]:
    """``make_sink(broker, heartbeat_s=…, **settings)``: node ``n1``, impatient; closed at the end."""
    made: list[MqttSink] = []

    def make(
        broker: str,
        *,
        heartbeat_s: float | None = None,
        outbox: Outbox | None = None,
        inbox: CommandQueue | None = None,
        **settings: Any,
    ) -> MqttSink:
        config = MqttConfig.model_validate({"broker": broker, "backoff_max_s": 0.05, **settings})
        sink = MqttSink(config, "n1", heartbeat_s=heartbeat_s, outbox=outbox, inbox=inbox)
        made.append(sink)
        return sink

    yield make
    for sink in made:
        sink.close()


@pytest.fixture
def run_device() -> Iterator[Callable[[str], subprocess.Popen[bytes]]]:
    """``run_device(broker)``: node ``n1`` in a process of its own, killed at the end if not before."""
    script = (
        "import sys, time; from edge.config import MqttConfig; from edge.sinks.mqtt.sink import MqttSink\n"
        "sink = MqttSink(MqttConfig(broker=sys.argv[1]), 'n1'); sink.open(); time.sleep(60)"
    )
    made: list[subprocess.Popen[bytes]] = []

    def run(broker: str) -> subprocess.Popen[bytes]:
        made.append(subprocess.Popen([sys.executable, "-c", script, broker]))
        return made[-1]

    yield run
    for process in made:
        process.kill()
        process.wait()
