from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.audience.aggregate import Aggregator
from edge.core.events import Aggregate, Stamp
from edge.core.types import EMOTIONS, Box, Emotion, Face, Observation, Scores

MS = 1_000_000
S = 1000 * MS


def face(emotion: Emotion, share: float = 0.7, *, uncertain: bool = False) -> Face:
    rest = (1 - share) / 6
    scores = Scores(tuple(share if e is emotion else rest for e in EMOTIONS))
    return Face("0" * 8, Box(0, 0, 50, 50), scores, None if uncertain else emotion, share, scores)


def seen(ns: int, *faces: Face) -> Observation:
    return Observation(ns, 0, 640, 480, faces)


def aggregator(k: int = 1, epoch_ns: int = 0) -> Aggregator:
    return Aggregator(Stamp(epoch_ns=epoch_ns, seed=b"test"), window_s=10, k=k)


def play(made: Aggregator, *parts: tuple[float, tuple[Face, ...]], start_s: float = 0) -> list[Aggregate]:
    """Each part lasts so many seconds, a frame every 100 ms; then the window is closed."""
    ended, now_ns = [], int(start_s * S)
    for seconds, faces in parts:
        for _ in range(round(seconds * 10)):
            ended += made.observe(seen(now_ns, *faces))
            now_ns += 100 * MS
    return ended + made.flush(now_ns)


def test_two_people_one_happy_all_along() -> None:
    happy, sad = face(Emotion.HAPPY), face(Emotion.SAD)
    [told] = play(aggregator(), (4, (happy,)), (4, (happy, sad)))
    assert told.observed_s == pytest.approx(8)
    assert told.person_seconds == pytest.approx(12)
    assert told.people_mean == pytest.approx(1.5)
    assert told.people_max == 2
    assert told.shares is not None
    assert told.shares[Emotion.HAPPY] == pytest.approx(8 / 12)
    assert told.shares[Emotion.SAD] == pytest.approx(4 / 12)
    assert told.scores is not None
    assert told.scores[Emotion.HAPPY] == pytest.approx((8 * 0.7 + 4 * 0.05) / 12)
    assert told.valence == pytest.approx(told.scores[Emotion.HAPPY] - 0.05 * 3 - told.scores[Emotion.SAD])
    assert not told.suppressed


def test_what_figures_come_from_is_told_beside_what_was_in_view() -> None:
    happy = face(Emotion.HAPPY)
    made = aggregator(k=1)
    made.follow("01ARZ3NDEKTSV4RRFFQ69G5FAV", 3)
    [told] = play(made, (4, (happy,)), (2, (happy,) * 3))
    assert (told.person_seconds, told.counted_person_seconds) == pytest.approx((10, 6))
    assert told.suppressed
    made.follow(None)
    [outside] = play(made, (2, (happy,)), start_s=10)
    assert (outside.session, outside.suppressed) == (None, False)
    assert outside.counted_person_seconds == pytest.approx(2)


def test_a_session_never_undercuts_the_devices_own_k() -> None:
    made = aggregator(k=3)
    made.follow("01ARZ3NDEKTSV4RRFFQ69G5FAV", 1)
    [told] = play(made, (4, (face(Emotion.HAPPY),)))
    assert told.scores is None


def test_windows_end_on_the_wall_clock_and_none_is_missing() -> None:
    told = play(aggregator(epoch_ns=7 * S), (26, (face(Emotion.HAPPY),)))
    assert [each.ts.second for each in told] == [10, 20, 30, 33]
    assert [each.observed_s for each in told] == pytest.approx([3, 10, 10, 3])
    assert [each.seq for each in told] == [0, 1, 2, 3]
    assert [each.id for each in told] == sorted(each.id for each in told)
    assert all(later.start == earlier.ts for earlier, later in itertools.pairwise(told))


def test_uncertain_faces_belong_to_no_emotion() -> None:
    [told] = play(aggregator(), (2, (face(Emotion.FEAR, uncertain=True), face(Emotion.HAPPY))))
    assert told.uncertain == pytest.approx(0.5)
    assert told.shares is not None
    assert sum(told.shares.values()) == pytest.approx(0.5)


def test_figures_of_few_people_are_withheld() -> None:
    happy = face(Emotion.HAPPY)
    [told] = play(aggregator(k=3), (5, (happy, happy)))
    assert told.suppressed
    assert [told.scores, told.shares, told.valence, told.uncertain] == [None] * 4
    assert told.person_seconds == pytest.approx(10)


