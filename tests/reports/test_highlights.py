"""Figures that stand side by side come from the same seconds; what the table names, the chart shows."""

from __future__ import annotations

import math
import re
from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.core.types import EMOTIONS, Emotion
from edge.recording.media_timeline import FilmClock
from edge.recording.values import ExpressionFigures, MediaPoint, RecordedEvent, Recording, Second
from edge.reports import text
from edge.reports.flags import Flag, labels
from edge.reports.highlights import APART_S, FALL, strongest
from edge.reports.spans import LEAST_COVERAGE, time_use
from edge.reports.timeline import SessionTimeline

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

Make = Any


def shares(**given: float) -> tuple[float, ...]:
    """Those given, and neutral for the rest."""
    found = {emotion.value: given.get(emotion.value, 0.0) for emotion in EMOTIONS}
    return tuple((found | {"neutral": 1 - sum(given.values())}).values())


def second(number: int, people: float, *, counted: float | None = None, k: int = 3, **given: float) -> Second:
    """``people`` on average, of whose person-seconds ``counted`` have figures (all of them from ``k`` people on)."""
    counted = people if counted is None and people >= k else counted
    figures = ExpressionFigures(counted, shares(**given), shares(**given), 0.0, 0.0, 1.0) if counted else None
    return Second(number, 1.0, people, max(k, math.ceil(people)), people, suppressed=not counted and people > 0,
                  figures=figures)  # fmt: skip


@pytest.fixture
def session(made_up: Make) -> Callable[..., Recording]:
    def make(seconds: Iterable[Second], **changes: Any) -> Recording:
        found = tuple(seconds)
        record = made_up(seconds=10).record
        fields: dict[str, Any] = {"lasted_s": float(found[-1].second + 1), "media_name": None} | changes
        return Recording(replace(record, **fields), found)

    return make


def summary(recording: Recording) -> str:
    timeline = SessionTimeline.of(recording)
    return text.summary(
        recording.record, timeline, time_use(recording, timeline), strongest(timeline), FilmClock.of(recording)
    )


