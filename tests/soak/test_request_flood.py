"""Thousands of requests over a real Mosquitto: each is answered, or counted in a later answer; the loop goes on."""

from __future__ import annotations

import json
import queue
import re
import time
from typing import TYPE_CHECKING, Any

import pytest
from paho.mqtt import client as paho
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from tests.drills.appliance import NODE, DrillDevice

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

REQUESTS = 3000
FPS = 10.0
LEAST_RATE = 0.65
"""Of the loop's rate before; other tests run beside this one. `make soak` holds it to 0.9."""
LEFT_OUT = re.compile(r"(\d+) (?:refused before it|requests were refused and) got no answer")


class Asker:
    """Sends requests as fast as the broker takes them, and keeps the answers."""

    def __init__(self, port: int) -> None:
        self.answers: dict[str, dict[str, Any]] = {}
        self.left_out = 0
        """How many refusals were left out, as the answers say."""
        subscribed: queue.SimpleQueue[None] = queue.SimpleQueue()
        self._client = paho.Client(CallbackAPIVersion.VERSION2, protocol=MQTTProtocolVersion.MQTTv5)
        self._client.max_inflight_messages_set(REQUESTS)
        self._client.on_message = self._on_message
        self._client.on_subscribe = lambda *_: subscribed.put(None)
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()
        self._client.subscribe(f"face-edge/{NODE}/response/#", 1)
        subscribed.get(timeout=60)

    def ask(self, transaction: str) -> None:
        """Send one request, which is sent again where it is lost on the way to the broker."""
        self._client.publish(f"face-edge/{NODE}/request/marker", json.dumps({"transaction": transaction}), 1)

    def _on_message(self, _client: Any, _data: Any, message: paho.MQTTMessage) -> None:
        answer = json.loads(message.payload)
        found = LEFT_OUT.search(answer.get("error") or "")
        self.left_out += int(found[1]) if found else 0
        if answer["transaction"] is not None:
            self.answers[answer["transaction"]] = answer

    @property
    def accounted(self) -> int:
        """Return the number of requests that were answered, or counted as left out."""
        return len(self.answers) + self.left_out

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()
        self._client._reset_sockets()


@pytest.fixture
def site(mosquitto: Any, tmp_path: Path) -> Iterator[tuple[DrillDevice, Asker]]:
    """Start a device and a client of a broker that keeps all waiting messages."""
    broker = mosquitto("allow_anonymous true\nmax_queued_messages 0\nmax_inflight_messages 0")
    with DrillDevice(tmp_path, broker=broker.uri, source__uri="virtual:portrait", source__fps=FPS) as device:
        device.wait_for(lambda status: status["camera"] == "online" and status["work"]["broker"])
        asker = Asker(broker.port)
        yield device, asker
        asker.close()


def frames_per_second(device: DrillDevice, until: Callable[[], bool], least_s: float) -> float:
    """Return the frames per second of the loop until ``until`` holds, for at least ``least_s``."""
    first, begun_s = device.status()["work"]["frames"], time.monotonic()
    deadline_s = begun_s + 90
    while (not until() or time.monotonic() - begun_s < least_s) and time.monotonic() < deadline_s:
        time.sleep(0.1)
    return float((device.status()["work"]["frames"] - first) / (time.monotonic() - begun_s))


def test_of_thousands_of_requests_each_is_answered_or_counted(site: tuple[DrillDevice, Asker]) -> None:
    device, asker = site
    calm = frames_per_second(device, lambda: True, 4)
    for number in range(REQUESTS):
        asker.ask(str(number))
    flood = frames_per_second(device, lambda: asker.accounted >= REQUESTS, 4)
    assert asker.accounted == REQUESTS
    assert {answer["status"] for answer in asker.answers.values()} == {"ok", "error"}
    refused = [answer["error"] for answer in asker.answers.values() if answer["status"] == "error"]
    assert all(why.startswith("too many requests wait: try again") for why in refused)
    assert flood > calm * LEAST_RATE
    device.ask("marker", label="it still takes them")
    asker.ask("after")
    deadline_s = time.monotonic() + 60
    while "after" not in asker.answers and time.monotonic() < deadline_s:
        time.sleep(0.05)
    assert asker.answers["after"]["status"] == "ok"
