"""A look stays for a while, and the trailing one always comes, whatever happens in between."""

from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from edge.core.events import Look, LookKind
from edge.core.types import Emotion
from edge.sinks.display.looks import mien
from edge.sinks.display.min_display_time import MinDisplayTime

HAPPY, HAPPIER = (Look(LookKind.EMOTION, Emotion.HAPPY, confidence, 1) for confidence in (0.6, 0.9))
SAD = Look(LookKind.EMOTION, Emotion.SAD, 0.5, 1)
NOBODY = Look(LookKind.NO_FACE)
STEPS = st.lists(
    st.tuples(st.integers(0, 500), st.sampled_from([None, HAPPY, HAPPIER, SAD, NOBODY])), min_size=1, max_size=60
)


@given(steps=STEPS, min_hold=st.integers(0, 400))
def test_looks_stay_and_the_last_one_comes(steps: list[tuple[int, Look | None]], min_hold: int) -> None:
    hold = MinDisplayTime(min_hold)
    now = 0
    offered: Look | None = None
    shown: list[tuple[int, Look]] = []
    for pause, look in steps:
        now += pause
        offered = look or offered
        due = hold.offer(look, now) if look else hold.tick(now)
        if due is not None:
            assert due == offered, "only the newest look may appear"
            shown.append((now, due))
    if (due := hold.tick(now + min_hold)) is not None:
        shown.append((now + min_hold, due))

    assert (shown[-1][1] if shown else None) == offered
    changes = [item for index, item in enumerate(shown) if index == 0 or mien(item[1]) != mien(shown[index - 1][1])]
    for (earlier, _), (later, _) in itertools.pairwise(changes):
        assert later - earlier >= min_hold


def test_new_figures_of_the_same_emotion_do_not_wait() -> None:
    hold = MinDisplayTime(1000)
    assert hold.offer(HAPPY, 0) == HAPPY
    assert hold.offer(HAPPIER, 1) == HAPPIER
    assert hold.offer(SAD, 999) is None, "the figures did not start the hold anew"
    assert hold.tick(1000) == SAD


def test_a_look_that_came_and_went_is_never_seen() -> None:
    hold = MinDisplayTime(1000)
    hold.offer(HAPPY, 0)
    assert hold.offer(SAD, 10) is None
    assert hold.offer(HAPPY, 20) is None
    assert hold.tick(5000) is None


def test_the_same_look_is_not_shown_twice_until_forgotten() -> None:
    hold = MinDisplayTime(1000)
    assert hold.offer(NOBODY, 0) == NOBODY
    assert hold.offer(NOBODY, 10**6) is None
    hold.forget()
    assert hold.tick(10**6) == NOBODY