def test_only_moments_with_enough_people_count() -> None:
    happy, sad = face(Emotion.HAPPY), face(Emotion.SAD)
    [told] = play(aggregator(k=2), (5, (sad,)), (3, (happy, happy)))
    assert told.suppressed
    assert told.shares is not None
    assert told.shares[Emotion.HAPPY] == pytest.approx(1)


def test_an_empty_room_is_told_as_such() -> None:
    [told] = play(aggregator(), (5, ()))
    assert told.people_max == 0
    assert told.person_seconds == 0
    assert told.scores is None
    assert not told.suppressed


def test_what_was_not_looked_at_does_not_count() -> None:
    made = aggregator()
    made.observe(seen(0, face(Emotion.HAPPY)))
    assert made.tick(9 * S) == []
    [told] = made.observe(seen(12 * S, face(Emotion.HAPPY)))
    assert told.observed_s == pytest.approx(1), "a frame stands for one second at the most"
    assert made.flush(12 * S) == [], "nothing was seen since"


def test_a_pause_ends_what_was_shown() -> None:
    made = aggregator()
    made.observe(seen(0, face(Emotion.HAPPY)))
    [told] = made.flush(S // 2)
    made.forget()
    assert told.observed_s == pytest.approx(0.5)
    assert made.tick(20 * S) == []


def test_a_window_ends_while_no_frame_comes() -> None:
    made = aggregator()
    made.observe(seen(5 * S))
    assert [each.observed_s for each in made.tick(10 * S)] == pytest.approx([1])
    assert made.tick(30 * S) == []


def test_scores_are_weighted_by_time() -> None:
    made = aggregator()
    made.observe(seen(0, face(Emotion.HAPPY, 1.0)))
    made.observe(seen(900 * MS, face(Emotion.SAD, 1.0)))
    [told] = made.flush(1000 * MS)
    assert told.scores is not None
    assert told.scores[Emotion.HAPPY] == pytest.approx(0.9)
    assert told.scores[Emotion.SAD] == pytest.approx(0.1)


def test_who_is_still_shown_is_among_the_next_windows_people() -> None:
    made = aggregator()
    made.observe(seen(9500 * MS, face(Emotion.HAPPY), face(Emotion.HAPPY)))
    [first] = made.tick(10 * S)
    [second] = made.tick(20 * S)
    assert [first.people_max, second.people_max] == [2, 2]
    assert [first.observed_s, second.observed_s] == pytest.approx([0.5, 0.5])
    assert first.uncertain == 0.0


def test_a_window_that_nothing_reaches_into_is_not_opened() -> None:
    made = aggregator()
    made.observe(seen(9 * S, face(Emotion.HAPPY)))
    [told] = made.tick(10 * S)
    assert told.observed_s == pytest.approx(1)
    made.observe(seen(17 * S))
    [told] = made.tick(20 * S)
    assert told.start.second == 17, "it starts with its first frame"
    assert told.people_max == 0


def test_an_aggregate_names_its_session() -> None:
    made = aggregator()
    made.session = "0" * 26
    [told] = play(made, (1, (face(Emotion.HAPPY),)))
    assert told.session == "0" * 26


def test_aggregates_are_numbered_in_their_own_stream() -> None:
    stamp = Stamp(epoch_ns=0, seed=b"test", next_seq={"event": 7, "aggregate": 3})
    [told] = play(Aggregator(stamp, window_s=10), (1, ()))
    assert told.seq == 3
    assert stamp.next(0)[1] == 7


def test_figures_are_not_withheld_unless_asked() -> None:
    [told] = play(Aggregator(Stamp(epoch_ns=0, seed=b"test"), window_s=10), (1, (face(Emotion.HAPPY),)))
    assert told.scores is not None


@given(st.lists(st.tuples(st.integers(1, 3000), st.integers(0, 4)), min_size=1, max_size=40), st.integers(1, 3))
def test_sums_hold_whatever_comes(steps: list[tuple[int, int]], k: int) -> None:
    made = aggregator(k)
    told, now_ns = [], 0
    held_ms = person_ms = 0
    for gap_ms, people in steps:
        told += made.observe(seen(now_ns, *[face(Emotion.HAPPY)] * people))
        now_ns += gap_ms * MS
        told += made.tick(now_ns)
        held_ms += min(gap_ms, 1000)
        person_ms += min(gap_ms, 1000) * people
    told += made.flush(now_ns)
    assert sum(each.observed_s for each in told) == pytest.approx(held_ms / 1000)
    assert sum(each.person_seconds for each in told) == pytest.approx(person_ms / 1000)
    for each in told:
        assert each.ts > each.start
        assert each.observed_s <= (each.ts - each.start).total_seconds() + 1e-6
        if each.shares is not None:
            assert sum(each.shares.values()) == pytest.approx(1)
