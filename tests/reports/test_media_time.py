"""The film's own time over a session's, in the report and in what is exported."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace
from datetime import UTC, datetime
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest

from edge.recording.media_timeline import FilmClock
from edge.recording.values import MediaPoint, Recording, SessionRecord
from edge.reports.compare import FEWEST_S, comparison
from edge.reports.export import write
from edge.reports.report import report
from edge.reports.text import DASH

if TYPE_CHECKING:
    from pathlib import Path

SHOWN = (
    MediaPoint(0, 0, "paused"),
    MediaPoint(10, 0, "playing"),
    MediaPoint(40, 30, "paused"),
    MediaPoint(50, 30, "playing"),
    MediaPoint(60, 0, "playing"),
    MediaPoint(100, 40, "ended"),
)


RECORD = SessionRecord("01J", "", datetime(2026, 3, 1, tzinfo=UTC))


def table(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(path.read_text(encoding="utf-8"))))


def clock() -> FilmClock:
    return FilmClock.of(Recording(RECORD, media=SHOWN))


@pytest.mark.parametrize(
    ("at_s", "code"),
    [
        (0, "-0:10"), (10, "0:00"), (39, "0:29"), (45, "0:30 (paused)"), (55, "0:35"), (61, "0:01"),
        (130, "0:40 + 0:30"),
    ],
)  # fmt: skip
def test_time_codes_are_the_films(at_s: float, code: str) -> None:
    assert clock().code(at_s) == code


def test_it_shows_nothing_while_it_stands() -> None:
    assert [clock().shows_s(at_s) for at_s in (45, 55, 120)] == [None, 35, None]


def test_ticks_stand_where_the_film_passes_them() -> None:
    ticks = clock().ticks(130, 10, apart_s=0)
    assert ticks[0] == (0.0, "-0:10")
    assert (20.0, "0:10") in ticks
    assert (70.0, "0:10") in ticks, "it was wound back"
    assert all(not 40 < at_s < 50 for at_s, _ in ticks), "it stood"
    gaps = [second[0] - first[0] for first, second in pairwise(ticks)]
    assert min(gaps) >= 0
    spaced = clock().ticks(130, 10, apart_s=9)
    assert min(second[0] - first[0] for first, second in pairwise(spaced)) >= 9


def test_without_a_film_times_are_the_sessions() -> None:
    plain = FilmClock()
    assert (plain.code(65), plain.counts_film, plain.shows_s(3)) == ("1:05", False, 3)
    assert FilmClock(shift_s=30).code(0) == "-0:30"
    given = FilmClock.of(Recording(RECORD, media=SHOWN), media_start_s=5)
    assert given.code(10) == "0:05", "what is said outweighs what was noted"


def test_report_and_data_follow_the_film(made_up: Any, tmp_path: Path) -> None:
    points = (MediaPoint(100, 0, "playing"), MediaPoint(700, 600, "paused"), MediaPoint(760, 600, "playing"))
    found = replace(made_up(seconds=1500), media=points)
    page = report(found)
    [marker] = [happening for happening in found.events if happening.label == "The market"]
    assert f'<td class="time">{FilmClock(points).code(marker.at_s)}</td>' in page
    assert "whose clock stands where it was paused" in page
    assert ">-1:40<" in page or ">0:00<" in page
    write(found, tmp_path / "a.csv", "csv")
    rows = {int(row["second"]): row["media_s"] for row in table(tmp_path / "a.csv")}
    assert (rows[200], rows[720], rows[800]) == ("100.5", "", "640.5")
    write(found, tmp_path / "a.json", "json")
    assert json.loads((tmp_path / "a.json").read_text())["media"][0] == {"at_s": 100, "media_s": 0, "state": "playing"}


def test_expressions_of_a_short_session_are_not_compared(made_up: Any) -> None:
    long, short = made_up(seconds=300), made_up(seconds=FEWEST_S - 2, seed=2, title="Short")
    page = comparison([long, short])
    rows = [row.split("</tr>")[0] for row in page.split("<tr>") if "Happy</th>" in row or "Valence, mean" in row]
    assert len(rows) == 2
    for row in rows:
        cells = [cell.split("</td>")[0].split(">")[-1] for cell in row.split("<td")[1:]]
        assert cells[0] != DASH
        assert cells[1] == DASH
    assert f"Fewer than {FEWEST_S} seconds have figures" in page
    assert "Fewer than two of these sessions have figures" in page


def test_withheld_seconds_are_withheld_everywhere(made_up: Any, tmp_path: Path) -> None:
    few = made_up(seconds=120, people=1, seed=3, title="One person")
    assert all(second.figures is None for second in few.seconds)
    page, side = report(few), comparison([few, made_up(seconds=120)])
    assert "nothing is said about their expression" in page
    assert "Share of each emotion" not in page
    assert "One person" in side
    write(few, tmp_path / "few.csv", "csv")
    for row in table(tmp_path / "few.csv"):
        assert {row[name] for name in row if name.startswith(("score_", "share_"))} == {""}
        assert (row["valence"], row["attention"], row["uncertain"]) == ("", "", "")