def test_faces_for_a_blink_make_no_strong_moment(session: Any) -> None:
    """Three faces for a tenth of each second, all happy now and then: 0.3 person-seconds are nobody's audience."""
    blinks = (second(n, 0.3, counted=0.3, happy=1.0 if n // 75 % 2 else 0.1) for n in range(900) if n % 75 < 9)
    rest = (second(n, 1.0 if n % 75 < 50 else 0.0) for n in range(900) if n % 75 >= 9)
    found = session(sorted([*blinks, *rest], key=lambda one: one.second))
    assert strongest(SessionTimeline.of(found)) == []


def test_the_faces_of_a_moment_are_those_of_its_share(session: Any) -> None:
    """Everybody is gone in the very second of the peak; the faces around it gave the share."""
    found = session(
        second(n, 0.4 if n == 100 else 6.0, counted=0.4 if n == 100 else None, happy=0.9 if 95 <= n <= 105 else 0.1)
        for n in range(200)
    )
    [moment] = strongest(SessionTimeline.of(found))
    assert moment.share == pytest.approx(0.9)
    assert moment.people == pytest.approx(6, abs=1.2)


@given(st.lists(st.tuples(st.floats(0, 9), st.floats(0, 1), st.floats(0, 1)), min_size=40, max_size=160))
@settings(max_examples=60, deadline=None)
def test_moments_never_overlap_and_have_faces_enough(made_up: Make, rows: list[tuple[float, float, float]]) -> None:
    found = tuple(second(n, people, happy=happy, sad=(1 - happy) * sad) for n, (people, happy, sad) in enumerate(rows))
    recording = Recording(replace(made_up(seconds=10).record, lasted_s=float(len(found))), found)
    timeline = SessionTimeline.of(recording)
    moments = strongest(timeline)
    apart = max(APART_S, timeline.window_s)
    assert all(b.at_s - a.at_s >= apart for a, b in pairwise(moments))
    for moment in moments:
        where = timeline.window(moment.at_s)
        assert moment.people >= recording.record.k - 1e-9
        assert moment.share == pytest.approx(timeline.mean(timeline.share(moment.emotion), where))
        assert moment.people <= timeline.people_max[where].max() + 1e-9


def test_a_plateau_with_ripples_and_short_gaps_is_one_moment(session: Any) -> None:
    def happy(n: int) -> float:
        return 1.0 - 0.02 * (n % 11 == 0) if 100 <= n < 200 else 0.1

    found = session(second(n, 2.0 if n in {130, 160} else 5.0, happy=happy(n)) for n in range(600))
    assert len(strongest(SessionTimeline.of(found))) == 1


def test_two_peaks_with_a_clear_fall_between_are_two(session: Any) -> None:
    def happy(n: int) -> float:
        return 0.1 + 0.7 * max(float(np.exp(-(((n - at) / 8) ** 2))) for at in (100, 160))

    found = session(second(n, 5.0, happy=happy(n)) for n in range(400))
    assert [round(moment.at_s, -1) for moment in strongest(SessionTimeline.of(found))] == [100, 160]
    shallow = session(second(n, 5.0, happy=max(happy(n), 0.8 - FALL / 2 if 100 < n < 160 else 0)) for n in range(400))
    assert len(strongest(SessionTimeline.of(shallow))) == 1


def test_emotions_that_rise_together_are_one_moment(session: Any) -> None:
    def bell(n: int, at: int, height: float) -> float:
        return height * float(np.exp(-(((n - at) / 5) ** 2)))

    found = session(second(n, 5.0, happy=bell(n, 102, 0.5), surprise=bell(n, 98, 0.4)) for n in range(300))
    [moment] = strongest(SessionTimeline.of(found))
    assert moment.emotion is Emotion.HAPPY


def test_the_headline_says_over_how_much_of_the_time(session: Any) -> None:
    found = summary(session(second(n, 4.0 if n < 72 else 1.0, happy=0.8) for n in range(600)))
    assert (
        "come from 12 % of the session (72 seconds with 3 faces or more in view): faces looked happy for 80 %" in found
    )
    assert "For 88 % of the session fewer than 3 faces were in view" in found


def test_below_the_stated_coverage_there_is_no_headline(session: Any) -> None:
    found = session(second(n, 4.0 if n < 30 else 1.0, happy=0.8) for n in range(600))
    said = summary(found)
    assert "happy" not in said
    assert f"5 % of the time with faces in view; below {text.percent(LEAST_COVERAGE)} the session is not summed" in said
    # an empty room withholds nothing: figures of all who came sum it up
    empty = summary(session(second(n, 4.0 if n < 30 else 0.0, happy=0.8) for n in range(600)))
    assert "5 % of the session (30 seconds with 3 faces or more in view): faces looked happy for 80 %" in empty


def test_time_that_the_camera_did_not_look_is_not_told_as_if_it_did(session: Any) -> None:
    found = summary(session((second(n, 4.0, happy=0.8) for n in range(60)), lasted_s=600.0))
    assert "lasted 10 minutes. In the 60 seconds that the camera looked, it saw 4.0 faces" in found


def texts(page: str, size: str) -> list[set[str]]:
    """The texts of each chart of one width."""
    charts = re.findall(rf'<svg[^>]*class="chart {size}".*?</svg>', page, re.DOTALL)
    return [{text.strip() for text in re.findall(r"<text[^>]*>([^<]*)</text>", chart)} for chart in charts]


def crowded(session: Callable[..., Recording]) -> Recording:
    """Eight laughs close to each other in a long session, and forty markers in two minutes."""

    def happy(n: int) -> float:
        return 0.05 + 0.9 * max(float(np.exp(-(((n - at) / 9) ** 2))) for at in range(3000, 3400, 50))

    recording = session(second(n, 12.0, happy=happy(n)) for n in range(5400))
    markers = tuple(
        RecordedEvent(3000.0 + 3 * n, f"{n:026d}", "marker", 12, f"Scene {n}" if n % 3 else None) for n in range(40)
    )
    return replace(recording, events=markers)


@pytest.mark.parametrize("size", ["wide", "narrow"])
def test_letters_and_numbers_in_chart_and_table_are_the_same(session: Any, size: str) -> None:
    pytest.importorskip("matplotlib", reason="the extra `reports` is not installed")
    from edge.reports.report import report

    page = report(crowded(session))
    table = re.findall(r'<span class="flag strong">([A-Z])</span>', page)
    assert table == list("ABCDEFGH")
    mood = texts(page, size)[0]
    assert {text for text in mood if re.fullmatch("[A-Z]", text)} == set(table)
    numbers = set(re.findall(r'<span class="flag">(\d+)</span>', page))
    assert numbers == {str(n) for n in range(1, 41)}
    shown: set[str] = set()
    for mood_text in mood:
        if matched := re.fullmatch("(\\d+)(?:\N{EN DASH}(\\d+))?", mood_text):
            shown |= {str(n) for n in range(int(matched[1]), int(matched[2] or matched[1]) + 1)}
    assert shown == numbers


@pytest.mark.parametrize("size", ["wide", "narrow"])
def test_without_a_chart_of_the_mood_the_other_one_has_the_numbers(session: Any, size: str) -> None:
    pytest.importorskip("matplotlib", reason="the extra `reports` is not installed")
    from edge.reports.report import report

    few = session(second(n, 1.0) for n in range(120))
    markers = tuple(RecordedEvent(20.0 * n + 5, f"{n:026d}", "marker", 1, "Scene") for n in range(4))
    page = report(replace(few, events=markers))
    numbers = set(re.findall(r'<span class="flag">(\d+)</span>', page))
    assert numbers == {"1", "2", "3", "4"}
    [course] = texts(page, size)
    assert numbers <= course


def test_the_summary_does_not_contradict_itself(session: Any) -> None:
    """Three faces for a blink of some seconds are the most that was in view, and still too few for figures."""
    said = summary(session(second(n, 1.0) for n in range(60)))
    assert "3 at the most. 3 faces or more were never in view for most of a second" in said
    fewer = session(replace(second(n, 1.0), people_max=2) for n in range(60))
    assert "2 at the most. Fewer than 3 were in view at a time" in summary(fewer)


def test_every_mark_in_a_comparison_is_explained(session: Any, made_up: Make) -> None:
    pytest.importorskip("matplotlib", reason="the extra `reports` is not installed")
    from edge.reports.compare import comparison

    page = comparison([crowded(session), made_up(seconds=600, seed=2)])
    for mood in texts(page, "wide")[1:]:
        letters = {text for text in mood if re.fullmatch("[A-Z]", text)}
        assert letters
    said = re.findall(r'<span class="flag strong">([A-Z])</span> (\d+:\d+) (\w+) (\d+) %', page)
    drawn = [text for mood in texts(page, "wide") for text in mood if re.fullmatch("[A-Z]", text)]
    assert sorted(letter for letter, *_ in said) == sorted(drawn)


def test_sessions_of_one_title_and_minute_are_told_apart(made_up: Make) -> None:
    pytest.importorskip("matplotlib", reason="the extra `reports` is not installed")
    from edge.reports.compare import comparison

    page = comparison([made_up(seconds=200), made_up(seconds=300, seed=2)])
    assert "Fewer than two" not in page
    assert re.search(r"test screening \(0\d May \d\d:30\), 2", page)
    assert re.search(r"figures come from \d+ % of|over \d+ % of the session", page)


def test_no_two_rows_say_the_same(session: Any) -> None:
    """A short film shown again and again, with the same laugh at the same second of it."""
    pytest.importorskip("matplotlib", reason="the extra `reports` is not installed")
    from edge.reports.report import report

    found = session(second(n, 5.0, happy=0.9 if 20 <= n % 60 < 27 else 0.1) for n in range(300))
    again = replace(found, media=tuple(MediaPoint(60.0 * n, 0.0, "playing") for n in range(5)))
    page = report(again)
    times = re.findall(r'<td class="time">([^<]*)</td>', page)
    assert len(times) == 5
    assert len(set(times)) == 5
    assert times[0] == "0:23 (session 0:23)"


def test_the_chart_reaches_what_the_table_says(session: Any) -> None:
    """A chart of a long session draws every n-th second, and the seconds of strong moments."""
    pytest.importorskip("matplotlib", reason="the extra `reports` is not installed")
    from edge.reports.charts import NARROW, _sample
    from edge.reports.report import flags_of

    timeline = SessionTimeline.of(crowded(session))
    moments = strongest(timeline)
    at = _sample(timeline.length, NARROW.points, flags_of([], moments))
    assert {moment.at_s for moment in moments} <= set(at.tolist())


def test_what_is_not_summed_up_has_no_means_in_the_tiles(session: Any) -> None:
    pytest.importorskip("jinja2", reason="the extra `reports` is not installed")
    from edge.reports.report import tiles_of

    def tiles(recording: Recording) -> dict[str, str]:
        timeline = SessionTimeline.of(recording)
        return dict(tiles_of(timeline, time_use(recording, timeline)))

    little = tiles(session(second(n, 4.0 if n < 30 else 1.0, happy=0.8) for n in range(600)))
    assert (little["Valence, mean"], little["Attention, mean"], little["Figures cover"]) == (
        text.DASH,
        text.DASH,
        "5 %",
    )
    much = tiles(session(second(n, 4.0 if n < 300 else 1.0, happy=0.8) for n in range(600)))
    assert (much["Attention, mean"], much["Figures cover"]) == ("100 %", "50 %")


@given(st.lists(st.floats(0, 100), max_size=60), st.floats(1, 9))
def test_labels_stand_side_by_side(times: list[float], width_in: float) -> None:
    flags = [Flag(at_s, str(number + 1)) for number, at_s in enumerate(sorted(times))]
    placed = labels(flags, 100.0, width_in)
    assert [at_s for label in placed for at_s in label.at_s] == sorted(times)
    inches = [(label.x_s / 100 * width_in, 0.14 + 0.065 * len(label.text)) for label in placed]
    for (x, width), (later, its_width) in pairwise(inches):
        assert later - x >= (width + its_width) / 2 - 1e-6
    assert all(x - width / 2 >= -1e-6 for x, width in inches)
