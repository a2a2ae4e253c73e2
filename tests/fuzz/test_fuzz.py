"""A moment of fuzzing each door; and that what is planted is found, kept, and found again."""

from __future__ import annotations

import json
import os
from random import Random
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from edge.core.errors import InputError
from tests.fuzz import mutate
from tests.fuzz.drill import again, run
from tests.fuzz.report import FuzzFinding, FuzzReport, TargetTally
from tests.fuzz.target import TARGETS
from tests.lab import lab

if TYPE_CHECKING:
    from pathlib import Path

NEEDS = {
    "video": "av",
    "manifest": "cryptography",
    "model": "ai_edge_litert",
    "page": "starlette",
    "state": "matplotlib",
}
SLOW = {"video", "model", "state"}
"""A process a try, or many packages to load: run where EDGE_TEST_SLOW is set."""


@pytest.mark.parametrize("name", TARGETS)
def test_nothing_is_found_in_a_moment(tmp_path: Path, name: str) -> None:
    if name in NEEDS:
        pytest.importorskip(NEEDS[name], reason="an extra is not installed")
    if name in SLOW and not os.environ.get("EDGE_TEST_SLOW"):
        pytest.skip("slow: set EDGE_TEST_SLOW to run it")
    report = run(tmp_path, seconds=0.5, seed=5, names=[name])
    assert report.passed, report.lines()


@pytest.mark.parametrize(
    ("name", "what"),
    [
        ("error", "ExpectationFailed at "),
        ("crash", "SIGSEGV"),
        ("memory", "MemoryError at "),
        ("endless", "takes too long"),
    ],
)
def test_what_is_planted_is_found_kept_and_found_again(tmp_path: Path, name: str, what: str) -> None:
    kept = tmp_path / "kept"
    (tmp_path / "first").mkdir()
    report = run(tmp_path / "first", seconds=0.3, seed=1, names=[name], keep=kept)
    assert not report.passed
    found = report.findings[0]
    assert found.what.startswith(what)
    data = bytes.fromhex(found.input)
    assert sum(data) % 4 == 1
    assert data == mutate.raw(Random(f"1/{name}/{found.index}"), (b"abcdefgh", bytes(64), b'{"a": 1}'))
    [file] = kept.iterdir()
    (tmp_path / "second").mkdir()
    once_more = again(tmp_path / "second", file)
    assert [each.what for each in once_more.findings] == [found.what]
    assert once_more.tallies[0].tries == 1


def test_what_is_harmless_passes_and_is_tried_often(tmp_path: Path) -> None:
    report = run(tmp_path, seconds=0.3, seed=1, names=["harmless"])
    assert report.passed
    [tally] = report.tallies
    assert tally.tries > 50
    assert tally.processes == 1


def test_what_lacks_a_package_is_said_and_fails_only_alone(tmp_path: Path) -> None:
    report = run(tmp_path, seconds=0.3, seed=1, names=["missing", "harmless"])
    assert report.passed
    assert report.lines()[-1] == "- missing: could not be tried: planted: pip install nothing"
    assert not FuzzReport(1, report.tallies[:1]).passed


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        '{"target": "no", "seed": 1, "input": "00"}',
        '{"target": "mqtt", "seed": 1, "input": "xyz"}',
        '{"target": "mqtt"}',
    ],
)
def test_a_file_that_is_no_finding_is_one_line(tmp_path: Path, text: str) -> None:
    file = tmp_path / "finding.json"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match="is no file that"):
        again(tmp_path, file)


def test_json_stays_json_or_is_damaged_on_purpose() -> None:
    corpus = [json.dumps({"a": 1, "b": [1, 2.5, {"c": "x"}]}).encode()]
    seen = {mutate.text(Random(index), corpus) for index in range(300)}
    whole = 0
    for each in seen:
        try:
            json.loads(each.decode("utf-8", "surrogatepass"))
            whole += 1
        except ValueError:
            pass
    assert len(seen) > 200
    assert 0.5 < whole / len(seen) < 1


def reported(*findings: FuzzFinding, tries: int = 1200) -> FuzzReport:
    return FuzzReport(7, (TargetTally("mqtt", "what arrives", tries, 60.0, 1, findings),))


FOUND = FuzzFinding("mqtt", 7, 41, "KeyError at sinks/x.py:3", "'a'", "00ff", "/kept/mqtt.json")


def test_the_report_says_what_was_tried_and_found() -> None:
    assert reported().lines() == [
        "target           tries  seconds  findings  what goes in",
        "mqtt             1,200       60         0  what arrives",
        "",
        "nothing was found",
    ]
    assert reported(FOUND).lines()[-2:] == [
        "FAILED",
        "- mqtt, seed 7, try 41: KeyError at sinks/x.py:3: 'a' (/kept/mqtt.json)",
    ]
    assert reported(tries=0).lines()[-2:] == ["FAILED", "- mqtt: could not be tried"]


@pytest.mark.parametrize("findings", [(), (FOUND,)])
def test_the_command_prints_it_and_fails_where_something_was_found(
    monkeypatch: pytest.MonkeyPatch, findings: tuple[FuzzFinding, ...]
) -> None:
    monkeypatch.setattr("tests.fuzz.drill.run", lambda *_folder, **_settings: reported(*findings))
    result = CliRunner().invoke(lab, ["drill", "fuzz", "--json"])
    assert result.exit_code == len(findings)
    assert json.loads(result.output) == json.loads(json.dumps(reported(*findings).as_dict()))
