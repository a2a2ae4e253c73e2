"""Messages waiting: none on a quiet device, all of a backlog."""

from __future__ import annotations

import json
import queue
import threading
from typing import TYPE_CHECKING, Any

import pytest

from edge import config as configuration
from edge.runtime import build
from edge.runtime.queue_gauge import QueueGauge

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


def test_what_is_passing_through_does_not_count() -> None:
    now = [0.0]
    gauge = QueueGauge(window_s=2.0, clock=lambda: now[0])
    for depth in (0, 3, 1, 2, 0, 4):
        now[0] += 0.1
        gauge.sample(depth)
    assert gauge.depth == 0


def test_what_waits_all_the_time_counts_from_the_end_of_the_window_on() -> None:
    now = [0.0]
    gauge = QueueGauge(window_s=2.0, clock=lambda: now[0])
    depths = []
    for depth in (0, 5, 6, 7, 8, 9, 10):
        gauge.sample(depth)
        depths.append(gauge.depth)
        now[0] += 0.5
    assert depths == [0, 0, 0, 0, 0, 5, 6]


def test_one_look_says_nothing_yet_however_slow_the_loop_is() -> None:
    now = [0.0]
    gauge = QueueGauge(window_s=2.0, clock=lambda: now[0])
    assert gauge.depth == 0
    found = []
    for depth in (4, 5, 0, 6, 7, 8):
        now[0] += 10.0
        gauge.sample(depth)
        found.append(gauge.depth)
    assert found == [0, 0, 0, 0, 0, 6]


@pytest.fixture
def run_device(tmp_path: Path) -> Iterator[Callable[[str], Any]]:
    """``run_device(broker)``: a device that says everything every second, on a thread."""
    made: list[Any] = []

    def run(broker: str) -> Any:
        flags = {
            "node.id": "n1", "node.state_dir": tmp_path, "source.uri": "virtual", "source.width": 320,
            "source.height": 240, "source.fps": 10, "mqtt.broker": broker, "mqtt.backoff_max_s": 0.2,
            "events.heartbeat_s": 1.0, "events.state_interval_s": 1.0, "events.aggregate_s": 5.0,
            "sessions.keep": False, "kiosk.enabled": True,
            "kiosk.port": 0,
            "metrics.enabled": True, "metrics.port": 0,
        }  # fmt: skip
        wiring = build.device(configuration.load(environment={}, flags=flags))
        thread = threading.Thread(target=wiring.device.run)
        thread.start()
        made.append((wiring, thread))
        return wiring.device

    yield run
    for wiring, thread in made:
        wiring.device.stop()
        thread.join(30)
        wiring.resources.close()


def waiting(messages: list[Any]) -> list[int]:
    return [json.loads(message.payload)["queue_depth"] for message in messages]


def depth_of(device: Any) -> int:
    """What waits, asked on the loop's thread: the gauge is the loop's alone."""
    answers: queue.SimpleQueue[int] = queue.SimpleQueue()
    device.soon(lambda: answers.put(device._health(device._now_ns(), go_on=True).queue_depth))
    return answers.get(timeout=60)


def test_a_quiet_device_has_nothing_waiting_and_an_outage_is_seen(
    run_device: Callable[[str], Any], mosquitto: Any, subscribe: Any, eventually: Any
) -> None:
    broker = mosquitto("allow_anonymous true\nmax_queued_messages 0")
    subscriber = subscribe(broker.port)
    device = run_device(broker.uri)
    depths = waiting(subscriber.wait("health", 12))
    # a busy machine may hold up the disk for two seconds now and then
    assert depths.count(0) > len(depths) // 2, depths
    broker.kill()
    assert eventually(lambda: depth_of(device) > 0), "aggregates wait"
    broker.start()
    assert eventually(lambda: depth_of(device) == 0)
