from __future__ import annotations

import pytest

from edge.analysis.series import Series
from edge.core.types import Box, Emotion, Face, Observation, Scores


def seen(*tops: int) -> Observation:
    faces = tuple(
        Face(str(index), Box(0, 0, 9, 9), Scores.of(float(number == top) for number in range(7)), None, 1.0)
        for index, top in enumerate(tops)
    )
    return Observation(0, 0, 100, 100, faces)


def test_steps_hold_means_and_say_where_nobody_was() -> None:
    series = Series(0.1)
    series.add(0.0, seen(3))
    series.add(0.1, seen(3, 4))
    series.add(0.3, seen())
    found = series.as_dict()
    assert found["scores"][Emotion.HAPPY] == [100, 50, None, None]
    assert found["scores"][Emotion.SAD] == [0, 50, None, None]
    assert (found["faces"], found["step_s"]) == ([1, 2, 0, 0], 0.1)


@pytest.mark.parametrize("count", [10, 11, 80, 1000])
def test_a_long_video_keeps_few_steps_and_its_whole_time(count: int) -> None:
    series = Series(1.0, most=10)
    for index in range(count):
        series.add(float(index), seen(3 if index < count / 2 else 4))
    found = series.as_dict()
    happy = found["scores"][Emotion.HAPPY]
    assert len(happy) <= 10
    assert (len(happy) - 1) * found["step_s"] <= count - 1 < len(happy) * found["step_s"]
    assert (happy[0], happy[-1]) == (100, 0)


def test_what_is_held_stays_in_view() -> None:
    """A frame a second is one second in view, not a tenth of one."""
    series = Series(0.1)
    for second, top in enumerate((3, 3, 4)):
        series.hold(float(second))
        series.add(float(second), seen(top))
    found = series.as_dict()
    assert found["scores"][Emotion.HAPPY] == [100] * 20 + [0]
    assert found["faces"] == [1] * 21


@pytest.mark.parametrize("held_s", [70.0, 3000.0])
def test_a_picture_held_for_long_fills_the_steps_that_there_are(held_s: float) -> None:
    series = Series(0.1)
    series.add(0.0, seen(3))
    series.hold(held_s)
    series.add(held_s, seen())
    happy = series.as_dict()["scores"][Emotion.HAPPY]
    assert len(happy) <= 600
    assert set(happy[:-1]) == {100}
