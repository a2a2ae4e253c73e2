"""The device in Home Assistant's eyes: announced, announced again, taken away; through a real broker."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from edge.cli import main
from edge.runtime.lock import InstanceLock
from edge.sinks.mqtt.homeassistant.discovery_publisher import DiscoveryPublisher

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from edge.sinks.mqtt.topics import Publication

CONFIG = "homeassistant/device/n1/config"


@pytest.fixture
def broker(mosquitto: Callable[..., Any]) -> Any:
    return mosquitto()


def announcements(subscriber: Any) -> list[Any]:
    return [message for message in subscriber.received if message.topic == CONFIG]


def test_the_device_is_announced_and_again_when_home_assistant_has_started(
    broker: Any, subscribe: Any, make_sink: Any, messages: Any
) -> None:
    watcher = subscribe(broker.port, topic="homeassistant/#")
    sink = make_sink(broker.uri)
    sink.open()
    sink.handle(messages.info())
    watcher.wait_for(lambda: announcements(watcher))
    [first] = announcements(watcher)
    assert first.retain
    assert json.loads(first.payload)["availability_topic"] == "face-edge/n1/availability"
    watcher.publish("homeassistant/status", "offline")
    watcher.publish("homeassistant/status", "online")
    watcher.wait_for(lambda: len(announcements(watcher)) == 2)
    assert announcements(watcher)[1].payload == first.payload


def test_the_announcement_links_to_the_page_as_it_is_reached_then(messages: Any) -> None:
    urls = iter([None, "http://192.0.2.7:8080"])
    sent: list[Publication] = []
    presenter = DiscoveryPublisher(
        "p", sent.append, discovery_prefix="ha", heartbeat_s=None, page_url=lambda: next(urls)
    )
    for _ in range(2):
        presenter.present(messages.info())
    assert [json.loads(one.payload)["dev"].get("cu") for one in sent] == [None, "http://192.0.2.7:8080"]


def test_nobody_is_told_where_that_is_not_wanted(broker: Any, subscribe: Any, make_sink: Any, messages: Any) -> None:
    watcher = subscribe(broker.port, topic="#")
    sink = make_sink(broker.uri, homeassistant={"discovery": False})
    sink.open()
    sink.handle(messages.info())
    watcher.publish("homeassistant/status", "online")
    sink.handle(messages.state(1))
    watcher.wait("state")
    sink.close()
    watcher.wait_payload("availability", "offline")
    assert announcements(watcher) == []


def test_home_assistant_may_use_another_prefix(broker: Any, subscribe: Any, make_sink: Any, messages: Any) -> None:
    watcher = subscribe(broker.port, topic="ha/#")
    sink = make_sink(broker.uri, homeassistant={"prefix": "ha"})
    sink.open()
    sink.handle(messages.info())
    watcher.wait_for(lambda: [m for m in watcher.received if m.topic == "ha/device/n1/config"])


def retire(broker: Any, folder: Path, *options: str) -> int:
    settings = ("--set", "node.id=n1", "--set", f"node.state_dir={folder}", "--set", f"mqtt.broker={broker.uri}")
    return main([*settings, "retire", *options])


def test_a_retired_node_leaves_nothing_behind(  # noqa: PLR0917 - fixtures
    broker: Any,
    subscribe: Any,
    make_sink: Any,
    messages: Any,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    watcher = subscribe(broker.port, topic="#")
    sink = make_sink(broker.uri)
    sink.open()
    for message in (messages.info(), messages.state(2), messages.health()):
        sink.handle(message)
    for kind in ("info", "state", "health"):
        watcher.wait(kind)
    sink.close()
    watcher.wait_payload("availability", "offline")
    assert retire(broker, tmp_path) == 0
    cleared = capsys.readouterr().out.splitlines()
    assert f"cleared {CONFIG}" in cleared
    assert "cleared face-edge/n1/availability" in cleared

    def removals() -> list[str]:
        return [message.topic for message in watcher.received if message.payload == ""]

    watcher.wait_for(lambda: len(removals()) >= len(cleared))
    removed = removals()
    assert removed[0] == CONFIG, "Home Assistant complains of entities whose topics are empty"
    assert sorted(removed) == sorted(line.removeprefix("cleared ") for line in cleared)
    late = subscribe(broker.port, topic="#")
    late.publish("probe/end", "x")
    late.wait("end")
    assert [
        message.topic for message in late.received if message.topic.startswith(("face-edge", "homeassistant"))
    ] == []


def test_a_running_node_is_not_retired(broker: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with InstanceLock(tmp_path, "node n1"):
        assert retire(broker, tmp_path) == 9
    assert "n1" in capsys.readouterr().err


def test_without_a_lasting_broker_there_is_nothing_to_clear(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert main(["--set", f"node.state_dir={tmp_path}", "--set", "mqtt.broker=embedded", "retire"]) == 3
    assert "which keeps nothing" in capsys.readouterr().err


def test_a_broker_that_is_away_costs_one_line(broker: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    broker.kill()
    assert retire(broker, tmp_path) == 7
    assert len(capsys.readouterr().err.splitlines()) == 1
