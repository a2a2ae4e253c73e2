"""What every sink keeps to: displays, the feed, lines, memory."""

from __future__ import annotations

import io
import time
from contextlib import ExitStack
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from edge.config import LedsConfig, MqttConfig, OledConfig, RgbLedConfig, TerminalConfig
from edge.events import CameraStatus, Event, EventType, Health, Info, Look, LookKind, Message, Stamp, State
from edge.protocols import Sink
from edge.sinks.display.factory import create
from edge.sinks.display.simulated import simulated_pins
from edge.sinks.lines import LinesSink
from edge.sinks.memory import MemorySink
from edge.sinks.mqtt.sink import MqttSink
from edge.types import Emotion, Observation

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

NOW = datetime(2026, 1, 1, tzinfo=UTC)
FIGURES: dict[str, Any] = dict.fromkeys(
    ("cpu_percent", "memory_mb", "temperature_c", "detect_ms_p50", "detect_ms_p95", "infer_ms_p50", "infer_ms_p95")
)


def every_kind() -> list[Message]:
    identity, seq, ts = Stamp(epoch_ns=0, seed=b"contract").next(0)
    return [
        Info(
            node="n",
            software_version="0",
            model="m",
            model_sha256="0" * 64,
            head="consensus",
            detector="haar",
            runtime="r",
            source="virtual",
            privacy={"k": 1},
        ),
        CameraStatus.ONLINE,
        Look(LookKind.STARTING),
        Look(LookKind.EMOTION, Emotion.HAPPY, 0.8, 2),
        Observation(0, 0, 640, 480, ()),
        Event(id=identity, seq=seq, ts=ts, type=EventType.PEAK, people=1, emotion=Emotion.HAPPY),
        State(
            ts=NOW,
            people=0,
            emotion=None,
            confidence=None,
            uncertain=False,
            scores=None,
            valence=None,
            suppressed=False,
        ),
        Health(
            ts=NOW,
            uptime_s=1,
            capture_fps=1,
            process_fps=1,
            skip_fps=0,
            last_frame_age_s=None,
            queue_depth=0,
            drops=0,
            reconnects=0,
            **FIGURES,
        ),
    ]


@pytest.fixture(params=["memory", "lines", "mqtt", "rgb_led", "leds", "oled", "terminal"])
def sink(request: pytest.FixtureRequest, free_port: Callable[[], int]) -> Iterator[Sink]:
    """Each sink that runs on this machine; the feed's broker is away, which is no reason to raise."""
    makers: dict[str, Callable[[], Sink]] = {
        "memory": MemorySink,
        "lines": lambda: LinesSink(io.StringIO()),
        "mqtt": lambda: MqttSink(MqttConfig(broker=f"mqtt://127.0.0.1:{free_port()}"), "contract"),
        "rgb_led": lambda: create(RgbLedConfig(kind="rgb_led", red=17, green=27, blue=22)),
        "leds": lambda: create(LedsConfig(kind="leds", leds={Emotion.HAPPY: 5}, status=6)),
        "oled": lambda: create(OledConfig(kind="oled", emulate="dummy")),
        "terminal": lambda: create(TerminalConfig(kind="terminal")),
    }
    with ExitStack() as stack:
        if request.param == "oled":
            pytest.importorskip("luma.oled", reason="luma.oled is not installed")
        stack.enter_context(simulated_pins())
        made = makers[request.param]()
        stack.callback(made.close)
        yield made


def test_it_is_a_sink(sink: Sink) -> None:
    assert isinstance(sink, Sink)
    assert sink.name
    assert sink.accepts


def test_it_takes_every_message_that_it_accepts_without_holding_up(sink: Sink) -> None:
    sink.open()
    started = time.monotonic()
    for message in every_kind():
        if isinstance(message, sink.accepts):
            sink.handle(message)
    assert time.monotonic() - started < 1.0


def test_it_can_be_opened_and_closed_again_and_again(sink: Sink) -> None:
    sink.close()
    for _ in range(2):
        sink.open()
        sink.close()
        sink.close()
