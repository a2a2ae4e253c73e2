"""Real PostgreSQL and Mosquitto servers, collectors, and devices' messages."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from paho.mqtt import client as paho
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from edge.errors import HardwareUnavailable
from edge.events import Aggregate, Event, EventType, Health, Stamp
from edge.fleet.collection.collector import Collector
from edge.fleet.collection.membership import Membership
from edge.fleet.collection.writer import Limits
from edge.fleet.services import Mosquitto, PostgreSQL
from edge.sinks.mqtt.options import Options
from edge.types import EMOTIONS, Emotion

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

psycopg = pytest.importorskip("psycopg", reason="psycopg is not installed: pip install -e '.[fleet]'")

ROOT = Path(__file__).resolve().parents[2]
NOW = datetime.now(UTC).replace(microsecond=0)


@pytest.fixture(scope="session")
def server() -> Iterator[PostgreSQL]:
    """A private cluster for all tests, without the disk's pauses."""
    try:
        service = PostgreSQL(fsync="off", full_page_writes="off", autovacuum="off", max_connections="50")
    except HardwareUnavailable as error:
        pytest.skip(str(error))
    with service:
        yield service


@pytest.fixture
def database(server: PostgreSQL) -> Iterator[str]:
    """The URL of an empty database."""
    name = f"t{time.monotonic_ns()}"
    with psycopg.connect(server.uri, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    yield server.uri.removesuffix("postgres") + name
    with psycopg.connect(server.uri, autocommit=True) as connection:
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def query(database: str) -> Callable[..., list[Any]]:
    """``query(sql)``: all rows."""

    def run(sql: str, *values: Any) -> list[Any]:
        with psycopg.connect(database, autocommit=True) as connection:
            rows: list[Any] = connection.execute(sql, values or None).fetchall()
            return rows

    return run


@pytest.fixture
def broker() -> Iterator[Mosquitto]:
    try:
        service = Mosquitto()
    except HardwareUnavailable as error:
        pytest.skip(str(error))
    with service:
        yield service


class Device:
    """Makes the messages of one node, from the product's own models."""

    def __init__(self, node: str = "n1", start: datetime = NOW) -> None:
        self.node = node
        self.start = start
        self._stamp = Stamp(epoch_ns=int(start.timestamp() * 1e9), seed=node.encode())

    def event(self, after_s: float = 0.0, kind: str = "expression_changed", **fields: Any) -> Event:
        identity, seq, ts = self._stamp.next(int(after_s * 1e9))
        return Event(id=identity, seq=seq, ts=ts, type=EventType(kind), **{"people": 1, **fields})

    def aggregate(self, after_s: float = 60.0, *, length_s: float = 60.0, **fields: Any) -> Aggregate:
        """A happy minute of two people, but for ``fields``."""
        identity, seq, ts = self._stamp.next(int(after_s * 1e9), "aggregate")
        shares = {emotion: float(emotion is Emotion.HAPPY) for emotion in EMOTIONS}
        values = {
            "observed_s": length_s, "people_mean": 2, "people_max": 2, "person_seconds": 2 * length_s,
            "scores": shares, "shares": shares, "uncertain": 0, "valence": 1, "suppressed": False, "session": None,
        }  # fmt: skip
        return Aggregate(id=identity, seq=seq, ts=ts, start=ts - timedelta(seconds=length_s), **{**values, **fields})

    def health(self, after_s: float = 0.0, **fields: Any) -> Health:
        required = (name for name, field in Health.model_fields.items() if field.is_required())
        values = dict.fromkeys(required, 1) | {"ts": self.start + timedelta(seconds=after_s)}
        return Health.model_validate({**values, **fields})


@pytest.fixture
def device() -> type[Device]:
    return Device


class Publisher:
    """Publishes as devices do; ``reasons`` are the broker's answers."""

    def __init__(self, port: int) -> None:
        self.reasons: list[int] = []
        self._client = paho.Client(CallbackAPIVersion.VERSION2, protocol=MQTTProtocolVersion.MQTTv5)
        self._client.on_publish = lambda *details: self.reasons.append(details[3].value)
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()

    def send(self, node: str, kind: str, payload: str | bytes, *, qos: int = 1, retain: bool = False) -> None:
        self._client.publish(f"face-edge/{node}/{kind}", payload, qos, retain).wait_for_publish(60)

    def events(self, device: Device, count: int) -> list[str]:
        """Publish ``count`` events; gives their ids."""
        made = [device.event(index / 1000) for index in range(count)]
        infos = [self._client.publish(f"face-edge/{device.node}/event", event.to_json(), 1) for event in made]
        for info in infos:
            info.wait_for_publish(60)
        return [event.id for event in made]

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()
        self._client._reset_sockets()


@pytest.fixture
def publisher(broker: Mosquitto) -> Iterator[Callable[[], Publisher]]:
    """``publisher()``: one more connection of a device."""
    with ExitStack() as stack:

        def make() -> Publisher:
            made = Publisher(broker.port)
            stack.callback(made.close)
            return made

        yield make


@dataclass
class Fleet:
    """A feed from end to end: a device's side, and what the database holds of it."""

    broker: Mosquitto
    server: PostgreSQL
    connect: Callable[[], Publisher]
    query: Callable[..., list[Any]]
    eventually: Callable[..., Any]

    def __post_init__(self) -> None:
        self.publisher = self.connect()

    def send(self, node: str, kind: str, payload: str | bytes, **how: Any) -> None:
        self.publisher.send(node, kind, payload, **how)

    def events(self, device: Device, count: int) -> list[str]:
        return self.publisher.events(device, count)

    def stored(self) -> set[str]:
        return {identity for (identity,) in self.query("SELECT id FROM face_edge.events")}

    def all_stored(self, ids: list[str]) -> None:
        """Until exactly these events are in the database."""
        self.eventually(lambda: len(self.stored()) >= len(ids))
        assert self.stored() == set(ids)


@pytest.fixture
def fleet(
    broker: Mosquitto,
    server: PostgreSQL,
    publisher: Callable[[], Publisher],
    query: Callable[..., list[Any]],
    eventually: Callable[..., Any],
) -> Fleet:
    return Fleet(broker, server, publisher, query, eventually)


@pytest.fixture
def options(broker: Mosquitto) -> Options:
    return Options("127.0.0.1", broker.port, "x", None, None, None, keepalive_s=10)


@pytest.fixture
def collector(options: Options, database: str) -> Iterator[Callable[..., Collector]]:
    """``collector("a", **membership)``: a member at work on a thread of its own, subscribed when it is given."""
    from edge.fleet.database.store import Store

    with ExitStack() as stack:

        def start(instance: str = "a", *, batch_max: int = 100, url: str = "", **membership: Any) -> Collector:
            store = Store(url or database)
            store.open()
            made = Collector(
                options,
                Membership(prefix="face-edge", group="g", instance=instance, **membership),
                store,
                limits=Limits(batch_max=batch_max, backoff_max_s=0.2),
            )
            thread = threading.Thread(target=made.run)
            thread.start()
            stack.callback(thread.join, 60)
            stack.callback(made.stop)
            deadline = time.monotonic() + 60
            while made._figures.broker != "connected" and not membership.get("leave"):
                assert time.monotonic() < deadline, made._composure._said
                time.sleep(0.01)
            return made

        yield start


@pytest.fixture
def collect_process(broker: Mosquitto, database: str) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """``collect_process("a", *arguments)``: ``face-edge collect`` in a process of its own."""
    started: list[subprocess.Popen[str]] = []
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("FACE_EDGE_", "COV_"))}

    def start(instance: str, *arguments: str, before: Sequence[str] = ()) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "edge", *before, "collect", "--broker", broker.uri, "--database", database]
        process = subprocess.Popen(
            [*command, "--instance", instance, "--json", "--status-every", "0.3", *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**kept, "PYTHONPATH": str(ROOT)},
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()
