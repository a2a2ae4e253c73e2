"""docs/mqtt.md: its table and payloads are the code's own, and its examples run as they stand there."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from edge.core.events import Event, EventType, ulid
from edge.sinks.mqtt.asyncapi import CHANNELS
from edge.sinks.mqtt.asyncapi.page import fill
from edge.sinks.mqtt.homeassistant import announcement

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
LISTENING = {
    "watch": r"face-edge/hall/availability online",
    "events": r'"type":"presence_start"',
    "properties": r"face-edge/hall/state application/json \d+ retain=[01] \{",
    "shared": r'"type":"presence_start"',
}
"""What the console examples print that go on until they are stopped."""


@pytest.fixture
def manual(page: Callable[[str], Any]) -> Any:
    return page("mqtt.md")


class Example:
    """A program from the page, at work until it is closed."""

    def __init__(self, command: list[str], log: Path, **more: Any) -> None:
        self._log = log
        with log.open("wb") as out:
            self._process = subprocess.Popen(command, stdout=out, stderr=out, start_new_session=True, **more)

    def wait(self, pattern: str, timeout_s: float = 60.0) -> str:
        """What it has printed, once ``pattern`` is in it."""
        deadline = time.monotonic() + timeout_s
        while not re.search(pattern, text := self._log.read_text(), re.MULTILINE):
            assert time.monotonic() < deadline, text
            time.sleep(0.02)
        return text

    def finish(self, timeout_s: float = 60.0) -> str:
        """What it printed, once it has ended well."""
        assert self._process.wait(timeout_s) == 0, self._log.read_text()
        return self._log.read_text()

    def close(self) -> None:
        if self._process.poll() is None:
            os.killpg(self._process.pid, 9)
        self._process.wait()


@dataclass(frozen=True)
class Feed:
    """A broker, and a subscriber that hears everything."""

    broker: Any
    subscriber: Any


@pytest.fixture
def feed(mosquitto: Any, subscribe: Any) -> Feed:
    broker = mosquitto()
    return Feed(broker, subscribe(broker.port))


@pytest.fixture
def example(tmp_path: Path) -> Iterator[Callable[..., Example]]:
    made: list[Example] = []

    def start(command: list[str], **more: Any) -> Example:
        made.append(Example(command, tmp_path / f"example-{len(made)}.log", **more))
        return made[-1]

    yield start
    for one in made:
        one.close()


def event(number: int, kind: EventType = EventType.PRESENCE_START) -> str:
    return Event(id=ulid(number, bytes(10)), seq=number, ts=NOW, type=kind, people=1).to_json()


def test_what_is_made_from_the_code_is_up_to_date(manual: Any) -> None:
    assert fill(manual.text) == manual.text, "run: make docs"
    with pytest.raises(ValueError, match="topics"):
        fill("a page without a place for it")


def test_the_table_names_every_topic(manual: Any) -> None:
    rows = re.findall(
        r"^\| `([\w/]+)` \| (device|you) \| (yes|no)(?:, expires)? \| ([01]) \|", manual.text, re.MULTILINE
    )
    assert rows == [
        (kind, "device" if channel.sent else "you", "yes" if channel.retain else "no", str(channel.qos))
        for kind, channel in CHANNELS.items()
    ]


def test_the_payloads_are_the_contract_s(manual: Any) -> None:
    for kind, channel in CHANNELS.items():
        shown = [json.loads(text) for language, name, text in manual.blocks if (language, name) == ("json", kind)]
        assert all(example in channel.examples for example in shown)
        for example in channel.examples:
            assert example in shown or json.dumps(example).strip('"') in manual.text


def test_every_link_leads_somewhere(manual: Any) -> None:
    for target in re.findall(r"\]\(([^)]+)\)", manual.text):
        if target.startswith("https://"):
            continue
        file, _, anchor = target.partition("#")
        page = manual.path.parent / file if file else manual.path
        assert page.exists(), target
        if anchor:
            titles = headings(page.read_text(encoding="utf-8"))
            anchors = {re.sub(r"[^\w -]", "", title).strip().lower().replace(" ", "-") for title in titles}
            assert anchor in anchors, target


def headings(text: str) -> list[str]:
    return re.findall(r"^#+ (.*)$", text, re.MULTILINE)


def test_every_block_is_run(manual: Any) -> None:
    assert manual.names("console") == [*LISTENING, "privacy", "display", "request"]
    assert manual.names("python") == ["listen", "ask"]
    assert manual.names("yaml") == ["automations"]
    assert len(manual.blocks) == manual.text.count("```") / 2


@pytest.fixture
def at_hall(feed: Feed, hall: Any) -> Callable[[], None]:
    """Starts the device and waits until it listens."""

    def start() -> None:
        hall(feed.broker.uri)
        feed.subscriber.wait_payload("availability", "online")
        feed.subscriber.wait("display/state")

    return start


def commands(manual: Any, name: str, port: int) -> str:
    if shutil.which("mosquitto_rr") is None:
        pytest.skip("mosquitto's clients are not installed: apt install mosquitto-clients")
    script: str = manual.block("console", name)
    assert all("-h localhost" in line for line in script.splitlines())
    return script.replace("-h localhost", f"-h localhost -p {port}")


@pytest.mark.parametrize("name", LISTENING)
def test_commands_that_listen(
    manual: Any, feed: Feed, at_hall: Callable[[], None], example: Callable[..., Example], name: str
) -> None:
    running = example(["bash", "-c", commands(manual, name, feed.broker.port)])
    at_hall()
    running.wait(LISTENING[name])


def test_commands_that_switch(
    manual: Any, feed: Feed, at_hall: Callable[[], None], example: Callable[..., Example]
) -> None:
    at_hall()
    on, look, off = commands(manual, "privacy", feed.broker.port).splitlines()
    example(["bash", "-c", on]).finish()
    feed.subscriber.wait_payload("privacy/state", "ON")
    assert example(["bash", "-c", look]).finish() == "ON\n"
    feed.subscriber.wait_payload("camera", "paused")
    example(["bash", "-c", off]).finish()
    feed.subscriber.wait_payload("privacy/state", "OFF")
    for line, expected in zip(
        commands(manual, "display", feed.broker.port).splitlines(),
        ({"state": "ON", "brightness": 64}, {"state": "OFF", "brightness": 64}),
        strict=True,
    ):
        example(["bash", "-c", line]).finish()
        feed.subscriber.wait_payload("display/state", json.dumps(expected))


def test_commands_that_ask(
    manual: Any, feed: Feed, at_hall: Callable[[], None], example: Callable[..., Example]
) -> None:
    at_hall()
    lines = commands(manual, "request", feed.broker.port).splitlines()
    for line, expected in zip(lines, ("label", "title", "seconds", "process_fps"), strict=True):
        answer = json.loads(example(["bash", "-c", line]).finish())
        assert answer["status"] == "ok"
        assert expected in answer["data"]


def test_the_listener_prints_events_once_and_misses_loudly(
    manual: Any, feed: Feed, example: Callable[..., Example]
) -> None:
    pytest.importorskip("aiomqtt", reason="aiomqtt is not installed: pip install aiomqtt")
    broker, subscriber = feed.broker, feed.subscriber
    running = example([sys.executable, "-c", at(broker.port, manual.block("python", "listen"))])
    publish_until(subscriber, running, "face-edge/warm-up/event", event(0), r"^warm-up ")
    # a clock that starts in the past makes an older id; that is no repeat
    for payload in (event(5), event(6), event(5), event(9), event(9), event(7).replace('"seq":7', '"seq":10')):
        subscriber.publish("face-edge/hall/event", payload)
    subscriber.publish("face-edge/hall/event", event(11, EventType.PEAK))
    lines = [line for line in running.wait(r"^hall .* peak").splitlines() if line.startswith("hall")]
    stamp = "2026-01-02T03:04:05.000Z"
    start = f"hall {stamp} presence_start "
    assert lines == [start, start, "hall lost 2", start, start, f"hall {stamp} peak "]


def test_the_asker_gets_its_answer(manual: Any, feed: Feed, hall: Any, example: Callable[..., Example]) -> None:
    pytest.importorskip("aiomqtt", reason="aiomqtt is not installed: pip install aiomqtt")
    broker, subscriber = feed.broker, feed.subscriber
    hall(broker.uri)
    subscriber.wait("display/state")
    printed = example([sys.executable, "-c", at(broker.port, manual.block("python", "ask"))]).finish()
    assert "'status': 'ok'" in printed
    assert "'label': 'the joke'" in printed


def at(port: int, program: str) -> str:
    assert program.count('Client("localhost"') == 1
    return program.replace('Client("localhost"', f'Client("localhost", {port}')


def publish_until(subscriber: Any, running: Example, topic: str, payload: str, pattern: str) -> None:
    """Say it again until it is heard: a program tells nobody that it has subscribed."""
    for _ in range(200):
        subscriber.publish(topic, payload)
        try:
            running.wait(pattern, 0.2)
        except AssertionError:
            continue
        return
    running.wait(pattern, 1)


def flow(docs: Path) -> list[dict[str, Any]]:
    nodes: list[dict[str, Any]] = json.loads((docs / "examples" / "node-red-flow.json").read_text(encoding="utf-8"))
    return nodes


def test_the_node_red_flow_is_whole(docs: Path) -> None:
    nodes = flow(docs)
    ids = {node["id"] for node in nodes}
    assert len(ids) == len(nodes)
    for node in nodes:
        assert {target for port in node.get("wires", []) for target in port} <= ids
        assert node.get("z", node["id"]) in ids
        assert node["type"] == "mqtt-broker" or node.get("broker", node["id"]) in ids
    kinds = {node["type"]: node for node in nodes}
    assert kinds["mqtt in"]["topic"] == "face-edge/+/event"
    assert kinds["mqtt in"]["qos"] == kinds["mqtt out"]["qos"] == "1"
    assert kinds["mqtt out"]["retain"] == "false"
    assert {rule["v"] for rule in kinds["switch"]["rules"]} <= {kind.value for kind in EventType}


def test_the_node_red_flow_runs(
    docs: Path,
    feed: Feed,
    example: Callable[..., Example],
    tmp_path: Path,
    free_port: Callable[[], int],
) -> None:
    red = Path(os.environ.get("FACE_EDGE_NODE_MODULES", "")) / "node-red" / "red.js"
    if shutil.which("node") is None or not red.is_file():
        pytest.skip("needs node and `npm install node-red`: name the node_modules in FACE_EDGE_NODE_MODULES")
    broker, subscriber = feed.broker, feed.subscriber
    nodes = [node | ({"port": str(broker.port)} if node["type"] == "mqtt-broker" else {}) for node in flow(docs)]
    (tmp_path / "flows.json").write_text(json.dumps(nodes))
    (tmp_path / "settings.js").write_text(
        f"module.exports = {{flowFile: 'flows.json', uiHost: '127.0.0.1', uiPort: {free_port()}, httpAdminRoot: false}}"
    )
    running = example(["node", str(red), "-u", str(tmp_path), "-s", str(tmp_path / "settings.js")])
    running.wait("Connected to broker", 60)
    number = 0
    while not subscriber.of("display/set"):
        number += 1
        subscriber.publish("face-edge/warm-up/event", event(number))
        time.sleep(0.1)
    kinds = (EventType.PRESENCE_START, EventType.PEAK, EventType.PRESENCE_END)
    for kind, fresh in zip(kinds, range(9000, 9010), strict=False):
        for _ in range(2):
            subscriber.publish("face-edge/hall/event", event(fresh, kind))
    subscriber.wait_for(lambda: [m.payload for m in of_hall(subscriber)] == ["ON", "OFF"])
    assert all((message.qos, message.retain) == (1, False) for message in of_hall(subscriber))


def of_hall(subscriber: Any) -> list[Any]:
    return [message for message in subscriber.received if message.topic == "face-edge/hall/display/set"]


def test_entities_named_on_the_page_exist(manual: Any, messages: Any) -> None:
    info = messages.info().model_copy(update={"node": "hall"})
    made = {item["default_entity_id"] for item in json.loads(announcement("x", info).payload)["cmps"].values()}
    examples = (manual.path.parent / "examples" / "home-assistant-automations.yaml").read_text(encoding="utf-8")
    for text in (manual.text, examples):
        named = set(re.findall(r"\b(?:sensor|event|switch|light|button|binary_sensor)\.face_edge_hall_\w+", text))
        assert named
        assert named <= made
    names = {entity.partition(".")[2] for entity in made}
    suffixes = re.findall(r"`(_\w+)`", manual.text)
    assert suffixes
    assert {f"face_edge_hall{suffix}" for suffix in suffixes} <= names


def test_the_automations_are_yaml_with_known_entities(manual: Any) -> None:
    yaml = pytest.importorskip("yaml", reason="automations are YAML: pip install pyyaml")
    for automation in yaml.safe_load(manual.block("yaml", "automations")):
        assert {"id", "alias", "triggers", "actions"} <= set(automation)
