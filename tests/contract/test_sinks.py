"""What every sink keeps to: displays, the feed, the page, kept sessions, metrics, lines, memory."""

from __future__ import annotations

import io
from contextlib import ExitStack
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from edge import config as configuration
from edge.config import (
    Config,
    LedsConfig,
    MetricsConfig,
    MqttConfig,
    OledConfig,
    RgbLedConfig,
    SessionsConfig,
    TerminalConfig,
)
from edge.core.commands import CommandQueue
from edge.core.events import (
    CameraStatus,
    Lighting,
    Look,
    LookKind,
    Message,
    Playback,
    Privacy,
    RunningSession,
    Session,
    ulid,
)
from edge.core.protocols import Sink
from edge.core.types import Emotion, Observation
from edge.kiosk.sink import KioskSink
from edge.recording.sink import SessionSink
from edge.sinks.display.factory import create
from edge.sinks.display.simulated import simulated_pins
from edge.sinks.lines import LinesSink
from edge.sinks.memory import MemorySink
from edge.sinks.metrics.sink import MetricsSink
from edge.sinks.mqtt.sink import MqttSink

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


def every_kind(messages: Any) -> list[Message]:
    session = Session(id=ulid(1, b"0123456789"), title="Matinee", start=datetime(2026, 3, 1, tzinfo=UTC))
    return [
        messages.info(),
        CameraStatus.ONLINE,
        Look(LookKind.STARTING),
        Look(LookKind.EMOTION, Emotion.HAPPY, 0.8, 2),
        Observation(0, 0, 640, 480, ()),
        messages.event(1),
        messages.state(1),
        messages.health(),
        Privacy(on=False),
        Lighting(),
        RunningSession(session),
        Playback(session.id, 0, 1.5, "playing", 60.0),
        RunningSession(None),
    ]


def page_settings(folder: Path) -> Config:
    flags = {"node.id": "n1", "node.state_dir": folder, "kiosk.enabled": True, "kiosk.port": 0}
    return configuration.load(environment={}, flags=flags)


def clock_time(ns: int) -> datetime:
    return datetime.fromtimestamp(ns / 1e9, UTC)


@pytest.fixture(
    params=["memory", "lines", "mqtt", "rgb_led", "leds", "oled", "terminal", "kiosk", "sessions", "metrics"]
)
def sink(request: pytest.FixtureRequest, free_port: Callable[[], int], tmp_path: Path) -> Iterator[Sink]:
    """Each sink that runs on this machine; the feed's broker is away, which is no reason to raise."""
    makers: dict[str, Callable[[], Sink]] = {
        "memory": MemorySink,
        "lines": lambda: LinesSink(io.StringIO()),
        "mqtt": lambda: MqttSink(MqttConfig(broker=f"mqtt://127.0.0.1:{free_port()}"), "contract"),
        "rgb_led": lambda: create(RgbLedConfig(kind="rgb_led", red=17, green=27, blue=22)),
        "leds": lambda: create(LedsConfig(kind="leds", leds={Emotion.HAPPY: 5}, status=6)),
        "oled": lambda: create(OledConfig(kind="oled", emulate="dummy")),
        "terminal": lambda: create(TerminalConfig(kind="terminal")),
        "kiosk": lambda: KioskSink(page_settings(tmp_path), CommandQueue()),
        "metrics": lambda: MetricsSink(MetricsConfig(port=0)),
        "sessions": lambda: SessionSink(tmp_path / "sessions.sqlite3", SessionsConfig(), time_of=clock_time),
    }
    with ExitStack() as stack:
        if request.param == "oled":
            pytest.importorskip("luma.oled", reason="luma.oled is not installed")
        if request.param == "kiosk":
            pytest.importorskip("starlette", reason="the extra `kiosk` is not installed")
        if request.param == "metrics":
            pytest.importorskip("prometheus_client", reason="the extra `metrics` is not installed")
        stack.enter_context(simulated_pins())
        made = makers[request.param]()
        stack.callback(made.close)
        yield made


def test_it_is_a_sink(sink: Sink) -> None:
    assert isinstance(sink, Sink)
    assert sink.name
    assert sink.accepts


def test_it_takes_every_message_that_it_accepts_without_holding_up(sink: Sink, messages: Any, stopwatch: Any) -> None:
    sink.open()
    with stopwatch() as took:
        for message in every_kind(messages):
            if isinstance(message, sink.accepts):
                sink.handle(message)
    assert took.seconds < 1.0


def test_it_can_be_opened_and_closed_again_and_again(sink: Sink) -> None:
    sink.close()
    for _ in range(2):
        sink.open()
        sink.close()
        sink.close()
