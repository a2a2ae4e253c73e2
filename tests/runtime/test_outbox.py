"""Events outlive the process: with their numbers, in the state directory, and never those of a replay."""

from __future__ import annotations

import json
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from edge import config as configuration
from edge.core.events import CameraStatus, Event, EventType
from edge.runtime import build
from edge.sinks.memory import MemorySink

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from edge.config import Config


def settings(folder: Path, **flags: Any) -> Config:
    size = {"source.width": 320, "source.height": 240}
    base = {"node.id": "test", "node.state_dir": folder, "source.uri": "virtual:portrait", "mqtt.backoff_max_s": 0.05}
    return configuration.load(environment={}, flags=base | size | flags)


@contextmanager
def running(config: Config) -> Iterator[tuple[Any, MemorySink]]:
    sink = MemorySink()
    wiring = build.device(config, extra_sinks=[sink])
    with wiring.resources:
        thread = threading.Thread(target=wiring.device.run)
        thread.start()
        try:
            sink.wait_for(CameraStatus)
            yield wiring.device, sink
        finally:
            wiring.device.stop()
            thread.join(60)
            assert not thread.is_alive()


def test_numbers_go_on_and_what_waited_comes_first_after_a_restart(
    tmp_path: Path, mosquitto: Callable[..., Any], subscribe: Callable[..., Any], eventually: Callable[..., Any]
) -> None:
    broker = mosquitto(start=False)
    config = settings(tmp_path, **{"mqtt.broker": broker.uri})
    for _ in range(2):
        with running(config) as (device, sink):
            for kind in (EventType.PRIVACY_ON, EventType.PRIVACY_OFF):
                device.toggle_pause()
                assert eventually(lambda: any(event.type is kind for event in sink.of(Event)))  # noqa: B023
    assert (tmp_path / "outbox-test.sqlite3").exists()
    broker.start()
    subscriber = subscribe(broker.port)
    with running(config):
        events = [json.loads(message.payload) for message in subscriber.wait("event", 4)]
    assert [event["seq"] for event in events] == list(range(len(events)))
    kinds = [event["type"] for event in events if event["type"].startswith("privacy")]
    assert kinds[:4] == ["privacy_on", "privacy_off"] * 2


def test_a_replay_leaves_the_nodes_outbox_alone(tmp_path: Path, free_port: Callable[[], int]) -> None:
    flags = {"mqtt.broker": f"mqtt://127.0.0.1:{free_port()}", "source.uri": "virtual:portrait?pace=fast&frames=60"}
    seen = []
    for _ in range(2):
        sink = MemorySink()
        wiring = build.device(settings(tmp_path, **flags), extra_sinks=[sink])
        with wiring.resources:
            wiring.device.run()
        seen.append([(event.id, event.seq) for event in sink.of(Event)])
    assert seen[0] == seen[1]
    assert [seq for _, seq in seen[0]] == list(range(len(seen[0])))
    assert seen[0]
    assert not list(tmp_path.glob("outbox*"))
