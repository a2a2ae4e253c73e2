"""Collectors on a real broker and a real database: nothing lost, nothing twice, whatever is killed."""

from __future__ import annotations

import json
import signal
import time
from typing import TYPE_CHECKING, Any

from edge.cli import main

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable
    from pathlib import Path

    import pytest


def status(process: subprocess.Popen[str], condition: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    """The first status line of which the condition holds."""
    assert process.stdout is not None
    for line in process.stdout:
        document: dict[str, Any] = json.loads(line)
        if condition(document):
            return document
    msg = f"never: {process.communicate()[1]}"
    raise AssertionError(msg)


def connected(document: dict[str, Any]) -> bool:
    return bool(document["broker"] == "connected")


def arrivals(member: Any) -> list[str]:
    """Ids of the events that come to a collector from now on, added to as they come."""
    came: list[str] = []
    put = member._inbox.put

    def note(letter: Any) -> None:
        came.append(json.loads(letter.payload)["id"])
        put(letter)

    member._inbox.put = note
    return came


def test_everything_of_the_feed_arrives(collector: Any, fleet: Any, device: Any) -> None:
    fleet.send("n1", "availability", "online", retain=True)
    collector()
    n1 = device("n1")
    ids = fleet.events(n1, 50)
    fleet.send("n1", "aggregate", n1.aggregate().to_json())
    fleet.send("n1", "health", n1.health(temperature_c=51.5).to_json(), qos=0, retain=True)
    fleet.all_stored(ids)
    assert fleet.eventually(lambda: fleet.query("SELECT temperature_c FROM face_edge.health")) == [(51.5,)]
    assert fleet.query("SELECT person_seconds, share_happy, score_sad FROM face_edge.aggregates") == [(120, 1, 0)]
    assert fleet.query("SELECT node, online FROM face_edge.nodes") == [("n1", True)]
    fleet.send("n1", "availability", "offline", retain=True)
    assert fleet.eventually(lambda: fleet.query("SELECT node FROM face_edge.nodes WHERE NOT online"))


def test_a_retired_device_is_no_complaint(
    collector: Any, fleet: Any, device: Any, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    member = collector()
    n1 = device("n1")
    ids = fleet.events(n1, 1)
    fleet.all_stored(ids)
    for kind, payload in (("availability", "offline"), ("info", '{"model": "m"}'), ("health", n1.health().to_json())):
        fleet.send("n1", kind, payload, retain=True)
    assert fleet.eventually(lambda: fleet.query("SELECT node FROM face_edge.unwell"))
    settings = ("--set", f"node.state_dir={tmp_path}", "--set", f"mqtt.broker={fleet.broker.uri}")
    assert main([*settings, "retire", "--node", "n1"]) == 0
    assert fleet.eventually(lambda: fleet.query("SELECT node FROM face_edge.devices WHERE retired_at IS NOT NULL"))
    ids += fleet.events(device("n2"), 1)
    fleet.all_stored(ids)
    assert fleet.query("SELECT node FROM face_edge.unwell WHERE node = 'n1'") == []
    assert member._figures._totals["refused"] == 0
    assert "refused" not in caplog.text


def test_members_share_the_load_and_a_repeat_is_stored_once(collector: Any, fleet: Any, device: Any) -> None:
    members = [collector(name) for name in "abc"]
    n1 = device("n1")
    ids = fleet.events(n1, 300)
    fleet.all_stored(ids)
    again = n1.event(1)
    for _ in range(3):
        fleet.send("n1", "event", again.to_json())
    fleet.all_stored([*ids, again.id])
    for member in members:
        member.stop()
    shares: list[int] = []

    def counted() -> bool:
        shares[:] = [member._figures._totals["stored"] for member in members]
        return sum(shares) == 301

    assert fleet.eventually(counted), shares
    assert min(shares) >= 90


def test_what_cannot_be_stored_is_counted_told_once_and_lets_the_rest_through(
    collector: Any, fleet: Any, device: Any, caplog: pytest.LogCaptureFixture
) -> None:
    member = collector()
    n1 = device("n1")
    ids = fleet.events(n1, 5)
    for payload in (b"", b"{", b"\xff\xfe", b"[]", b'{"schema": 1}'):
        fleet.send("n1", "event", payload)
    fleet.send("n1", "event", b'{"x": "' + b"y" * 20_000 + b'"}')
    fleet.send("n1", "event", b"z" * 100_000)  # the broker itself keeps this one back
    fleet.send("n2", "event", n1.event(2, label="a\0b").to_json())
    fleet.send("n3", "event", n1.event(3).to_json().replace('"schema":1', '"schema":2'))
    fleet.send("n4", "event", n1.event(4, kind="peak").to_json().replace('"id":"0', '"id":"9'))
    fleet.send("n5", "aggregate", n1.aggregate(person_seconds=1e300).to_json())  # passes every check but PostgreSQL's
    fleet.send("not a node", "event", b"{}")
    ids += fleet.events(device("n6"), 5)
    fleet.all_stored(ids)
    fleet.send("n1", "event", b"")
    ids += fleet.events(device("n7"), 1)
    fleet.all_stored(ids)
    assert member._figures._totals["refused"] == 12
    told = [record.getMessage() for record in caplog.records if "refused" in record.getMessage()]
    assert len(told) == 7, told
    assert sum("of n1 refused (malformed" in line for line in told) == 1


def test_a_field_that_is_new_and_a_type_that_is_new_are_taken(collector: Any, fleet: Any, device: Any) -> None:
    collector()
    payload = json.loads(device("n1").event().to_json()) | {"type": "yawn", "depth": {"of": "field"}}
    fleet.send("n1", "event", json.dumps(payload))
    assert fleet.eventually(lambda: fleet.query("SELECT type FROM face_edge.events")) == [("yawn",)]


def test_a_killed_member_loses_nothing(collect_process: Any, collector: Any, device: Any, fleet: Any) -> None:
    """What it had not committed, and its share of what came while it was dead, comes when it is back."""
    first = collect_process("a", "--group", "g")
    status(first, connected)
    collector("b")
    ids = fleet.events(device("n1"), 200)
    first.send_signal(signal.SIGSTOP)  # so that messages are in flight to it
    ids += fleet.events(device("n2"), 200)
    first.kill()
    first.wait()
    ids += fleet.events(device("n3"), 200)
    time.sleep(0.3)
    assert len(fleet.stored()) < len(ids)
    collector("a")
    fleet.all_stored(ids)


def test_leaving_takes_what_waits_and_ends_the_membership(collector: Any, device: Any, fleet: Any) -> None:
    first = collector("a")
    first.stop()
    assert fleet.eventually(lambda: first._figures.broker == "away")
    ids = fleet.events(device("n1"), 100)
    assert not fleet.stored()
    leaver = collector("a", leave=True, leave_after_s=0.5)
    fleet.all_stored(ids)
    assert fleet.eventually(leaver._stopping.is_set)
    assert fleet.eventually(lambda: leaver._figures.broker == "away")
    fleet.events(device("n2"), 1)
    assert fleet.publisher.reasons[-1] == 0x10  # no matching subscribers: the session is gone


def test_a_stop_stores_and_acknowledges(collect_process: Any, collector: Any, device: Any, fleet: Any) -> None:
    process = collect_process("a", "--group", "g")
    status(process, connected)
    ids = fleet.events(device("n1"), 500)
    process.send_signal(signal.SIGTERM)
    out, errors = process.communicate(timeout=60)
    assert process.returncode == 0, errors
    assert "Traceback" not in errors
    assert json.loads(out.splitlines()[-1])["stored"] == len(fleet.stored())
    again = collector("a")
    fleet.all_stored(ids)
    time.sleep(0.2)
    assert again._figures._totals["repeated"] == 0  # all that was stored had been acknowledged


def test_a_database_that_is_away_holds_the_acknowledgements(collect_process: Any, fleet: Any, device: Any) -> None:
    process = collect_process("a", "--batch", "50")
    status(process, connected)
    ids = fleet.events(device("n1"), 10)
    fleet.all_stored(ids)
    fleet.server.kill()
    ids += fleet.events(device("n1", device("n1").start.replace(second=59)), 500)
    away = status(process, lambda document: document["database"] == "away")
    assert away["waiting"] <= 100  # two batches, and the broker keeps the rest
    fleet.server.start()
    fleet.all_stored(ids)
    process.terminate()
    errors = process.communicate(timeout=60)[1]
    assert process.returncode == 0
    assert "is back" in errors
    told = [line for line in errors.splitlines() if "is unavailable" in line]
    assert 1 <= len(told) <= 4, told
    assert len(set(told)) == len(told)


def test_a_broker_that_is_killed_loses_nothing_that_had_reached_a_collector(
    collector: Any, fleet: Any, device: Any, caplog: pytest.LogCaptureFixture
) -> None:
    member = collector()
    came = arrivals(member)
    fleet.connect().events(device("n1"), 500)
    fleet.broker.kill()
    assert fleet.eventually(lambda: member._figures.broker == "away")
    assert came
    # what the broker had taken and not yet passed on is its own affair: Mosquitto writes once a second at best
    assert fleet.eventually(lambda: set(came) <= fleet.stored())
    time.sleep(0.5)
    fleet.broker.start()
    assert fleet.eventually(lambda: member._figures.broker == "connected")
    ids = fleet.connect().events(device("n2"), 10)
    assert fleet.eventually(lambda: {*came, *ids} <= fleet.stored())
    told = [record.getMessage() for record in caplog.records if "trying again" in record.getMessage()]
    assert len(told) == len(set(told)) <= 3


def test_two_members_of_one_name_are_told_so(collector: Any, fleet: Any, caplog: pytest.LogCaptureFixture) -> None:
    collector("a")
    collector("a")
    assert fleet.eventually(lambda: "another collector also use --instance a" in caplog.text)
    assert len(caplog.records) < 20  # they do not storm the broker
