"""The samples by which a feed goes on to a broker upstream."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from edge.core.commands import CommandQueue, Mark
from edge.core.events import Lighting
from edge.sinks.mqtt.embedded import EmbeddedBroker

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SAMPLES = Path(__file__).parents[3] / "systemd" / "mosquitto"


def sample(name: str, **replacements: str) -> str:
    """A sample with its placeholders, all of which must be there, replaced."""
    text = (SAMPLES / name).read_text(encoding="utf-8")
    for placeholder, value in replacements.items():
        assert placeholder in text
        text = text.replace(placeholder, value)
    return text


def next_request(inbox: CommandQueue) -> Any:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        for request in inbox.take():
            return request.command
        time.sleep(0.02)
    return None


@pytest.fixture
def embedded() -> Iterator[EmbeddedBroker]:
    pytest.importorskip("amqtt", reason="amqtt is not installed: pip install -e '.[broker]'")
    with EmbeddedBroker(port=0, host="0.0.0.0", username="hall", password="geheim") as running:
        yield running


@pytest.fixture
def device(embedded: EmbeddedBroker, make_sink: Callable[..., Any], tmp_path: Path) -> tuple[Any, CommandQueue]:
    """A sink at the embedded broker, with its inbox."""
    (tmp_path / "password").write_text("geheim")
    inbox = CommandQueue()
    credentials = {"username": "hall", "password_file": tmp_path / "password", "embedded_host": "0.0.0.0"}
    sink = make_sink(f"embedded:{embedded.port}", inbox=inbox, **credentials)
    sink.open()
    return sink, inbox


def test_mosquitto_upstream_fetches_the_feed_of_an_embedded_broker(
    embedded: EmbeddedBroker, device: tuple[Any, CommandQueue], mosquitto: Any, subscribe: Any, messages: Any
) -> None:
    sink, inbox = device
    local = subscribe(embedded.port, mqtt5=False, credentials=("hall", "geheim"))
    sink.handle(messages.info())
    sink.handle(Lighting())
    local.wait("info")
    local.wait("display/state")
    placeholders = {"hall.local:1883": f"127.0.0.1:{embedded.port}", "change-me": "geheim"}
    upstream = mosquitto("allow_anonymous true\n" + sample("bridge-from-embedded.conf", **placeholders))
    subscriber = subscribe(upstream.port)
    subscriber.wait("display/state")  # the sample subscribes to events before
    for number in range(20):
        sink.handle(messages.event(number))
    assert [json.loads(message.payload)["seq"] for message in subscriber.wait("event", 20)] == list(range(20))
    [info] = subscribe(upstream.port).wait("info")
    assert info.retain
    subscriber.publish("face-edge/n1/request/marker", '{"label": "from above"}')
    assert next_request(inbox) == Mark("from above")
    sink.close()
    subscriber.wait_payload("availability", "offline")


def test_mosquitto_on_the_device_hands_the_feed_on_and_keeps_what_upstream_misses(
    mosquitto: Any, make_sink: Any, subscribe: Any, messages: Any
) -> None:
    upstream = mosquitto()
    placeholders = {
        "address broker.example:8883": f"address 127.0.0.1:{upstream.port}",
        "bridge_cafile /etc/ssl/certs/ca-certificates.crt": "",
        "persistence true": "",
    }
    local = mosquitto("allow_anonymous true\n" + sample("bridge-upwards.conf", **placeholders))
    inbox = CommandQueue()
    sink = make_sink(local.uri, inbox=inbox)
    sink.open()
    subscriber = subscribe(upstream.port)
    subscriber.wait_payload("availability", "online")
    sink.handle(messages.info())
    subscriber.wait("info")
    assert subscribe(upstream.port).wait("info")[0].retain, "the flag goes along"
    upstream.kill()
    for number in range(30):
        sink.handle(messages.event(number))
    upstream.start()
    assert [json.loads(message.payload)["seq"] for message in subscriber.wait("event", 30, 30)] == list(range(30))
    subscriber.publish("face-edge/n1/request/marker", '{"label": "from above"}')
    assert next_request(inbox) == Mark("from above")
