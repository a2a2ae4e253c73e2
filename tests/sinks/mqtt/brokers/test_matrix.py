"""The feed through brokers and proxies of different makes: everything arrives, in order, whatever breaks on the way.

The table in docs/mqtt.md says what was seen; the rows are held against it here.
"""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.sinks.mqtt.brokers.conftest import SWITCH

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = [
    pytest.mark.timeout(600),
    pytest.mark.skipif(SWITCH not in os.environ, reason="`make test-brokers` runs this"),
]

ROUNDS, EVENTS = 6, 100
DOCUMENT = Path("docs/mqtt.md")
BRIDGE = Path("systemd/mosquitto/bridge-upwards.conf")


@pytest.fixture
def feed(  # noqa: PLR0917 - fixtures
    subscribe: Any, make_sink: Any, make_outbox: Any, messages: Any, relay: Any, eventually: Any, tmp_path: Path,
    record: Callable[..., None], caplog: pytest.LogCaptureFixture,
) -> Callable[..., None]:  # fmt: skip
    """``feed(name, near, far=…, tls=…)``: a device at port ``near`` is heard at port ``far``."""

    def run(name: str, near: int, *, far: int | None = None, tls: dict[str, Any] | None = None) -> None:
        caplog.set_level("INFO", "edge")
        far = near if far is None else far
        subscriber = subscribe(far, mqtt5=False, topic="face-edge/n1/#")
        way = relay(near)
        uri = way.uri if tls is None else f"mqtts://localhost:{way.uri.rpartition(':')[2]}"
        sink = make_sink(uri, outbox=make_outbox(tmp_path / "outbox.sqlite3"), **({} if tls is None else {"tls": tls}))
        sink.open()
        sink.handle(messages.info())
        for number in range(ROUNDS):
            for index in range(EVENTS):
                sink.handle(messages.event(number * EVENTS + index))
            subscriber.wait("event", number * EVENTS + 10, 120)
            way.cut()
            way.mend()
        total = ROUNDS * EVENTS
        assert eventually(lambda: sink.queue_depth == 0, 120)
        numbers = [json.loads(message.payload)["seq"] for message in subscriber.wait("event", total, 120)]
        assert eventually(lambda: subscriber.of("info"), 120)
        once = list(dict.fromkeys(numbers))
        retained = {
            "by name": bool(_retained(subscribe(far, mqtt5=False, topic="face-edge/n1/info"), eventually)),
            "by wildcard": bool(_retained(subscribe(far, mqtt5=False, topic="face-edge/+/info"), eventually)),
        }
        protocol = re.findall(r"over (MQTT [0-9.]+)", caplog.text)[-1]
        sink.close()
        subscriber.wait_payload("availability", "offline")
        row = {
            "broker": name,
            "protocol": protocol,
            "events": len(once),
            "repeated": len(numbers) - len(once),
            "lost": total - len(once),
            "in order": "yes" if once == sorted(once) else "no",
            **{f"retained, {how}": "yes" if came else "no" for how, came in retained.items()},
        }
        record(**row)
        assert (row["lost"], row["in order"], sink.drops) == (0, "yes", 0)
        assert retained["by name"]
        _hold_against_the_table(row)

    return run


def _retained(subscriber: Any, eventually: Any) -> bool:
    """Whether a retained value comes; where none does, three seconds are long enough to know."""
    return bool(eventually(lambda: subscriber.of("info"), 3 if subscriber.received else 5))


def _hold_against_the_table(row: dict[str, Any]) -> None:
    """The documentation says of this broker what was seen."""
    (line,) = [
        line for line in DOCUMENT.read_text(encoding="utf-8").splitlines() if line.startswith(f"| {row['broker']} |")
    ]
    _, protocol, lost, order, by_name, by_wildcard, _ = (cell.strip() for cell in line.strip("|").split("|"))
    assert protocol == row["protocol"]
    assert (lost, order) == ("none", row["in order"])
    assert (by_name, by_wildcard) == (row["retained, by name"], row["retained, by wildcard"])


def test_mosquitto(feed: Callable[..., None], mosquitto: Any) -> None:
    feed("Mosquitto", mosquitto("allow_anonymous true\nmax_queued_messages 0").port)


def test_mosquitto_as_a_bridge(feed: Callable[..., None], mosquitto: Any) -> None:
    upstream = mosquitto("allow_anonymous true\nmax_queued_messages 0")
    sample = BRIDGE.read_text(encoding="utf-8")
    for placeholder, value in (
        ("address broker.example:8883", f"address 127.0.0.1:{upstream.port}"),
        ("bridge_cafile /etc/ssl/certs/ca-certificates.crt", ""),
        ("persistence true", ""),
    ):
        assert placeholder in sample
        sample = sample.replace(placeholder, value)
    local = mosquitto(f"allow_anonymous true\n{sample}")
    feed("Mosquitto bridge", local.port, far=upstream.port)


def test_haproxy_with_tls(feed: Callable[..., None], mosquitto: Any, haproxy: Any, certificates: Any) -> None:
    broker = mosquitto("allow_anonymous true\nmax_queued_messages 0")
    feed("HAProxy with TLS", haproxy(broker.port), far=broker.port, tls={"ca": certificates.ca})


def test_nginx_with_tls(feed: Callable[..., None], mosquitto: Any, nginx_stream: Any, certificates: Any) -> None:
    broker = mosquitto("allow_anonymous true\nmax_queued_messages 0")
    feed("nginx with TLS", nginx_stream(broker.port), far=broker.port, tls={"ca": certificates.ca})


def test_rabbitmq(feed: Callable[..., None], rabbitmq: int) -> None:
    feed("RabbitMQ 3.10", rabbitmq)


def test_aedes(feed: Callable[..., None], aedes: int) -> None:
    feed("Aedes", aedes)
