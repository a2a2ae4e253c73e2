"""What somebody was told of is on the disk at once; what only happened may wait for company."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from edge.config import MqttConfig, OutboxConfig
from edge.core.events import EventType
from edge.sinks.mqtt.outbox import Outbox
from edge.sinks.mqtt.sink import MqttSink
from edge.sinks.mqtt.topics import Topics

if TYPE_CHECKING:
    from pathlib import Path

ASKED_FOR = {EventType.MARKER, EventType.SESSION_START, EventType.SESSION_END}


class Watched(Outbox):
    """Notes how many messages there were each time that it was told to hurry."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, Topics.of("face-edge", "test"), OutboxConfig())
        self.hurried: list[int] = []

    def hurry(self) -> None:
        self.hurried.append(self.depth)
        super().hurry()


@pytest.mark.parametrize("kind", EventType)
def test_a_marker_and_a_sessions_ends_do_not_wait(tmp_path: Path, messages: Any, kind: EventType) -> None:
    with Watched(tmp_path / "outbox.sqlite3") as outbox:
        sink = MqttSink(MqttConfig(broker="mqtt://127.0.0.1:9"), "test", outbox=outbox)
        sink.handle(messages.event(0).model_copy(update={"type": kind}))
        assert outbox.hurried == ([1] if kind in ASKED_FOR else [])
