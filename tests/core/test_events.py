from __future__ import annotations

import itertools
import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from edge.core.events import (
    Event,
    EventType,
    Lighting,
    Look,
    LookKind,
    Pacer,
    Privacy,
    RunningSession,
    Session,
    Stamp,
    State,
    ulid,
)
from edge.core.types import Emotion

S = 10**9


def state(people: int = 1, confidence: float = 0.5) -> State:
    return State(
        ts=datetime(2026, 1, 1, tzinfo=UTC),
        people=people,
        emotion=Emotion.HAPPY,
        confidence=confidence,
        uncertain=False,
        scores=None,
        valence=0.25,
        suppressed=False,
    )


def test_ulid_follows_the_specification() -> None:
    assert ulid(0, bytes(10)) == "0" * 26
    assert ulid(2**48 - 1, b"\xff" * 10) == "7" + "Z" * 25
    assert ulid(1469918176385, bytes(10)).startswith("01ARYZ6S41")


def test_state_on_the_wire_has_the_contracts_fields() -> None:
    payload = json.loads(state().to_json())
    assert payload["schema"] == 1
    assert payload["ts"] == "2026-01-01T00:00:00.000Z"
    assert payload["emotion"] == "happy"
    assert set(payload) == {
        "schema",
        "ts",
        "people",
        "emotion",
        "confidence",
        "uncertain",
        "scores",
        "valence",
        "suppressed",
        "session",
    }


def test_event_leaves_out_what_says_nothing() -> None:
    identity, seq, ts = Stamp(epoch_ns=0, seed=b"x").next(5 * S)
    event = Event(id=identity, seq=seq, ts=ts, type=EventType.PRESENCE_START, people=2)
    assert json.loads(event.to_json()) == {
        "schema": 1,
        "id": identity,
        "seq": 0,
        "ts": "1970-01-01T00:00:05.000Z",
        "type": "presence_start",
        "people": 2,
    }


def test_an_event_with_a_bad_id_is_refused() -> None:
    with pytest.raises(ValidationError):
        Event(id="nonsense", seq=0, ts=datetime.now(UTC), type=EventType.PEAK, people=1)


@given(st.lists(st.integers(-(10**12), 10**12), min_size=2, max_size=60))
def test_ids_and_numbers_count_up_even_when_the_clock_steps_back(times: list[int]) -> None:
    stamp = Stamp(epoch_ns=10**18, seed=b"seed")
    stamps = [stamp.next(time) for time in times]
    ids = [identity for identity, _, _ in stamps]
    assert ids == sorted(set(ids))
    assert [seq for _, seq, _ in stamps] == list(range(len(times)))


def test_the_same_seed_gives_the_same_ids_and_another_one_others() -> None:
    first, second, other = (Stamp(epoch_ns=0, seed=seed) for seed in (b"a", b"a", b"b"))
    assert first.next(S) == second.next(S)
    assert first.next(2 * S)[0] != other.next(2 * S)[0]


def test_a_look_has_an_emotion_exactly_when_it_shows_one() -> None:
    Look(LookKind.EMOTION, Emotion.SAD, 0.5, 1)
    with pytest.raises(ValueError, match="cannot have emotion"):
        Look(LookKind.EMOTION)
    with pytest.raises(ValueError, match="cannot have emotion"):
        Look(LookKind.PAUSED, Emotion.SAD)


def test_the_first_state_is_sent_at_once_and_the_next_after_a_second() -> None:
    pacer = Pacer()
    assert pacer.offer(state(1), 0) is not None
    assert pacer.offer(state(2), S // 2) is None
    due = pacer.tick(S)
    assert due is not None
    assert due.people == 2


def test_an_unchanged_state_is_a_heartbeat_only() -> None:
    pacer = Pacer()
    pacer.offer(state(), 0)
    assert pacer.offer(state(), 59 * S) is None
    assert pacer.tick(60 * S) is not None


def test_the_trailing_state_is_not_lost() -> None:
    pacer = Pacer()
    pacer.offer(state(1), 0)
    pacer.offer(state(2), 1)
    last = pacer.flush()
    assert last is not None
    assert last.people == 2
    assert pacer.flush() is None


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3 * S)), min_size=1, max_size=60))
def test_states_are_at_most_one_a_second_and_the_last_arrives(steps: list[tuple[int, int]]) -> None:
    pacer, now, sent = Pacer(), 0, []
    for people, elapsed in steps:
        now += elapsed
        out = pacer.offer(state(people), now)
        if out is not None:
            sent.append((now, out))
    trailing = pacer.tick(now + S)
    if trailing is not None:
        sent.append((now + S, trailing))
    assert all(later - earlier >= S for (earlier, _), (later, _) in itertools.pairwise(sent))
    assert sent[-1][1].people == steps[-1][0]


