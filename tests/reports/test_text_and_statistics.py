from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.core.events import ulid
from edge.core.types import EMOTIONS, Emotion
from edge.recording.timecode import timecode
from edge.recording.values import ExpressionFigures, RecordedEvent, Recording, Second
from edge.reports import text
from edge.reports.around import around
from edge.reports.highlights import markers_of, strongest
from edge.reports.spans import time_use
from edge.reports.timeline import SessionTimeline, moving_mean

Make = Any


def second(number: int, happy: float, *, people: float = 4.0) -> Second:
    shares = tuple(happy if emotion is Emotion.HAPPY else (1 - happy) / 6 for emotion in EMOTIONS)
    return Second(
        number, 1.0, people, round(people), people, figures=ExpressionFigures(people, shares, shares, 0.0, 0.0, 1.0)
    )


def marker(at_s: float, label: str = "here") -> RecordedEvent:
    return RecordedEvent(at_s, ulid(int(at_s * 10), b"m" * 10), "marker", 4, label)


def recording_of(made_up: Make, *seconds: Second, markers: tuple[RecordedEvent, ...] = ()) -> Recording:
    record = made_up(seconds=10).record
    return Recording(replace(record, lasted_s=float(seconds[-1].second + 1)), seconds, markers)


def test_means_are_over_person_seconds(made_up: Make) -> None:
    found = SessionTimeline.of(recording_of(made_up, second(0, 1.0, people=9), second(5, 0.0, people=3)))
    assert found.mean(found.share(Emotion.HAPPY)) == pytest.approx(0.75)
    assert found.mean_in_time(found.people) == pytest.approx(6)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=80), st.integers(2, 20))
def test_smoothing_stays_within_what_it_smooths(values: list[float], half: int) -> None:
    series = np.array(values)
    found = moving_mean(series, np.ones(len(series)), 2 * half + 1)
    assert len(found) == len(series)
    assert np.isfinite(found).all()
    assert series.min() - 1e-9 <= found.min() <= found.max() <= series.max() + 1e-9
    assert moving_mean(np.full(len(series), 0.5), series + 1, 2 * half + 1) == pytest.approx(0.5)


def test_a_gap_is_not_smoothed_over() -> None:
    series = np.array([1.0] * 10 + [np.nan] * 20 + [0.0] * 10)
    found = moving_mean(series, np.where(np.isfinite(series), 2.0, 0.0), 5)
    assert np.isnan(found[10:30]).all()
    assert found[:8] == pytest.approx(1)


def test_one_rise_is_one_moment_at_its_place(made_up: Make) -> None:
    shape = [0.2 + 0.6 * float(np.exp(-(((number - 60) / 6) ** 2))) for number in range(120)]
    found = recording_of(made_up, *(second(number, happy) for number, happy in enumerate(shape)))
    [moment] = strongest(SessionTimeline.of(found), [marker(45, "joke")])
    assert (moment.emotion, abs(moment.at_s - 60) <= 1, moment.near) == (Emotion.HAPPY, True, "15 s after “joke”")
    assert moment.rise >= 0.15


@pytest.mark.parametrize("happy", [[0.5] * 200, [0.4 + 0.1 * (n % 2) for n in range(200)], [1.0] * 20])
def test_what_does_not_stand_out_is_no_moment(made_up: Make, happy: list[float]) -> None:
    found = recording_of(made_up, *(second(number, value) for number, value in enumerate(happy)))
    assert strongest(SessionTimeline.of(found)) == []


def test_before_and_after_a_marker(made_up: Make) -> None:
    seconds = [second(number, 0.2 if number < 100 else 0.6) for number in range(200)]
    found = recording_of(made_up, *seconds, markers=(marker(100), marker(50), marker(199)))
    change, none, end = around(SessionTimeline.of(found), found.events)
    assert (change.emotion, round(change.rise, 3)) == (Emotion.HAPPY, 0.4)
    assert change.as_large is not None
    assert change.as_large < 0.02
    assert "Happy rose from 20 % to 60 %. Rare here" in text.change_text(change)
    assert "one face alone makes 25 %" in text.change_text(change)
    assert text.change_text(none) == "About as before."
    assert text.change_text(end).startswith("Too little to compare")


def test_the_usual_changes_are_those_of_a_plain_count(made_up: Make) -> None:
    recording = made_up(seconds=150, seed=4)
    timeline = SessionTimeline.of(recording)
    every = [found.rise for found in around(timeline, [marker(at) for at in range(1, 150)]) if found.emotion]
    [one] = around(timeline, [marker(60)])
    assert one.as_large == pytest.approx(np.mean(np.abs(every) >= abs(one.rise) - 1e-9), abs=0.01)


def test_the_times_sum_to_the_session(made_up: Make) -> None:
    recording = made_up(seconds=500)
    use = time_use(recording, SessionTimeline.of(recording))
    total = use.measured_s + use.nobody_s + use.suppressed_s + use.paused_s + use.unseen_s
    assert total == pytest.approx(recording.record.lasted_s, abs=1)
    assert use.paused_s == pytest.approx(10, abs=1)
    assert len(markers_of(recording.events)) == 5


@pytest.mark.parametrize(
    ("seconds", "code", "said"),
    [(0, "0:00", "0 seconds"), (1, "0:01", "1 second"), (65.4, "1:05", "65 seconds"), (-30, "-0:30", "-30 seconds"),
     (3845, "1:04:05", "1 h 4 min"), (1500, "25:00", "25 minutes")],
)  # fmt: skip
def test_times_in_words(seconds: float, code: str, said: str) -> None:
    assert (timecode(seconds), text.duration(seconds)) == (code, said)
