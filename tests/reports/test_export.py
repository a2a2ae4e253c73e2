from __future__ import annotations

import csv
import json
import sys
from dataclasses import replace
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import pytest

from edge.core.errors import HardwareUnavailable
from edge.recording.rows import SECOND_COLUMNS, second_of, second_values
from edge.reports.export import offered, write

if TYPE_CHECKING:
    from pathlib import Path

Make = Any


def test_csv_there_and_back(tmp_path: Path, made_up: Make) -> None:
    recording = made_up(seconds=120)
    steps: list[int] = []
    write(recording, tmp_path / "s.csv", "csv", progress=lambda done, _: steps.append(done))
    with (tmp_path / "s.csv").open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    found = [second_of([None if row[name] == "" else float(row[name]) for name in SECOND_COLUMNS]) for row in rows]
    assert tuple(found) == recording.seconds
    assert [row["markers"] for row in rows if row["markers"]] == [
        "The market", "The letter", "The stairs", "Reel change", "The wedding",
    ]  # fmt: skip
    assert steps


def test_json_there_and_back(tmp_path: Path, made_up: Make) -> None:
    recording = made_up(seconds=90)
    write(recording, tmp_path / "s.json", "json")
    found = json.loads((tmp_path / "s.json").read_text(encoding="utf-8"))
    assert found["session"]["id"] == recording.record.id
    assert found["session"]["start"] == "2026-05-04T18:30:00.000Z"
    assert tuple(second_of([row[name] for name in SECOND_COLUMNS]) for row in found["seconds"]) == recording.seconds
    assert len(found["events"]) == len(recording.events)


def test_a_session_without_seconds_is_json_too(tmp_path: Path, made_up: Make) -> None:
    recording = replace(made_up(seconds=5), seconds=())
    write(recording, tmp_path / "s.json", "json")
    assert json.loads((tmp_path / "s.json").read_text())["seconds"] == []


def test_parquet_there_and_back(tmp_path: Path, made_up: Make) -> None:
    pq = pytest.importorskip("pyarrow.parquet", reason="PyArrow is missing, or wants NumPy 2", exc_type=ImportError)
    recording = made_up(seconds=90)
    write(recording, tmp_path / "s.parquet", "parquet")
    table = pq.read_table(tmp_path / "s.parquet")
    rows = table.to_pylist()
    assert tuple(second_of([row[name] for name in SECOND_COLUMNS]) for row in rows) == recording.seconds
    assert json.loads(table.schema.metadata[b"face-edge.session"])["title"] == recording.record.title


def test_without_pyarrow_it_is_one_line(tmp_path: Path, made_up: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(HardwareUnavailable, match=r"pip install -e '\.\[parquet\]'"):
        write(made_up(seconds=5), tmp_path / "s.parquet", "parquet")


def test_parquet_is_offered_where_pyarrow_is(monkeypatch: pytest.MonkeyPatch) -> None:
    if find_spec("pyarrow") is not None:
        assert offered() == ("csv", "json", "parquet")
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    assert offered() == ("csv", "json")


def test_withheld_seconds_are_empty(tmp_path: Path, made_up: Make) -> None:
    recording = made_up(seconds=40, people=2, k=9)
    write(recording, tmp_path / "s.csv", "csv")
    with (tmp_path / "s.csv").open(encoding="utf-8") as stream:
        assert all(row["valence"] == "" and row["counted_s"] == "" for row in csv.DictReader(stream))
    assert all(second_values(second)[-1] is None for second in recording.seconds)


@pytest.mark.parametrize("label", ["=1+1", "@x", "-1", "+1"])
def test_a_label_is_no_formula(tmp_path: Path, made_up: Make, label: str) -> None:
    recording = made_up(seconds=60)
    marked = replace(recording, events=(replace(recording.events[1], type="marker", label=label),))
    write(marked, tmp_path / "s.csv", "csv")
    assert f"'{label}" in (tmp_path / "s.csv").read_text(encoding="utf-8")
