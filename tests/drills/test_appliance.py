"""The whole device's drills, each as short as it goes."""

from __future__ import annotations

import json
import os
import shutil
from importlib import import_module
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner

from edge.core.errors import HardwareUnavailable
from tests.drills.command import TIMES
from tests.drills.outcome import DrillOutcome
from tests.lab import lab

if TYPE_CHECKING:
    from pathlib import Path

pytest.importorskip("ai_edge_litert", reason="no inference runtime")
SHORT: dict[str, dict[str, Any]] = {
    "freeze": {"hang_s": 2.0},
    "unplug": {"away_s": 0.5},
    "corrupt": {"during_s": 1.5},
    "memory": {"squeezed_s": 1.5},
    "partition": {"away_s": 1.0},
}
SLOW = {"full", "readonly", "model", "partition"}
"""Half a minute together: run where EDGE_TEST_SLOW is set."""
ON_THE_FEED = {"kill", "full", "readonly", "clock", "partition", "oom"}


@pytest.mark.parametrize("name", TIMES)
def test_the_device_recovers_without_a_hand(tmp_path: Path, name: str) -> None:
    if name in ON_THE_FEED and not shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin:/usr/bin"):
        pytest.skip("mosquitto is not installed: apt install mosquitto")
    if name in SLOW and not os.environ.get("EDGE_TEST_SLOW"):
        pytest.skip("slow: set EDGE_TEST_SLOW to run it")
    shown: list[float] = []
    run = import_module(f"tests.drills.{name}").run
    try:
        outcome = run(tmp_path, events=1, seed=3, progress=shown.append, **SHORT.get(name, {}))
    except HardwareUnavailable as refusal:
        pytest.skip(str(refusal))
    assert outcome.passed, outcome.lines()
    assert outcome.drill == name
    assert shown


def outcome(*faults: str) -> DrillOutcome:
    return DrillOutcome("freeze", "a fault", ("one thing", "another"), 1.25, "nothing", 3.0, faults)


def test_the_report_says_what_was_done_and_seen() -> None:
    assert outcome().lines() == [
        "drill freeze, 3 s:",
        "injected   a fault",
        "seen       one thing",
        "           another",
        "recovery   1.2 s",
        "lost       nothing",
        "",
        "recovered without a hand",
    ]
    assert outcome("it burns").lines()[-2:] == ["FAILED", "- it burns"]


@pytest.mark.parametrize("faults", [(), ("it burns",)])
def test_the_command_prints_it_and_fails_where_something_is_wrong(
    monkeypatch: pytest.MonkeyPatch, faults: tuple[str, ...]
) -> None:
    found = outcome(*faults)
    monkeypatch.setattr("tests.drills.freeze.run", lambda *_folder, **_settings: found)
    result = CliRunner().invoke(lab, ["drill", "freeze", "--json"])
    assert result.exit_code == len(faults)
    assert json.loads(result.output) == json.loads(json.dumps(found.as_dict()))


def test_how_often_is_handed_on(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []

    def run(*_folder: Any, events: int, **_settings: Any) -> DrillOutcome:
        asked.append(events)
        return outcome()

    monkeypatch.setattr("tests.drills.kill.run", run)
    assert CliRunner().invoke(lab, ["drill", "kill", "--times", "200"]).exit_code == 0
    assert CliRunner().invoke(lab, ["drill", "kill"]).exit_code == 0
    assert asked == [200, 20]
