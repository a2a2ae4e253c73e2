from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.audience.aggregate import Aggregator
from edge.config import load
from edge.core.events import Stamp
from edge.core.types import EMOTIONS, Box, Emotion, Face, Frame, Observation, Scores
from edge.pipelines.factory import pipeline
from edge.recording.meter import SecondMeter

if TYPE_CHECKING:
    from edge.recording.values import Second

S = 10**9
PORTRAIT = Path(__file__).parents[2] / "edge/sources/assets/portrait.jpg"
Seen = Any


def measured(k: int, *moments: tuple[float, Observation], until_s: float) -> list[Second]:
    meter = SecondMeter(k)
    told = [second for at_s, moment in moments for second in meter.observe(round(at_s * S), moment)]
    return told + meter.flush(round(until_s * S))


def test_a_second_is_the_mean_over_time(make_seen: Seen, make_face: Seen) -> None:
    happy, sad = make_face(1), make_face(2, Emotion.SAD)
    [first] = measured(1, (0, make_seen(0, happy)), (0.75, make_seen(0.75, happy, sad)), until_s=1)
    assert (first.second, first.observed_s, first.people, first.people_max) == (0, 1, 1.25, 2)
    assert first.figures is not None
    assert first.figures.share(Emotion.HAPPY) == pytest.approx(1 / 1.25, abs=1e-4)
    assert first.figures.share(Emotion.SAD) == pytest.approx(0.25 / 1.25, abs=1e-4)


def test_too_few_people_leave_a_count_and_no_figures(make_seen: Seen, make_face: Seen) -> None:
    [second] = measured(3, (0, make_seen(0, make_face(1), make_face(2))), until_s=1)
    assert (second.people, second.suppressed, second.figures) == (2, True, None)


def test_a_moment_of_enough_people_does_not_speak_for_a_second(make_seen: Seen, make_face: Seen) -> None:
    few, enough = [make_face(n) for n in range(2)], [make_face(n) for n in range(3)]
    [flash] = measured(3, (0, make_seen(0, *enough)), (0.4, make_seen(0.4, *few)), until_s=1)
    assert flash.suppressed
    [most] = measured(3, (0, make_seen(0, *enough)), (0.6, make_seen(0.6, *few)), until_s=1)
    assert most.figures is not None
    assert most.figures.person_s == pytest.approx(1.8)


def test_nobody_is_not_suppressed(make_seen: Seen) -> None:
    [second] = measured(3, (0, make_seen(0)), until_s=1)
    assert (second.people, second.suppressed, second.figures) == (0, False, None)


def test_what_was_seen_holds_for_a_second_at_most(make_seen: Seen, make_face: Seen) -> None:
    seconds = measured(1, (0.5, make_seen(0.5, make_face(1))), (9, make_seen(9, make_face(1))), until_s=9.25)
    assert [(second.second, second.observed_s) for second in seconds] == [(0, 0.5), (1, 0.5), (9, 0.25)]


def test_attention_falls_where_a_face_turns_away_or_leaves(make_seen: Seen, make_face: Seen) -> None:
    four = [make_face(n) for n in range(4)]
    turned = [*four[:3], make_face(3, facing=False)]
    moments = [(0, make_seen(0, *four)), (1, make_seen(1, *turned)), (2, make_seen(2, *four[:3]))]
    seconds = measured(1, *moments, until_s=3)
    assert [second.figures and second.figures.attention for second in seconds] == [1, 0.75, 0.75]


def test_faces_that_are_not_looked_for_do_not_lower_attention(make_face: Seen) -> None:
    one, other = make_face(1), make_face(2)
    both = Observation(0, 0, 640, 480, (one, other), detect_ms=5.0)
    only_one = Observation(S // 2, 1, 640, 480, (one, make_face(2, detected=False)), detect_ms=5.0)
    [second] = measured(1, (0, both), (0.5, only_one), until_s=1)
    assert second.figures is not None
    assert second.figures.attention == 1


@pytest.mark.parametrize("step", [1, 2])
def test_four_frontal_faces_that_stay_have_full_attention(step: int, tmp_path: Path) -> None:
    config = load(environment={}, flags={"detector.kind": "haar", "node.state_dir": str(tmp_path)})
    portrait = cv2.imread(str(PORTRAIT))
    assert portrait is not None
    face = cv2.resize(portrait, (300, 300))
    vision, meter, seconds = pipeline(config, seed=0), SecondMeter(1), []
    for index in range(0, 15 * 7, step):
        picture = np.full((720, 1280, 3), 90, np.uint8)
        for number in range(4):
            x = 10 + 315 * number + int(6 * np.sin(index / 9 + number))
            y = 180 + int(5 * np.cos(index / 7 + number))
            picture[y : y + 300, x : x + 300] = face
        now_ns = int(index / 15 * S)
        seconds += meter.observe(now_ns, vision.step(Frame(picture, now_ns, index)))
    vision.close()
    attention = [second.figures.attention for second in seconds if second.figures and second.second >= 3]
    assert len(attention) >= 3
    assert min(attention) > 0.9


@st.composite
def streams(draw: st.DrawFn) -> list[Observation]:
    """Frames at uneven times, each with nobody to six people."""
    at_ns, made = 0, []
    for index in range(draw(st.integers(1, 25))):
        at_ns += draw(st.integers(10, 2500)) * 1_000_000
        emotions = draw(st.lists(st.sampled_from([*EMOTIONS, None]), max_size=6))
        faces = tuple(
            Face(f"{n:08x}", Box(0, 0, 1, 1), Scores.of(float(e is emotion) for e in EMOTIONS), emotion, 1.0)
            for n, emotion in enumerate(emotions)
        )
        made.append(Observation(at_ns, index, 640, 480, faces, detect_ms=1.0))
    return made


@settings(max_examples=60, deadline=None)
@given(streams(), st.integers(1, 4))
def test_seconds_sum_to_what_the_aggregate_says(stream: list[Observation], k: int) -> None:
    aggregator = Aggregator(Stamp(epoch_ns=0, seed=b"x"), window_s=10**6, k=k)
    meter = SecondMeter(k)
    seconds: list[Second] = []
    for observation in stream:
        aggregator.observe(observation)
        seconds += meter.observe(observation.monotonic_ns, observation)
    end_ns = stream[-1].monotonic_ns + 3 * S
    seconds += meter.flush(end_ns)
    [whole] = aggregator.flush(end_ns)
    assert sum(second.observed_s for second in seconds) == pytest.approx(whole.observed_s, abs=1e-3 * len(seconds))
    assert sum(second.person_s for second in seconds) == pytest.approx(whole.person_seconds, abs=1e-3 * len(seconds))
    assert [second.second for second in seconds] == sorted({second.second for second in seconds})
    for second in seconds:
        assert 0 < second.observed_s <= 1
        assert second.people * second.observed_s == pytest.approx(second.person_s, abs=2e-3)
        assert not (second.suppressed and second.figures)
        if second.figures is not None:
            assert second.people_max >= k
            assert sum(second.figures.scores) == pytest.approx(1, abs=1e-3)
            assert sum(second.figures.shares) + second.figures.uncertain == pytest.approx(1, abs=1e-3)
            assert 0 <= second.figures.attention <= 1
