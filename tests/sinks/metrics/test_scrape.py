"""Metrics as Prometheus gets them: over HTTP, read by the library's own parser."""

from __future__ import annotations

import builtins
import contextlib
import http.client
import re
import socket
import threading
import time
import urllib.error
import urllib.request
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from edge import config as configuration
from edge.config import Config, MetricsConfig
from edge.core.errors import ConfigError, HardwareUnavailable, SinkError
from edge.core.events import CameraStatus, EventType, Limit, Privacy, RunningSession, Session, ulid
from edge.core.types import Light
from edge.runtime.dispatch import Dispatcher
from edge.sinks.memory import MemorySink
from edge.sinks.metrics.sink import MetricsSink

pytest.importorskip("prometheus_client", reason="the extra `metrics` is not installed")
from prometheus_client.parser import text_string_to_metric_families

from tests.fixtures.connections import is_cut_off

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


def scrape(url: str | None) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    """Values by name and labels."""
    assert url is not None
    with urllib.request.urlopen(url, timeout=60) as answer:
        assert answer.headers["Content-Type"].startswith("text/plain; version=")
        text = answer.read().decode()
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def key(name: str, **labels: str) -> tuple[str, frozenset[tuple[str, str]]]:
    return f"face_edge_{name}", frozenset(labels.items())


@pytest.fixture
def sink() -> Iterator[MetricsSink]:
    made = MetricsSink(MetricsConfig(enabled=True, port=0))
    made.open()
    yield made
    made.close()


def test_before_anything_is_known_nothing_is_claimed(sink: MetricsSink) -> None:
    found = scrape(sink.url)
    names = {name for name, _ in found}
    assert {name for name in names if not name.startswith("process_")} == {"face_edge_events_total"}
    assert {value for (name, _), value in found.items() if name == "face_edge_events_total"} == {0.0}
    assert found["process_resident_memory_bytes", frozenset()] > 1e6


def test_what_was_told_is_scraped_in_base_units(sink: MetricsSink, messages: Any) -> None:
    health = messages.health().model_copy(
        update={
            "temperature_c": 61.5,
            "detect_ms_p50": 20.0,
            "detect_ms_p95": 40.0,
            "last_frame_age_s": 2.0,
            "drops": 7,
            "reconnects": 3,
            "queue_depth": 5,
            "process_fps": 9.5,
            "limited_by": Limit.HEAT,
        }
    )
    session = Session(id=ulid(1, b"0123456789"), title="Secret title", start=datetime(2026, 3, 1, tzinfo=UTC))
    told = [messages.info(), health, messages.state(4), CameraStatus.OFFLINE, Privacy(on=True), RunningSession(session)]
    for message in [*told, messages.event(1), messages.event(2)]:
        sink.handle(message)
    found = scrape(sink.url)
    assert found[key("temperature_celsius")] == 61.5
    assert found[key("detection_seconds", quantile="0.95")] == 0.04
    assert found[key("frames_per_second", stage="processed")] == 9.5
    assert found[key("dropped_messages_total")] == 7
    assert found[key("source_reconnects_total")] == 3
    assert found[key("queue_messages")] == 5
    assert found[key("health_timestamp_seconds")] == health.ts.timestamp()
    assert found[key("last_frame_timestamp_seconds")] == health.ts.timestamp() - 2
    assert (found[key("limited", cause="heat")], found[key("limited", cause="memory")]) == (1, 0)
    assert found[key("people")] == 4
    assert found[key("paused")] == found[key("session_running")] == 1
    assert found[key("camera_status", status="offline")] == 1
    assert found[key("camera_status", status="online")] == 0
    assert found[key("events_total", type=EventType.PRESENCE_START)] == 2
    (build_info,) = (labels for name, labels in found if name == "face_edge_build_info")
    assert {("node", "n1"), ("model", "m"), ("detector", "haar")} < build_info
    assert not any(name == "face_edge_inference_seconds" for name, _ in found), "not measured is not 0"
    assert "Secret title" not in str(found)


def test_the_light_is_scraped_as_soon_as_it_is_known(sink: MetricsSink, messages: Any) -> None:
    sink.handle(messages.health())
    assert not any(name == "face_edge_light" for name, _ in scrape(sink.url)), "not known is not 0"
    sink.handle(messages.health().model_copy(update={"light": Light.TOO_DARK}))
    found = scrape(sink.url)
    assert {level: found[key("light", level=level)] for level in Light} == {"normal": 0, "dark": 0, "too_dark": 1}


def test_names_keep_to_the_conventions_of_prometheus(sink: MetricsSink, messages: Any) -> None:
    for message in (messages.info(), messages.health(), messages.state(1), CameraStatus.ONLINE):
        sink.handle(message)
    assert sink.url is not None
    with urllib.request.urlopen(sink.url, timeout=60) as answer:
        families = list(text_string_to_metric_families(answer.read().decode()))
    ours = [family for family in families if family.name.startswith("face_edge_")]
    assert len(ours) >= 9
    for family in ours:
        assert family.documentation, family.name
        assert not family.name.endswith(("_ms", "_c", "_mb", "_percent")), "base units only"
        assert (family.type == "counter") == all(sample.name.endswith("_total") for sample in family.samples)


