"""Simulated devices: they tell the contract's messages, count what happened to each, and survive the broker."""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from edge.core.errors import InputError
from edge.core.events import Aggregate, Event, EventType, Health, Info, State
from tests.fleet.simulation.node_model import NodeModel
from tests.fleet.simulation.plan import SimulationPlan
from tests.fleet.simulation.simulator import Simulator
from tests.fleet.simulation.verify import verify

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pydantic import BaseModel

    from tests.fleet.simulation.progress import SimulationProgress

_S = 1_000_000_000


@pytest.fixture
def play(options: Any) -> Iterator[Callable[..., tuple[Simulator, threading.Thread]]]:
    """``play(devices=…, rate=…)``: at work on a thread of its own."""
    started: list[tuple[Simulator, threading.Thread]] = []

    def start(**plan: Any) -> tuple[Simulator, threading.Thread]:
        simulator = Simulator(SimulationPlan(**{"keep_ids": True, "seed": 7, **plan}), options)
        thread = threading.Thread(target=lambda: ended.append(simulator.run()))
        ended: list[SimulationProgress] = []
        simulator.ended = ended  # type: ignore[attr-defined]
        thread.start()
        started.append((simulator, thread))
        return started[-1]

    yield start
    for simulator, thread in started:
        simulator.stop()
        thread.join(60)


def total(played: tuple[Simulator, threading.Thread]) -> SimulationProgress:
    played[1].join(40)
    progress: SimulationProgress = played[0].ended[0]  # type: ignore[attr-defined]
    return progress


def accounted(progress: SimulationProgress) -> int:
    settled = progress.acknowledged + progress.unheard + progress.refused
    return settled + progress.dropped + progress.waiting


def test_a_story_is_made_of_valid_messages_that_hang_together() -> None:
    node_model = NodeModel("n1", epoch_ns=0, seed=3)
    now_ns, people, session, seen = 0, 0, None, set()
    ids: list[str] = []
    for number in range(3000):
        now_ns += _S
        event = Event.model_validate_json(node_model.next_event(now_ns).to_json())
        assert event.seq == number
        ids.append(event.id)
        seen.add(event.type)
        match event.type:
            case EventType.PRESENCE_START:
                assert people == 0
            case EventType.PRESENCE_END | EventType.EXPRESSION_CHANGED | EventType.PEAK:
                assert people > 0
            case EventType.SESSION_START:
                assert session is None
            case EventType.SESSION_END:
                assert event.session is None or event.session == session
        people = event.people
        session = None if event.type is EventType.SESSION_END else event.session
        if event.emotion is not None:
            assert event.emotion != event.previous
    assert ids == sorted(set(ids))
    assert seen == set(EventType)


def test_the_same_seed_tells_the_same_story_and_another_one_another() -> None:
    def told(seed: int) -> list[str]:
        node_model = NodeModel("n1", epoch_ns=0, seed=seed)
        return [node_model.next_event(second * _S).to_json() for second in range(50)]

    assert told(1) == told(1)
    assert told(1) != told(2)


def test_an_aggregate_sums_what_the_events_told() -> None:
    node_model = NodeModel("n1", epoch_ns=0, seed=5)
    people_s = 0.0
    people = 0
    for second in range(1, 60):
        people_s += people
        people = node_model.next_event(second * _S).people
    people_s += people
    window = Aggregate.model_validate_json(node_model.aggregate(60 * _S).to_json())
    assert window.person_seconds == pytest.approx(people_s)
    assert window.shares is not None
    assert sum(window.shares.values()) == pytest.approx(1, abs=0.01)
    assert node_model.aggregate(61 * _S).observed_s == 1
    assert node_model.window_ends(61 * _S) == 120 * _S


