"""Togetherness is found where people react alike, and chance is not taken for it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import numpy as np
import pytest

from edge.audience.togetherness import TogethernessMeter, synchrony
from tests.audience.simulated_rooms import room

if TYPE_CHECKING:
    from edge.audience.togetherness import Togetherness


def measured(seed: int, people: int, seconds: float, *, k: int = 1, **rules: float) -> list[Togetherness]:
    meter = TogethernessMeter(k=k, seed=seed)
    found = (meter.observe(observation) for observation in room(seed, people, seconds, **rules))
    return [each for each in found if each is not None]


@pytest.mark.parametrize(("people", "missing"), [(3, 0.0), (10, 0.2)])
def test_chance_is_taken_for_it_in_one_window_of_twenty(people: int, missing: float) -> None:
    windows = [each for seed in range(50) for each in measured(seed, people, 120, missing=missing)[::2]]
    assert len(windows) == 300
    alarms = np.mean([each.value > each.null for each in windows])
    # 5 % and three standard deviations of what 300 windows can show
    assert alarms < 0.05 + 3 * np.sqrt(0.05 * 0.95 / len(windows))


def test_half_a_room_of_ten_is_found_within_a_minute() -> None:
    found = [any(each.value > each.null for each in measured(seed, 10, 60, together=0.5)) for seed in range(8)]
    assert sum(found) == 8


def test_a_room_in_step_is_near_one_and_independent_people_near_zero() -> None:
    together = measured(1, 10, 120, together=1.0)
    alone = measured(1, 10, 120)
    assert np.mean([each.value for each in together]) > 0.35
    assert np.mean([each.value for each in alone]) < 0.1
    assert {each.people for each in together} == {10}
    assert all(0 <= each.value <= 1 and 0 <= each.null <= 1 for each in together + alone)


def test_a_recorded_clip_gives_the_same_figures() -> None:
    assert measured(3, 5, 60) == measured(3, 5, 60)


def test_fewer_people_than_k_are_never_measured() -> None:
    assert measured(1, 4, 60, k=5) == []
    assert measured(1, 1, 60) == []
    assert len(measured(1, 5, 60, k=5)) == 5


def test_people_who_stay_for_less_than_half_a_window_do_not_count() -> None:
    meter = TogethernessMeter()
    found = [
        meter.observe(
            observation
            if number < 40
            else observation.__class__(observation.monotonic_ns, 0, 640, 480, (), detect_ms=None)
        )
        for number, observation in enumerate(room(1, 5, 25))
    ]
    # ten seconds of forty samples are half of the first window, and none of the next
    assert [each.people for each in found if each is not None] == [5]


def test_what_was_kept_is_forgotten() -> None:
    meter = TogethernessMeter()
    frames = list(room(1, 5, 40))
    for observation in frames[:76]:
        assert meter.observe(observation) is None
    meter.forget()
    assert all(meter.observe(observation) is None for observation in frames[76:150])
    assert meter.observe(frames[154]) is not None


def test_a_gap_longer_than_a_window_begins_a_new_one() -> None:
    meter = TogethernessMeter()
    frames = list(room(1, 5, 60))
    after_gap = frames[70 + 84 :]
    assert [meter.observe(observation) for observation in frames[:70]] == [None] * 70
    assert [meter.observe(observation) for observation in after_gap[:76]] == [None] * 76
    assert any(meter.observe(observation) for observation in after_gap[76:80])


def test_signals_that_do_not_move_correlate_with_nothing() -> None:
    assert synchrony(np.zeros((5, 8, 40), np.float32), np.random.default_rng(0)) == (0.0, 0.0)


def test_fifty_people_cost_little() -> None:
    signals = np.random.default_rng(0).standard_normal((50, 8, 40)).astype(np.float32)
    begun = time.thread_time()
    for _ in range(3):
        synchrony(signals, np.random.default_rng(0))
    # once in ten seconds: 2 % of a core are 200 ms
    assert (time.thread_time() - begun) / 3 < 0.2
