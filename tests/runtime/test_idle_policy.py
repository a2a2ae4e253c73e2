from __future__ import annotations

import pytest

from edge.core.types import Box, Face, Observation, Scores
from edge.runtime.idle_policy import AFTER_S, IdlePolicy

SOMEBODY = (Face(track_id="a", box=Box(0, 0, 9, 9), scores=Scores.of([1] * 7), emotion=None, confidence=0.2),)


def seen(rest: IdlePolicy, at_s: float, faces: tuple[Face, ...] = (), *, still: bool = True) -> float:
    rest.note(Observation(int(at_s * 1e9), 0, 640, 480, faces), still=still)
    return rest.interval_s


def test_an_empty_room_is_looked_at_less_often_after_a_while() -> None:
    rest = IdlePolicy(5.0)
    assert seen(rest, 0.0) == 0
    assert seen(rest, AFTER_S - 0.1) == 0
    assert seen(rest, AFTER_S) == pytest.approx(0.2)


@pytest.mark.parametrize(("faces", "still"), [(SOMEBODY, True), ((), False)])
def test_who_comes_or_moves_ends_it_at_once(faces: tuple[Face, ...], *, still: bool) -> None:
    rest = IdlePolicy(5.0)
    seen(rest, 0.0)
    seen(rest, AFTER_S)
    assert seen(rest, AFTER_S + 1, faces, still=still) == 0
    assert seen(rest, AFTER_S + 2) == 0
    assert seen(rest, 2 * AFTER_S + 2) == pytest.approx(0.2)


def test_it_can_be_switched_off() -> None:
    rest = IdlePolicy(0.0)
    seen(rest, 0.0)
    assert seen(rest, 99.0) == 0
