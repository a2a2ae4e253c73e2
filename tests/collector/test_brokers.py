"""Brokers that a fleet cannot use: what is missing is said, not guessed."""

from __future__ import annotations

import logging
import os
import select
import signal
import threading
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from edge.collector import diagnosis
from edge.collector.collector import Collector
from edge.collector.connect_options import ConnectOptions
from edge.collector.database.store import Store
from edge.collector.membership import Membership
from edge.collector.polled_connection import PolledConnection
from edge.sinks.mqtt.connection_errors import Cause
from edge.sinks.mqtt.options import Options
from tests.fleet.simulation.plan import SimulationPlan
from tests.fleet.simulation.simulator import Simulator

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

FIRST = Cause("hung up")


def at(port: int) -> Options:
    return Options("127.0.0.1", port, "x", None, None, None, keepalive_s=10)


@pytest.fixture
def store(free_port: Callable[[], int]) -> Store:
    """A database that is away; nothing comes for it."""
    return Store(f"postgresql://127.0.0.1:{free_port()}/none")


@pytest.fixture(params=["collect", "simulate"])
def run(request: pytest.FixtureRequest, store: Store) -> Iterator[Callable[[int], None]]:
    """``run(port)``: a collector, or a simulated device, that tries to reach the broker on ``port``."""
    made: list[tuple[Any, threading.Thread]] = []

    def start(port: int) -> None:
        if request.param == "collect":
            membership = Membership(prefix="face-edge", group="g", instance="a", stop_grace_s=0.1)
            what: Any = Collector(at(port), membership, store)
        else:
            what = Simulator(
                SimulationPlan(devices=2, rate=1, seconds=None, seed=0, prefix="face-edge", health_s=60), at(port)
            )
        thread = threading.Thread(target=what.run)
        thread.start()
        made.append((what, thread))

    yield start
    for what, thread in made:
        what.stop()
        thread.join(60)
        assert not thread.is_alive()


@pytest.fixture
def said(caplog: pytest.LogCaptureFixture, eventually: Any) -> Callable[[], str]:
    """``said()``: the first line that is logged of the broker."""

    def wait() -> str:
        (record, *_) = eventually(
            lambda: [one for one in caplog.records if "mqtt" in one.message and one.levelno >= logging.WARNING]
        )
        return str(record.message)

    return wait


def test_a_broker_that_knows_3_1_1_only_is_called_that(run: Callable[[int], None], said: Callable[[], str]) -> None:
    pytest.importorskip("amqtt", reason="amqtt is not installed: pip install -e '.[broker]'")
    from edge.sinks.mqtt.embedded import EmbeddedBroker

    with EmbeddedBroker(0) as broker:
        run(broker.port)
        line = said()
    assert f"mqtt://127.0.0.1:{broker.port} speaks MQTT 3.1.1 only" in line
    assert "need MQTT 5" in line
    assert "docs/fleet.md" in line
    assert "TLS" not in line


def test_one_that_also_refuses_strangers_is_called_that(
    run: Callable[[int], None], said: Callable[[], str], mosquitto: Any, relay: Any
) -> None:
    way = relay(mosquitto("allow_anonymous false").port, refuse_mqtt5=True)
    run(int(way.uri.rpartition(":")[2]))
    assert "need MQTT 5" in said()


def test_one_that_hangs_is_called_that(run: Callable[[int], None], said: Callable[[], str], mosquitto: Any) -> None:
    broker = mosquitto()
    pid = broker._process.pid
    os.kill(pid, signal.SIGSTOP)
    try:
        run(broker.port)
        line = said()
    finally:
        os.kill(pid, signal.SIGCONT)
    assert "does it hang, is it overloaded, or is the port another service's?" in line
    assert "TLS" not in line


def test_one_that_wants_tls_is_called_that(
    run: Callable[[int], None], said: Callable[[], str], mosquitto: Any, certificates: Any
) -> None:
    broker = mosquitto(certificates.broker_lines())
    run(broker.port)
    assert f"{broker.uri} speaks TLS: use mqtts:// in mqtt.broker" in said()


@pytest.mark.parametrize(
    ("properties", "missing"),
    [
        (bytes([0x2A, 0]), "shared subscriptions"),
        (bytes([0x28, 0]), "wildcard subscriptions"),
        (bytes([0x24, 0]), "quality of service 1"),
        (bytes([0x2A, 0, 0x24, 0]), "shared subscriptions and no quality of service 1"),
    ],
)
def test_what_collectors_miss_is_named(
    scripted_broker: Any, said: Callable[[], str], store: Store, *, properties: bytes, missing: str
) -> None:
    broker = scripted_broker(bytes([0x20, 3 + len(properties), 0, 0, len(properties)]) + properties)
    port = int(broker.uri.rpartition(":")[2])
    membership = Membership(prefix="face-edge", group="g", instance="a", stop_grace_s=0.1)
    collector = Collector(at(port), membership, store)
    thread = threading.Thread(target=collector.run)
    thread.start()
    try:
        assert (
            said()
            == f"{broker.uri} has no {missing}, which collectors need: see docs/fleet.md for brokers; trying again"
        )
    finally:
        collector.stop()
        thread.join(60)


@pytest.mark.parametrize("line", ["retain_available false", "max_qos 0"])
def test_simulated_devices_say_what_their_last_will_needs(said: Callable[[], str], mosquitto: Any, line: str) -> None:
    broker = mosquitto(f"allow_anonymous true\n{line}")
    plan = SimulationPlan(devices=1, rate=1, seconds=None, seed=0, prefix="face-edge", health_s=60)
    simulator = Simulator(plan, at(broker.port))
    thread = threading.Thread(target=simulator.run)
    thread.start()
    try:
        assert "which a last will needs" in said()
    finally:
        simulator.stop()
        thread.join(60)


def test_a_broker_that_answers_by_now_keeps_the_first_cause(mosquitto: Any) -> None:
    assert diagnosis.explained(FIRST, at(mosquitto().port)) is FIRST


def test_one_that_refuses_connections_is_called_that(free_port: Callable[[], int]) -> None:
    assert "refuses connections" in diagnosis.explained(FIRST, at(free_port())).text


def test_refused_credentials_are_no_matter_of_the_version(mosquitto: Any) -> None:
    assert "wants a user name" in diagnosis.explained(FIRST, at(mosquitto("allow_anonymous false").port)).text


def test_the_question_ends_no_session_of_a_broker_that_takes_user_names_for_client_ids(
    mosquitto: Any, password_lines: str
) -> None:
    broker = mosquitto(f"use_username_as_clientid true\n{password_lines}")
    user = replace(at(broker.port), username="device", password="correct")
    link = PolledConnection(user, ConnectOptions(session_expiry_s=600, clean_start=False))
    link.open()
    wait_for(link)
    link.part(10)
    assert diagnosis.explained(FIRST, user) is FIRST
    again = PolledConnection(user, ConnectOptions(session_expiry_s=600, clean_start=False))
    again.open()
    wait_for(again)
    assert again.session_present
    again.abandon()


def wait_for(link: PolledConnection) -> None:
    """Read until the broker has answered."""
    while not link.answered:
        link.write()
        select.select([link], [], [], 60)
        link.read()