def test_the_feed_is_the_contract_s(broker: Any, subscribe: Any, play: Any) -> None:
    subscriber = subscribe(broker.port)
    played = play(devices=3, rate=5, seconds=2.5, health_s=1, window_s=1)
    progress = total(played)
    models: dict[str, type[BaseModel]] = {
        "event": Event,
        "aggregate": Aggregate,
        "health": Health,
        "state": State,
        "info": Info,
    }
    # what each device said last was sent last
    subscriber.wait_for(lambda: [m.payload for m in subscriber.of("availability")].count("offline") == 3)
    flags = {"event": (1, False), "aggregate": (1, False), "health": (0, True), "state": (0, True), "info": (1, True)}
    for kind, model in models.items():
        for message in subscriber.wait(kind):
            model.model_validate_json(message.payload)
            assert (message.qos, message.retain) == flags[kind], kind
    for node in ("sim7-00000", "sim7-00001", "sim7-00002"):
        words = [m.payload for m in subscriber.of("availability") if f"/{node}/" in m.topic]
        assert words == ["online", "offline"]
        for kind in ("event", "aggregate"):
            numbers = [json.loads(m.payload)["seq"] for m in subscriber.of(kind) if f"/{node}/" in m.topic]
            assert numbers == list(range(len(numbers)))
    assert progress.acknowledged == len(subscriber.of("event")) + len(subscriber.of("aggregate")) == progress.made
    assert accounted(progress) == progress.made


def test_what_nobody_hears_is_not_called_delivered(play: Any) -> None:
    progress = total(play(devices=2, rate=10, seconds=1))
    assert progress.acknowledged == 0
    assert progress.unheard == progress.made > 5


def test_a_killed_process_leaves_its_last_wills(broker: Any, subscribe: Any) -> None:
    subscriber = subscribe(broker.port)
    command = [sys.executable, "-m", "tests.lab", "simulate", "--broker", broker.uri, "--devices", "3", "--rate", "5"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    subscriber.wait_for(lambda: len(subscriber.of("availability")) == 3)
    process.kill()
    process.wait()
    subscriber.wait_for(lambda: [m.payload for m in subscriber.of("availability")][3:] == ["offline"] * 3)


@pytest.mark.parametrize("resend_s", [0, 30])
def test_events_survive_a_broker_that_is_killed(
    resend_s: float, collector: Any, play: Any, fleet: Any, database: str
) -> None:
    collector()
    begun = datetime.now(UTC)
    played = play(devices=20, rate=10, seconds=4, resend_s=resend_s)
    assert fleet.eventually(lambda: played[0].tally.acknowledged > 50)
    fleet.broker.kill()
    time.sleep(0.7)
    fleet.broker.start()
    progress = total(played)
    assert accounted(progress) == progress.made
    verdict = verify(database, played[0].tally.acknowledged_ids or set(), nodes="sim7-", since=begun, patience_s=5)
    assert verdict.lost == 0
    assert verdict.measured_to == "commit"
    assert verdict.latency_p50_ms is not None
    if resend_s:  # Mosquitto forgets shared subscriptions; what was published before they were renewed is offered again
        assert progress.unheard == 0
        assert verdict.stored == progress.made


def test_a_loss_is_found(collector: Any, play: Any, database: str) -> None:
    collector()
    begun = datetime.now(UTC)
    played = play(devices=2, rate=10, seconds=1)
    total(played)
    ids = (played[0].tally.acknowledged_ids or set()) | {"01HZZZZZZZZZZZZZZZZZZZZZZZ"}
    assert verify(database, ids, nodes="sim7-", since=begun, patience_s=1).lost == 1


def test_too_many_devices_are_refused_in_one_line(options: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InputError, match="1 to 2000, not 2001"):
        Simulator(SimulationPlan(devices=2001, rate=1), options)
    monkeypatch.setattr(resource, "getrlimit", lambda _what: (64, 64))
    with pytest.raises(InputError, match="needs 600 open files, 64 are allowed"):
        Simulator(SimulationPlan(devices=500, rate=1), options)
