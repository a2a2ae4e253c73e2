"""Messages from the network: requests and switches of the device, Home Assistant's topics, the collector's input."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from tests.fuzz import mutate
from tests.fuzz.target import FuzzTarget, expect, in_one_line

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path
    from random import Random

    from edge.core.commands import Answer, Command, CommandQueue
    from edge.sinks.mqtt.topics import Publication

_NODE = "face-edge/fuzz"
_CUT = b"\x1e"
_ODD_TOPICS = (
    "",
    "/",
    "#",
    "\0",
    "😀" * 99,
    "x" * 9999,
    f"{_NODE}/request/",
    f"{_NODE}/response/marker",
    "$SYS/a",
    "a/+/b",
)
_PLAIN = ("ON", "OFF", "on", "online", "offline", "", " ", "ON ", '{"state": "ON", "brightness": 128}')


def requests(folder: Path) -> FuzzTarget:
    """Check that a message is executed or refused in one line, also through the local socket."""
    from edge.runtime.local import LocalControl
    from edge.sinks.mqtt.arrival import Arrival
    from edge.sinks.mqtt.homeassistant.discovery_publisher import DiscoveryPublisher
    from edge.sinks.mqtt.payloads import REQUESTS, SWITCHES
    from edge.sinks.mqtt.requests import Requests

    def attempt(data: bytes) -> None:
        topic, response, flags, payload = _parted(data)
        said: list[Publication] = []
        inbox = _inbox()
        presenter = DiscoveryPublisher(_NODE, said.append, discovery_prefix="homeassistant", heartbeat_s=None)
        arrival = Arrival(topic, payload, "r" in flags, response or None, b"\xff" if "c" in flags else None)
        for listener in (Requests("face-edge", "fuzz", inbox, said.append), presenter):
            listener.take(arrival)
        for each in said:
            _check(json.loads(each.payload))
            expect(not set("+#\0") & set(each.topic.name), f"an answer to {each.topic.name[:99]!r}")
        line = json.dumps({"request": topic.rpartition("/")[2]}).encode()[:-1] + b", " + payload.lstrip()[1:]
        for sent in (payload, line):
            reply = LocalControl(folder / "socket", inbox)._reply(sent)
            _check(json.loads(reply.to_json().encode()))

    bodies = [
        {"label": "the joke", "transaction": "7c1d"},
        {"title": "Matinee", "kind": "film", "planned_s": 90, "media": {"name": "x.mp4", "duration_s": 60.5}},
        {"state": "ON", "brightness": 128, "transition": 2},
        {"request": "marker", "label": "x"},
        {},
    ]
    topics = [f"{_NODE}/request/{name}" for name in REQUESTS] + [f"{_NODE}/{name}" for name in SWITCHES]
    return FuzzTarget(
        [json.dumps(body).encode() for body in bodies],
        attempt,
        lambda random, corpus: _message(random, corpus, [*topics, "homeassistant/status"]),
    )


def letters(folder: Path) -> FuzzTarget:
    """Check that a payload becomes a row or is refused in one line."""
    del folder
    from edge.collector.database.rows import Refused, row
    from edge.collector.database.tables import TABLES
    from edge.collector.topics import Kind, address
    from edge.sinks.mqtt.asyncapi.examples import EXAMPLES

    now = datetime(2026, 3, 1, tzinfo=UTC)

    def attempt(data: bytes) -> None:
        topic, _, _, payload = _parted(data)
        found = address(topic, "face-edge")
        if found is None:
            return
        try:
            values = row(found.node, found.kind, payload, now)
        except Refused as refusal:
            in_one_line(refusal)
            return
        expect(len(values) == len(TABLES[found.kind].columns), f"a row of {len(values)} values")
        for value in values:
            if isinstance(value, str):
                value.encode()
                expect("\0" not in value, "a NUL, which PostgreSQL refuses")
            if isinstance(value, datetime):
                expect(value.tzinfo is not None, "a time without its zone")
                (now - value).total_seconds()

    kinds = [kind.value for kind in Kind]
    bodies = [json.dumps(body).encode() for kind in kinds for body in EXAMPLES.get(kind, ()) if isinstance(body, dict)]
    return FuzzTarget(
        bodies, attempt, lambda random, corpus: _message(random, corpus, [f"{_NODE}/{kind}" for kind in kinds])
    )


def _message(random: Random, corpus: Sequence[bytes], topics: Sequence[str]) -> bytes:
    """Return ``topic, response topic, flags, payload``."""
    topic = random.choice(topics) if random.random() < 0.9 else random.choice(_ODD_TOPICS)
    response = random.choice((*_ODD_TOPICS, f"{_NODE}/response/marker/me")) if random.random() < 0.3 else ""
    flags = "".join(flag for flag in "rc" if random.random() < 0.1)
    payload = mutate.text(random, corpus) if random.random() < 0.8 else random.choice(_PLAIN).encode()
    return _CUT.join((topic.encode(), response.encode(), flags.encode(), payload))


def _parted(data: bytes) -> tuple[str, str, str, bytes]:
    topic, response, flags, payload = (*data.split(_CUT, 3), b"", b"", b"", b"")[:4]
    # MQTT's own strings are UTF-8: the client passes nothing else on
    return (
        topic.decode("utf-8", "replace"),
        response.decode("utf-8", "replace"),
        flags.decode("utf-8", "replace"),
        payload,
    )


def _check(said: dict[str, Any]) -> None:
    """Check that an answer does not report an internal failure."""
    why = said.get("error")
    if why is None:
        return
    in_one_line(why)
    expect(not why.startswith("failed: "), f"a request that {why}")


def _inbox() -> CommandQueue:
    """Return an inbox that executes requests at once, like the loop."""
    from edge.audience.event_detector import EventDetector
    from edge.config import EventsConfig, PrivacyConfig, SmoothingConfig
    from edge.core import commands
    from edge.core.events import Stamp
    from edge.runtime.control import Control
    from edge.runtime.health import Counters, HealthMeter
    from edge.runtime.saved_switches import SettingsStore

    class Served(commands.CommandQueue):
        def offer(
            self, command: Command, answer: Callable[[Answer], None] = lambda _: None, *, remote: bool = False
        ) -> bool:
            taken = super().offer(command, answer, remote=remote)
            control.serve(0)
            return taken

    inbox, stamp = Served(), Stamp(epoch_ns=1_772_000_000 * 10**9, seed=b"fuzz")
    narrator = EventDetector(stamp, events=EventsConfig(), smoothing=SmoothingConfig(), privacy=PrivacyConfig())
    control = Control(
        inbox,
        SettingsStore(None),
        stamp=stamp,
        narrator=narrator,
        aggregator=None,
        put=lambda _message: None,
        health=lambda: HealthMeter().report(datetime(2026, 3, 1, tzinfo=UTC), Counters(0, 0, 0, None, 0, 0)),
        about=dict,
    )
    return inbox
