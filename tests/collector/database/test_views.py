"""The usual questions, asked of a small known past; and the dashboard that asks them."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from edge.collector.database.batch import Batch
from edge.collector.database.rows import row
from edge.collector.database.store import Store
from edge.collector.topics import Kind
from edge.core.types import EMOTIONS, Emotion

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

START = (datetime.now(UTC) - timedelta(minutes=30)).replace(second=0, microsecond=0)
DASHBOARD = Path(__file__).resolve().parents[3] / "docs/grafana/face-edge.json"


@pytest.fixture
def add(database: str) -> Iterator[Callable[..., None]]:
    """``add(node, kind, *messages)``."""
    store = Store(database)
    store.open()

    def write(node: str, kind: Kind, *messages: Any, received_at: datetime | None = None) -> None:
        batch = Batch()
        for message in messages:
            payload = message if isinstance(message, str) else message.to_json()
            batch.add(kind, row(node, kind, payload.encode(), received_at or START))
        store.write(batch)

    yield write
    store.close()


def only(emotion: Emotion) -> dict[str, Any]:
    figures = {other: float(other is emotion) for other in EMOTIONS}
    return {"scores": figures, "shares": figures}


def test_a_window_withheld_in_part_weighs_as_much_as_its_figures_come_from(add: Any, device: Any, query: Any) -> None:
    n1, session = device("n1", START), "01ARZ3NDEKTSV4RRFFQ69G5FAV"
    few = {"person_seconds": 90, "counted_person_seconds": 10, "suppressed": True, "session": session}
    all_of_them = {"person_seconds": 30, "counted_person_seconds": 30, "session": session}
    windows = [
        n1.aggregate(20, length_s=20, valence=1, **few, **only(Emotion.HAPPY)),
        n1.aggregate(40, length_s=20, valence=-1, **all_of_them, **only(Emotion.SAD)),
    ]
    add("n1", Kind.AGGREGATE, *windows)
    [mood] = query("SELECT person_seconds, valence, happy, sad, dominant FROM face_edge.mood_per_minute")
    assert mood == (120, pytest.approx(-0.5), pytest.approx(0.25), pytest.approx(0.75), "sad")
    [held] = query("SELECT person_seconds, counted_person_seconds, happy, sad FROM face_edge.sessions")
    assert held == (120, pytest.approx(40), pytest.approx(0.25), pytest.approx(0.75))


def test_mood_per_minute_weighs_by_person_seconds(add: Any, device: Any, query: Any) -> None:
    n1 = device("n1", START)
    windows = [
        n1.aggregate(20, length_s=20, person_seconds=30, valence=1, **only(Emotion.HAPPY)),
        n1.aggregate(40, length_s=20, person_seconds=10, valence=-1, **only(Emotion.SAD)),
        # withheld: counts in person-seconds, not in the mood
        n1.aggregate(60, length_s=20, person_seconds=20, scores=None, shares=None, valence=None, uncertain=None),
        n1.aggregate(80, length_s=20, person_seconds=0, scores=None, shares=None, valence=None, uncertain=None),
    ]
    add("n1", Kind.AGGREGATE, *windows)
    found = query(
        "SELECT minute, person_seconds, valence, happy, sad, dominant FROM face_edge.mood_per_minute ORDER BY 1"
    )
    assert found == [(START, 60, 0.5, 0.75, 0.25, "happy"), (START + timedelta(minutes=1), 0, None, None, None, None)]
    assert query("SELECT count(*) FROM face_edge.mood_between(%s, %s)", START, START + timedelta(seconds=60)) == [(1,)]


def test_sessions_side_by_side(add: Any, device: Any, query: Any) -> None:
    for node, title, emotion in (("n1", "Comedy", Emotion.HAPPY), ("n2", "Tragedy", Emotion.SAD)):
        made = device(node, START)
        session = made.event().id
        add(
            node, Kind.EVENT,
            made.event(1, "session_start", label=title, session=session),
            made.event(2, "peak", session=session), made.event(3, "marker", label="here", session=session),
            made.event(100, "session_end", session=session), made.event(101, "peak"),
        )  # fmt: skip
        add(node, Kind.AGGREGATE, made.aggregate(60, session=session, **only(emotion)), made.aggregate(120))
    found = query("SELECT title, events, peaks, markers, person_seconds, happy, sad FROM face_edge.sessions ORDER BY 1")
    assert found == [("Comedy", 4, 1, 1, 120, 1, 0), ("Tragedy", 4, 1, 1, 120, 0, 1)]
    assert query("SELECT ended_at - started_at FROM face_edge.sessions LIMIT 1") == [(timedelta(seconds=99),)]


def test_devices_that_are_silent_or_unwell(add: Any, device: Any, query: Any) -> None:
    now = datetime.now(UTC)
    for node in ("well", "silent", "offline", "hot"):
        add(node, Kind.AVAILABILITY, "offline" if node == "offline" else "online")
    for node, ago_s, fields in (("well", 5, {}), ("silent", 600, {}), ("hot", 5, {"temperature_c": 85, "drops": 3})):
        beat = {"temperature_c": 50, "drops": 0, "last_frame_age_s": 0.1, **fields}
        when = now - timedelta(seconds=ago_s)
        # an older one beside it, for only the newest counts
        add(node, Kind.HEALTH, device(node, when).health(-60, **beat | {"temperature_c": 99}), received_at=when)
        add(node, Kind.HEALTH, device(node, when).health(**beat), received_at=when)
    query("UPDATE face_edge.nodes SET first_seen = now() - interval '1 hour' RETURNING 1")
    found = dict(query("SELECT node, complaints FROM face_edge.unwell"))
    assert found == {"silent": ["silent"], "offline": ["offline"], "hot": ["hot", "drops"]}


def test_a_retired_device_has_no_complaints(add: Any, device: Any, query: Any) -> None:
    add("n1", Kind.HEALTH, device("n1", START).health(temperature_c=99, drops=3))
    add("n1", Kind.AVAILABILITY, "offline")
    [(complaints,)] = query("SELECT complaints FROM face_edge.unwell")
    assert {"offline", "hot", "drops"} <= set(complaints)
    add("n1", Kind.AVAILABILITY, "")
    query("UPDATE face_edge.nodes SET first_seen = now() - interval '1 hour' RETURNING 1")
    assert query("SELECT * FROM face_edge.unwell") == []
    assert query("SELECT node, complaints, retired_at FROM face_edge.devices") == [("n1", [], START)]
    add("n1", Kind.AVAILABILITY, "offline")
    assert query("SELECT node FROM face_edge.unwell") == [("n1",)]


def test_events_per_hour(add: Any, device: Any, query: Any) -> None:
    made = device("n1", START)
    add("n1", Kind.EVENT, *(made.event(0, "peak") for _ in range(3)), made.event(0, "marker"))
    hour = START.replace(minute=0)
    assert query("SELECT * FROM face_edge.events_per_hour ORDER BY type") == [
        ("n1", hour, "marker", 1), ("n1", hour, "peak", 3),
    ]  # fmt: skip


def test_gaps_say_what_was_lost(add: Any, device: Any, query: Any) -> None:
    made = device("n1", START)
    events = [made.event(second) for second in range(10)]
    add("n1", Kind.EVENT, *events[:4], *events[7:])
    again = device("n1", START + timedelta(minutes=5))  # a device that begins with 0 again has lost nothing
    add("n1", Kind.EVENT, again.event(), again.event(1))
    add("n1", Kind.AGGREGATE, made.aggregate(60))
    assert query("SELECT node, stream, missing, after_seq FROM face_edge.gaps") == [("n1", "event", 3, 3)]


def test_a_span_of_time_skips_the_other_days(add: Any, device: Any, query: Any) -> None:
    for days in range(5):
        add("n1", Kind.AGGREGATE, device("n1", START - timedelta(days=days)).aggregate())
    plan = query(
        "EXPLAIN SELECT * FROM face_edge.mood_between(%s::timestamptz, %s::timestamptz)",
        START - timedelta(minutes=1), START + timedelta(minutes=1, seconds=30),
    )  # fmt: skip
    scanned = {part for (line,) in plan for part in re.findall(r"aggregates_(\d{8})\b", line)}
    assert len(scanned) <= 2  # two where the span reaches over midnight


def test_every_question_of_the_dashboard_can_be_asked(add: Any, device: Any, query: Any) -> None:
    made = device("n1", START)
    add("n1", Kind.EVENT, made.event(0, "peak"))
    add("n1", Kind.AGGREGATE, made.aggregate())
    dashboard = json.loads(DASHBOARD.read_text(encoding="utf-8"))
    variables = {variable["name"]: variable for variable in dashboard["templating"]["list"]}
    assert variables["datasource"]["query"] == "grafana-postgresql-datasource"
    statements = [target["rawSql"] for panel in dashboard["panels"] for target in panel.get("targets", [])]
    statements += [variable["query"] for variable in variables.values() if variable["type"] == "query"]
    assert len(statements) >= 10
    for panel in dashboard["panels"]:
        if panel["type"] != "row":
            assert panel["datasource"]["uid"] == "${datasource}"
    for statement in statements:
        query(as_grafana_sends(statement))


def test_grafana_s_own_model_takes_the_dashboard() -> None:
    models = pytest.importorskip("grafana_foundation_sdk.models.dashboard", reason="grafana-foundation-sdk is missing")
    document = json.loads(DASHBOARD.read_text(encoding="utf-8"))
    taken = models.Dashboard.from_json(document)
    assert [panel.title for panel in taken.panels] == [panel["title"] for panel in document["panels"]]
    assert [variable.name for variable in taken.templating.list_val] == ["datasource", "node"]
    areas = [panel.grid_pos for panel in taken.panels]
    assert all(area.x + area.w <= 24 for area in areas)
    cells = [(x, y) for a in areas for x in range(a.x, a.x + a.w) for y in range(a.y, a.y + a.h)]
    assert len(cells) == len(set(cells))  # no panel lies on another


def as_grafana_sends(statement: str) -> str:
    """With Grafana's macros and variables put in, as its PostgreSQL data source does."""
    since, until = (f"'{when.isoformat()}'" for when in (START - timedelta(hours=1), START + timedelta(hours=1)))
    statement = re.sub(r"\$__timeFilter\((\w+)\)", rf"\1 BETWEEN {since} AND {until}", statement)
    statement = re.sub(
        r"\$__timeGroupAlias\((\w+),[^)]*\)", r"date_bin('1 minute', \1, '2000-01-01') AS time", statement
    )
    statement = statement.replace("$__timeFrom()", since).replace("$__timeTo()", until)
    statement = re.sub(r"\$\{?(node|session)(:\w+)?\}?", "'n1'", statement)
    assert "$" not in statement, statement
    return statement


def test_gaps_are_found_by_number_whatever_the_clock_said(add: Any, device: Any, query: Any) -> None:
    right, ahead = device("n1", START), device("n1", START + timedelta(hours=3))
    events = [
        (right if number < 5 or number >= 8 else ahead).event(number).model_copy(update={"seq": number})
        for number in range(12)
    ]
    add("n1", Kind.EVENT, *events)
    assert query("SELECT * FROM face_edge.gaps") == []
    add("n2", Kind.EVENT, *events[:7], *events[8:])
    assert query("SELECT node, missing, after_seq FROM face_edge.gaps") == [("n2", 1, 6)]


def test_a_device_that_begins_at_0_again_has_lost_nothing(add: Any, device: Any, query: Any) -> None:
    made = device("n1", START)
    old = [made.event(number).model_copy(update={"seq": 1000 + number}) for number in range(3)]
    add("n1", Kind.EVENT, *old)
    query("UPDATE face_edge.events SET received_at = received_at - interval '1 hour' RETURNING 1")
    again = device("n1", START + timedelta(minutes=5))
    add("n1", Kind.EVENT, again.event(), again.event(1))
    assert query("SELECT * FROM face_edge.gaps") == []
