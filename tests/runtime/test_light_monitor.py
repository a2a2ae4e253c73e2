from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.core.types import Light
from edge.runtime.light_monitor import LEAST_S, WINDOW_S, LightMonitor

S = 10**9
N, D, T = Light.NORMAL, Light.DARK, Light.TOO_DARK


def changes(*spans: tuple[float, Light], fps: float = 10.0) -> list[tuple[float, Light | None]]:
    """What was said and when, in seconds, while each light held for its seconds."""
    monitor, told, index = LightMonitor(), [], 0
    for seconds, light in spans:
        for _ in range(round(seconds * fps)):
            if monitor.observe(light, round(index / fps * S)):
                told.append((round(index / fps, 1), monitor.now))
            index += 1
    return told


def test_nothing_is_said_before_the_camera_has_found_its_exposure() -> None:
    assert changes((2.9, T)) == []
    assert changes((5, N)) == [(3.0, N)]
    assert changes((1, T), (5, N))[-1][1] is N


def said(monitor: LightMonitor) -> Light | None:
    """What it says now; a call, since mypy takes an attribute for unchanged."""
    return monitor.now


@pytest.mark.parametrize("dark", [D, T])
def test_a_dark_flash_says_nothing(dark: Light) -> None:
    assert changes((20, N), (3, dark), (20, N)) == [(3.0, N)]


def test_lasting_darkness_is_said_once_and_so_is_its_end() -> None:
    assert changes((20, N), (30, T), (30, N)) == [(3.0, N), (27.0, T), (57.1, N)]
    assert changes((20, N), (30, D)) == [(3.0, N), (27.0, D)]
    assert changes((20, T)) == [(3.0, T)]


def test_getting_light_again_passes_through_what_is_between() -> None:
    assert [light for _, light in changes((20, T), (30, D), (30, N))] == [T, D, N]


def test_a_room_at_the_edge_keeps_its_state() -> None:
    flicker = [(0.1, light) for _ in range(600) for light in (T, D)]
    assert changes((20, D), *flicker) == [(3.0, D)]
    assert changes((20, T), *flicker) == [(3.0, T)]


def test_rare_frames_hold_until_the_next() -> None:
    assert changes((60, T), fps=0.2) == [(5.0, T)]
    assert changes((60, N), (60, T), fps=1 / 15) == [(15.0, N), (75.0, T)]


def test_a_pause_is_forgotten() -> None:
    monitor = LightMonitor()
    for second in range(6):
        monitor.observe(T, second * S)
    assert said(monitor) is T
    monitor.reset()
    assert said(monitor) is None
    assert not monitor.observe(N, 100 * S)
    assert not monitor.observe(N, 102 * S)
    assert monitor.observe(N, 104 * S)
    assert said(monitor) is N


def test_time_that_stands_or_turns_back_is_survived() -> None:
    monitor = LightMonitor()
    for second in (5, 5, 3, 4, 9, 12):
        monitor.observe(N, second * S)
    assert monitor.now is N


@given(st.lists(st.tuples(st.floats(0.01, 30), st.sampled_from(Light)), min_size=1, max_size=60))
def test_what_held_for_the_whole_window_is_what_is_said(steps: list[tuple[float, Light]]) -> None:
    monitor, at_ns = LightMonitor(), 0
    for seconds, light in steps:
        monitor.observe(light, at_ns)
        at_ns += round(seconds * S)
    last = steps[-1][1]
    for _ in range(12):
        monitor.observe(last, at_ns)
        at_ns += S
    assert monitor.now is last
    assert LEAST_S < WINDOW_S
