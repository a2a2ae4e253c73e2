"""Payloads as rows: tolerant of what is new, strict with what is wrong."""

from __future__ import annotations

import contextlib
import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.collector.database.rows import PAYLOAD_MAX, Refused, removes, row
from edge.collector.database.tables import TABLES
from edge.collector.topics import Address, Kind, address, filters
from edge.core.types import EMOTIONS

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def values(kind: Kind, payload: str | bytes) -> dict[str, Any]:
    raw = payload if isinstance(payload, bytes) else payload.encode()
    return dict(zip(TABLES[kind].columns, row("n1", kind, raw, NOW), strict=True))


def test_topics_name_their_node_and_kind() -> None:
    assert address("face-edge/n1/event", "face-edge") == Address("n1", Kind.EVENT)
    assert address("a/b/n1/health", "a/b") == Address("n1", Kind.HEALTH)
    for other in ("face-edge/n1", "face-edge/n1/state", "face-edge/n 1/event", "x/n1/event", "face-edge//event", ""):
        assert address(other, "face-edge") is None
    assert address(f"face-edge/{'n' * 65}/event", "face-edge") is None


def test_only_what_is_newest_anyway_is_heard_by_all_members() -> None:
    names = {one.name for one in filters("face-edge", "g")}
    assert names == {
        *("$share/g/face-edge/+/event", "$share/g/face-edge/+/aggregate", "$share/g/face-edge/+/health"),
        *("face-edge/+/availability", "face-edge/+/info"),
    }


def test_an_event_is_a_row(device: Any) -> None:
    event = device("n1").event(kind="peak", emotion="happy", confidence=0.91, valence=0.8)
    found = values(Kind.EVENT, event.to_json())
    assert (found["id"], found["seq"], found["ts"]) == (event.id, 0, event.ts)
    assert (found["type"], found["emotion"], found["confidence"]) == ("peak", "happy", 0.91)
    assert found["label"] is None
    assert type(found["emotion"]) is str


def test_an_aggregate_has_its_scores_and_shares_in_columns(device: Any) -> None:
    found = values(Kind.AGGREGATE, device("n1").aggregate().to_json())
    assert [found[f"share_{emotion}"] for emotion in EMOTIONS] == [0, 0, 0, 1, 0, 0, 0]
    withheld = device("n1").aggregate(scores=None, shares=None, valence=None, uncertain=None, suppressed=True)
    found = values(Kind.AGGREGATE, withheld.to_json())
    assert [found[f"score_{emotion}"] for emotion in EMOTIONS] == [None] * 7
    assert found["suppressed"] is True


def test_what_is_missing_is_null_and_what_is_new_is_ignored(device: Any) -> None:
    assert values(Kind.HEALTH, '{"ts": "2026-01-01T00:00:00Z", "moon": 1}')["temperature_c"] is None
    document = json.loads(device("n1").aggregate().to_json())
    for name in ("people_mean", "suppressed", "session", "scores"):
        del document[name]
    assert values(Kind.AGGREGATE, json.dumps(document | {"new": [1]}))["people_mean"] is None
    assert values(Kind.INFO, '{"software_version": "9"}')["model"] is None


def test_a_time_without_a_zone_is_utc() -> None:
    assert values(Kind.HEALTH, '{"ts": "2026-01-01T00:00:00"}')["ts"] == datetime(2026, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("kind", "payload", "says"),
    [
        (Kind.EVENT, "", "malformed"),
        (Kind.EVENT, "[]", "malformed"),
        (Kind.EVENT, "{}", "malformed: id"),
        (Kind.EVENT, " " * (PAYLOAD_MAX + 1), "oversized: 16385 bytes"),
        (Kind.AVAILABILITY, "perhaps", "neither online nor offline"),
        (Kind.HEALTH, '{"ts": "soon"}', "malformed: ts"),
        (Kind.HEALTH, '{"ts": "2026-01-01T00:00:00Z", "drops": 9223372036854775808}', "malformed: drops"),
        (Kind.HEALTH, '{"schema": 2, "ts": "2026-01-01T00:00:00Z"}', "schema 2 is newer"),
        (Kind.INFO, '{"model": "a\\u0000b"}', "NUL"),
    ],
)
def test_what_is_wrong_is_refused_in_few_words(kind: Kind, payload: str, says: str) -> None:
    with pytest.raises(Refused, match=says):
        row("n1", kind, payload.encode(), NOW)


def test_a_removed_availability_is_a_retired_device() -> None:
    assert row("n1", Kind.AVAILABILITY, b"", NOW) == ("n1", None, NOW)


@pytest.mark.parametrize("kind", Kind)
def test_an_empty_message_removes_only_what_is_retained(kind: Kind) -> None:
    assert removes(kind, b"") is (kind in {Kind.INFO, Kind.HEALTH})
    assert not removes(kind, b"{}")


def test_a_strangers_key_begins_no_line(device: Any) -> None:
    fields = json.loads(device("n1").aggregate().to_json()) | {"shares": {"a\nforged": 1}}
    with pytest.raises(Refused, match=r"shares\.a\ufffdforged"):
        row("n1", Kind.AGGREGATE, json.dumps(fields).encode(), NOW)


@given(st.sampled_from(Kind), st.one_of(st.binary(max_size=200), st.text(max_size=200).map(str.encode)))
def test_no_bytes_do_more_than_be_refused(kind: Kind, payload: bytes) -> None:
    with contextlib.suppress(Refused):
        assert len(row("n1", kind, payload, NOW)) == len(TABLES[kind].columns)


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@given(st.data())
def test_no_value_of_any_field_does_more_than_be_refused(data: st.DataObject) -> None:
    document = {
        "id": "01HZZZZZZZZZZZZZZZZZZZZZZZ", "seq": 1, "ts": "2026-01-01T00:00:00Z", "type": "peak", "people": 1,
        "start": "2026-01-01T00:00:00Z", "label": "x", "scores": None, "valence": 0,
    }  # fmt: skip
    field = data.draw(st.sampled_from(sorted(document)))
    payload = json.dumps(document | {field: data.draw(_JSON)}).encode()
    for kind in (Kind.EVENT, Kind.AGGREGATE, Kind.HEALTH):
        with contextlib.suppress(Refused):
            assert len(row("n1", kind, payload, NOW)) == len(TABLES[kind].columns)