def test_the_alerts_that_the_docs_give_ask_for_what_is_served(sink: MetricsSink, messages: Any) -> None:
    health = messages.health().model_copy(update={"limited_by": Limit.HEAT, "light": Light.TOO_DARK})
    for message in (messages.info(), health, messages.state(1), CameraStatus.OFFLINE):
        sink.handle(message)
    served = scrape(sink.url)
    text = Path(__file__).parents[3].joinpath("docs", "appliance.md").read_text(encoding="utf-8")
    rules = re.findall(r"^ +expr: (.+)$", text, re.MULTILINE)
    asked = [found for rule in rules for found in re.findall(r"\b((?:face_edge|process)_\w+)(?:\{([^}]*)\})?", rule)]
    assert len(asked) >= 5
    for name, selector in asked:
        wanted = {tuple(pair) for pair in re.findall(r'(\w+)="([^"]*)"', selector)} - {("job", "face-edge")}
        assert any(name == each and wanted <= labels for each, labels in served), (name, selector)


def test_nothing_but_metrics_is_served_and_only_read(sink: MetricsSink) -> None:
    assert sink.url is not None
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(sink.url.replace("/metrics", "/"), timeout=60)
    with refused.value as answer:
        assert (answer.code, answer.read()) == (404, b"see /metrics\n")
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(urllib.request.Request(sink.url, method="DELETE"), timeout=60)
    with refused.value as answer:
        assert answer.code == 405


def test_visitors_who_say_nothing_make_room(sink: MetricsSink, eventually: Callable[..., Any]) -> None:
    assert sink.url is not None
    port = int(sink.url.split(":")[2].split("/")[0])
    before = threading.active_count()
    silent = [
        socket.create_connection(("127.0.0.1", port), source_address=(f"127.0.0.{2 + n % 3}", 0)) for n in range(60)
    ]
    assert scrape(sink.url), "at once"
    assert eventually(lambda: threading.active_count() <= before + 8)
    for connection in silent:
        connection.close()


def test_a_visitor_who_sends_a_byte_now_and_then_is_cut_off(
    sink: MetricsSink, monkeypatch: pytest.MonkeyPatch, eventually: Callable[..., Any]
) -> None:
    monkeypatch.setattr("edge.sinks.metrics.server._LONGEST_S", 0.5)
    assert sink.url is not None
    slow = socket.create_connection(("127.0.0.1", int(sink.url.split(":")[2].split("/")[0])))
    slow.settimeout(0.05)
    assert eventually(lambda: is_cut_off(slow, sending=b"G"))
    slow.close()


def test_a_taken_port_is_told_once_tried_again_and_stops_nobody(
    messages: Any, eventually: Callable[..., Any], caplog: pytest.LogCaptureFixture
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        sink = MetricsSink(MetricsConfig(enabled=True, port=port))
        with pytest.raises(SinkError, match=rf"^port {port} is used by another program: stop it or set metrics\.port"):
            sink.open()
        dispatcher = Dispatcher([sink, memory := MemorySink()], retry_max_s=0.1)
        dispatcher.start()
        dispatcher.put(messages.health())
        dispatcher.put(messages.event(1))
        assert memory.wait_for(type(messages.event(1)))
        time.sleep(0.4)
        assert sink.url is None
    assert eventually(lambda: sink.url)
    assert eventually(lambda: key("queue_messages") in scrape(sink.url)), "what waited is there"
    assert eventually(lambda: scrape(sink.url)[key("events_total", type="presence_start")] == 1)
    dispatcher.close()
    assert sum("is used by another program" in record.message for record in caplog.records) == 1


def test_serving_beyond_this_machine_is_said_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    for host, said in (("127.0.0.1", False), ("0.0.0.0", True)):
        caplog.clear()
        sink = MetricsSink(MetricsConfig(host=host, port=0))
        sink.open()
        sink.close()
        assert ("to everyone on the network" in caplog.text) is said


def test_without_the_package_the_remedy_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without(name: str, *rest: Any, **named: Any) -> Any:
        if name.startswith("prometheus_client"):
            raise ImportError(name)
        return real(name, *rest, **named)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(HardwareUnavailable, match=r"pip install -e '\.\[metrics\]'"):
        MetricsSink(MetricsConfig()).open()


def test_it_is_off_by_default_and_an_address_is_checked() -> None:
    assert not Config().metrics.enabled
    assert Config().metrics.host == "127.0.0.1"
    with pytest.raises(ConfigError, match=r"metrics\.host: expected an IP address"):
        configuration.load(environment={}, flags={"metrics.host": "everywhere"})


def test_a_running_device_is_scraped(
    running: Any, free_port: Callable[[], int], eventually: Callable[..., Any]
) -> None:
    port = free_port()
    url = f"http://127.0.0.1:{port}/metrics"

    def knows_the_camera() -> bool:
        with contextlib.suppress(urllib.error.URLError):  # each sink is served by a thread of its own: not yet open
            return key("camera_status", status="online") in scrape(url)
        return False

    flags = {"source.uri": "virtual:portrait", "source.fps": 10, "metrics.enabled": True, "metrics.port": port}
    with running(**flags) as (_, memory):
        assert memory.wait_for(CameraStatus)
        assert eventually(knows_the_camera)
        found = scrape(url)
    assert found[key("paused")] == 0
    assert found[key("camera_status", status="online")] == 1
    with pytest.raises(OSError, match="refused"):
        http.client.HTTPConnection("127.0.0.1", port, timeout=1).connect()
