"""Each drill, small; and that a report tells what is wrong."""

from __future__ import annotations

import json
import shutil
from importlib import import_module
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner

from tests.drills import cost
from tests.drills.command import EVENTS
from tests.drills.report import MessageMark, account
from tests.lab import lab

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def installed() -> None:
    if not (shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin")):
        pytest.skip("mosquitto is not installed: apt install mosquitto")


@pytest.mark.parametrize(("name", "events"), [("broker", 500), ("outage", 300), ("disk", 400), ("device", 400)])
def test_nothing_is_lost_or_out_of_order(installed: None, tmp_path: Path, name: str, events: int) -> None:
    del installed
    shown: list[float] = []
    report = import_module(f"tests.drills.{name}").run(tmp_path, events=events, seed=3, progress=shown.append)
    assert report.passed, report.lines()
    assert (report.sent, report.received, report.lost, report.out_of_order) == (events, events, 0, 0)
    assert shown
    assert name in EVENTS
    assert " 0 times" not in report.done[0]


def test_the_disk_drill_works_without_the_right_to_mount(
    installed: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    del installed
    which = shutil.which
    monkeypatch.setattr(shutil, "which", lambda name, **named: None if name == "mount" else which(name, **named))
    report = import_module("tests.drills.disk").run(tmp_path, events=80, seed=2, progress=lambda _units: None)
    assert report.passed, report.lines()
    assert "a limit on the size of files" in report.done[0]


def test_the_cost_table_counts_messages_and_commits(tmp_path: Path) -> None:
    single, loner = cost.one_by_one(tmp_path / "1", 20), cost.alone(tmp_path / "2", 20)
    crowd = cost.burst(tmp_path / "3", 400, None)
    assert [(each.events, each.commits) for each in (single, loner)] == [(20, 40), (20, 20)]
    assert crowd.events == 400
    assert 0 < crowd.commits < 40  # batched
    assert crowd.line().startswith("| the outbox, as fast as it goes | 400 | ")


def event(seq: int, name: str = "") -> MessageMark:
    return MessageMark("event", seq, name or f"id{seq}")


def judged(sent: list[MessageMark], received: list[MessageMark], **more: Any) -> Any:
    return account("broker", sent, received, done=["something was done"], seconds=1.0, **more)


def test_repeats_are_counted_and_forgiven() -> None:
    sent = [event(0), MessageMark("aggregate", 0, "a0"), event(1), event(2)]
    report = judged(sent, [event(0), event(1), MessageMark("aggregate", 0, "a0"), event(0), event(1), event(2)])
    assert (report.received, report.repeated, report.passed) == (4, 2, True)
    assert report.lines()[-4:] == [
        "sent  received  repeated  lost  out of order",
        "   4         4         2     0             0",
        "",
        "nothing is lost or out of order",
    ]


@pytest.mark.parametrize(
    ("sent", "received", "more", "figures"),
    [
        ([event(0), event(1)], [event(0)], {}, {"lost": 1}),
        ([event(0), event(1)], [event(1), event(0)], {}, {"out_of_order": 1}),
        ([event(0), event(0, "b")], [event(0), event(0, "b")], {}, {"reused": 1}),
        ([event(0)], [event(0), event(1)], {"unsaved": [event(1)]}, {"unsaved_but_received": 1}),
        ([event(0)], [event(0)], {"faults": ["the disk burns"]}, {"faults": ("the disk burns",)}),
    ],
)
def test_whatever_is_wrong_fails_the_drill(
    sent: list[MessageMark], received: list[MessageMark], more: dict[str, Any], figures: dict[str, Any]
) -> None:
    report = judged(sent, received, **more)
    assert not report.passed
    for name, value in figures.items():
        assert getattr(report, name) == value
    assert "FAILED" in report.lines()


@pytest.mark.parametrize("lost", [0, 1])
def test_the_command_prints_a_table_or_json_and_fails_where_something_is_lost(
    monkeypatch: pytest.MonkeyPatch, lost: int
) -> None:
    sent = [event(0), event(1)]
    report = judged(sent, sent[lost:])
    monkeypatch.setattr("tests.drills.broker.run", lambda *_folder, **_settings: report)
    result = CliRunner().invoke(lab, ["drill", "broker"])
    assert result.exit_code == lost
    assert result.output.splitlines() == report.lines()
    result = CliRunner().invoke(lab, ["drill", "broker", "--json"])
    assert result.exit_code == lost
    assert json.loads(result.output) == json.loads(json.dumps(report.as_dict()))


def test_without_mosquitto_the_command_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda *_name, **_path: None)
    result = CliRunner().invoke(lab, ["drill", "outage"])
    assert "sudo apt install mosquitto" in str(result.exception)
