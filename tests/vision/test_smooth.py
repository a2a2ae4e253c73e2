from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.core.types import Emotion, Scores
from edge.vision.smooth import EmotionSelector, ScoreAverage

MS = 1_000_000
HAPPY = Scores.of([0, 0, 0, 1, 0, 0, 0])
SAD = Scores.of([0, 0, 0, 0, 1, 0, 0])


def mix(happy: float, sad: float) -> Scores:
    return Scores((0.0, 0.0, 0.0, happy, sad, 0.0, 1 - happy - sad))


@pytest.mark.parametrize("frames_per_second", [5, 30, 120])
def test_smoothing_depends_on_time_and_not_on_frame_rate(frames_per_second: int) -> None:
    average = ScoreAverage(0.5)
    value = average.update(SAD, 0)
    for frame in range(1, frames_per_second + 1):
        value = average.update(HAPPY, frame * 1000 * MS // frames_per_second)
    assert value[Emotion.HAPPY] == pytest.approx(1 - 2.718281828 ** (-1 / 0.5), abs=1e-6)


def test_without_a_time_constant_nothing_is_smoothed() -> None:
    average = ScoreAverage(0)
    average.update(SAD, 0)
    assert average.update(HAPPY, 1) == HAPPY


weights = st.lists(st.floats(0, 1), min_size=7, max_size=7).map(Scores.of)


@given(st.lists(st.tuples(weights, st.integers(0, 10**10)), min_size=1, max_size=30), st.floats(0, 5))
def test_the_average_stays_a_distribution_within_what_came(
    steps: list[tuple[Scores, int]], time_constant_s: float
) -> None:
    average, now = ScoreAverage(time_constant_s), 0
    for scores, elapsed in steps:
        now += elapsed
        value = average.update(scores, now)
        assert sum(value) == pytest.approx(1)
    for index in range(7):
        seen = [scores.values[index] for scores, _ in steps]
        assert min(seen) - 1e-9 <= value.values[index] <= max(seen) + 1e-9


def selector() -> EmotionSelector:
    return EmotionSelector(lead=0.1, hold_s=0.4, min_confidence=0.4)


def test_the_first_label_is_given_at_once() -> None:
    assert selector().update(mix(0.6, 0.2), 0) is Emotion.HAPPY


def test_a_weak_face_is_uncertain() -> None:
    assert selector().update(Scores.of([1] * 7), 0) is None


def test_a_lead_must_last() -> None:
    label = selector()
    label.update(mix(0.6, 0.2), 0)
    assert label.update(mix(0.2, 0.6), 100 * MS) is Emotion.HAPPY
    assert label.update(mix(0.2, 0.6), 400 * MS) is Emotion.HAPPY
    assert label.update(mix(0.2, 0.6), 500 * MS) is Emotion.SAD


def test_a_lead_that_breaks_starts_over() -> None:
    label = selector()
    label.update(mix(0.6, 0.2), 0)
    label.update(mix(0.2, 0.6), 100 * MS)
    label.update(mix(0.6, 0.2), 400 * MS)
    assert label.update(mix(0.2, 0.6), 600 * MS) is Emotion.HAPPY
    assert label.update(mix(0.2, 0.6), 1000 * MS) is Emotion.SAD


def test_a_small_lead_never_switches() -> None:
    label = selector()
    label.update(mix(0.5, 0.4), 0)
    assert label.update(mix(0.42, 0.5), 10_000 * MS) is Emotion.HAPPY
    assert label.update(mix(0.42, 0.5), 20_000 * MS) is Emotion.HAPPY


def test_losing_confidence_becomes_uncertain_after_the_hold() -> None:
    label = selector()
    label.update(mix(0.6, 0.2), 0)
    assert label.update(mix(0.35, 0.3), 100 * MS) is Emotion.HAPPY
    assert label.update(mix(0.35, 0.3), 500 * MS) is None


@given(st.lists(weights, min_size=2, max_size=40))
def test_labels_never_switch_faster_than_the_hold(steps: list[Scores]) -> None:
    label, switches, last = selector(), [], None
    for index, scores in enumerate(steps):
        now = index * 90 * MS
        found = label.update(scores, now)
        if index and found != last:
            switches.append(now)
        last = found
    assert all(later - earlier >= 400 * MS for earlier, later in itertools.pairwise(switches))