def ms_of(identity: str) -> int:
    """Unix milliseconds that a ULID carries."""
    ms = 0
    for digit in identity[:10]:
        ms = ms * 32 + "0123456789ABCDEFGHJKMNPQRSTVWXYZ".index(digit)
    return ms


def test_a_clock_that_is_set_back_takes_ids_with_it() -> None:
    stamp = Stamp(epoch_ns=0, seed=b"x")
    first, _, _ = stamp.next(S)
    assert stamp.follow(10**18)
    second, _, then = stamp.next(2 * S)
    assert then == datetime(2001, 9, 9, 1, 46, 42, tzinfo=UTC)
    assert not stamp.follow(10**18 + 10**6), "no step, but the time between two readings"
    assert stamp.follow(0)
    third, seq, then = stamp.next(3 * S)
    assert then == datetime(1970, 1, 1, 0, 0, 3, tzinfo=UTC)
    assert first < third < second
    assert [ms_of(identity) for identity in (first, second, third)] == [1000, 10**12 + 2000, 3000]
    assert seq == 2


def test_a_small_correction_of_the_clock_leaves_ids_in_order() -> None:
    stamp = Stamp(epoch_ns=10**18, seed=b"x")
    first, _, _ = stamp.next(S)
    assert stamp.follow(10**18 - S // 2)
    second, _, _ = stamp.next(S)
    third, _, _ = stamp.next(2 * S)
    assert first < second < third
    assert ms_of(third) == 10**12 + 1500


@given(st.lists(st.tuples(st.integers(0, 3 * S), st.integers(-(10**6), 10**6)), min_size=2, max_size=60))
def test_ids_are_unique_and_never_far_ahead_of_the_clock(steps: list[tuple[int, int]]) -> None:
    """Each step: nanoseconds that pass, milliseconds by which the clock is set."""
    epoch, now, ids = 10**18, 0, []
    stamp = Stamp(epoch_ns=epoch, seed=b"seed")
    for passed, moved in steps:
        now, epoch = now + passed, epoch + moved * 10**6
        stamp.follow(epoch)
        ids.append(stamp.identity(now))
        ahead_ms = ms_of(ids[-1]) - (epoch + now) // 10**6
        assert -20 <= ahead_ms <= 1020, "a step of less than 20 ms is not followed"
    assert len(set(ids)) == len(ids)


def test_streams_are_numbered_each_by_itself() -> None:
    stamp = Stamp(epoch_ns=0, seed=b"x", next_seq={"event": 7})
    assert [stamp.next(S, kind)[1] for kind in ("event", "aggregate", "event", "aggregate")] == [7, 0, 8, 1]


def test_a_state_that_differs_in_nothing_but_time_is_the_same() -> None:
    later = state().model_copy(update={"ts": datetime(2026, 1, 2, tzinfo=UTC)})
    assert not later.differs_from(state())
    assert state(2).differs_from(state())
    assert state().differs_from(None)


def test_a_step_of_the_clock_is_followed_from_20_ms_on() -> None:
    stamp = Stamp(epoch_ns=0, seed=b"x")
    assert not stamp.follow(20 * 10**6 - 1)
    assert stamp.follow(20 * 10**6)


def test_ids_go_back_with_a_clock_that_was_set_back_and_on_again() -> None:
    stamp = Stamp(epoch_ns=10**18, seed=b"x")
    first = stamp.identity(S)
    assert stamp.follow(10**17)
    assert stamp.follow(2 * 10**17)
    assert ms_of(stamp.identity(2 * S)) == 2 * 10**11 + 2000
    assert ms_of(first) == 10**12 + 1000


def test_switches_on_the_wire() -> None:
    assert [Privacy(on).to_payload() for on in (True, False)] == ["ON", "OFF"]
    assert json.loads(Lighting().to_payload()) == {"state": "ON", "brightness": 255}
    assert json.loads(Lighting(on=False, brightness=0.5).to_payload()) == {"state": "OFF", "brightness": 128}
    assert [Lighting(on, 0.5).level for on in (True, False)] == [0.5, 0.0]
    assert RunningSession(None).to_payload() == "null"
    session = Session(id="0" * 26, title="Pilot", start=datetime(2026, 1, 1, tzinfo=UTC))
    assert json.loads(RunningSession(session).to_payload())["title"] == "Pilot"
