"""The loop slows down with heat and lack of memory, and gets going again."""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge import config as configuration
from edge.core.events import Health, Limit
from edge.core.types import Observation
from edge.runtime import build
from edge.runtime.throttle import LEVELS, RateLimiter, ThrottleController, ThrottlePolicy, Verdict, judge
from edge.sinks.memory import MemorySink
from edge.system import board

if TYPE_CHECKING:
    from pathlib import Path

S = 1_000_000_000
MIB = 2**20
GIB = 2**30
COOL = board.BoardReadings(
    temperature_c=50.0, throttled=0, memory=board.MemoryInfo(4 * GIB, 3 * GIB), pressure_percent=0.0
)


def hot(celsius: float) -> board.BoardReadings:
    return board.BoardReadings(temperature_c=celsius)


def left(mib: float, total: int = 4 * GIB) -> board.BoardReadings:
    return board.BoardReadings(memory=board.MemoryInfo(total, int(mib * MIB)))


@pytest.mark.parametrize(
    ("readings", "level", "cause"),
    [
        (board.BoardReadings(), 0, None),
        (COOL, 0, None),
        (hot(76.9), 0, None),
        (hot(77.0), 1, Limit.HEAT),
        (hot(80.0), 2, Limit.HEAT),
        (hot(95.0), 3, Limit.HEAT),
        (board.BoardReadings(temperature_c=60.0, throttled=0b0100), 2, Limit.HEAT),
        (board.BoardReadings(temperature_c=60.0, throttled=0b0111), 0, None),
        (left(100), 0, None),
        (left(95), 1, Limit.MEMORY),
        (left(63), 2, Limit.MEMORY),
        (left(31), 3, Limit.MEMORY),
        (left(60, total=512 * MIB), 0, None),
        (left(50, total=512 * MIB), 1, Limit.MEMORY),
        (board.BoardReadings(service=board.MemoryInfo(300 * MIB, 9 * MIB)), 3, Limit.MEMORY),
        (board.BoardReadings(pressure_percent=16.0), 2, Limit.MEMORY),
        (board.BoardReadings(temperature_c=78.0, pressure_percent=40.0), 3, Limit.MEMORY),
    ],
)
def test_what_a_board_asks_for(readings: board.BoardReadings, level: int, cause: Limit | None) -> None:
    assert judge(readings) == Verdict(level, cause)


def test_up_at_once_down_step_by_step_when_well_for_a_minute() -> None:
    governor = ThrottlePolicy()
    assert governor.update(COOL, 0).level == 0
    assert governor.update(hot(84), 2 * S) == Verdict(3, Limit.HEAT)
    levels = [governor.update(COOL, second * S).level for second in range(4, 300, 2)]
    assert levels == sorted(levels, reverse=True)
    assert [levels.count(level) for level in (3, 2, 1)] == [30, 30, 30]
    assert governor.verdict == Verdict()


def test_a_little_cooler_is_not_yet_well() -> None:
    governor = ThrottlePolicy()
    governor.update(hot(78), 0)
    assert {governor.update(hot(74), second * S).level for second in range(600)} == {1}
    assert governor.update(hot(72.9), 600 * S).level == 1
    assert governor.update(hot(74), 640 * S).level == 1, "well for forty seconds only"
    assert governor.update(hot(72), 650 * S).level == 1
    assert governor.update(hot(72), 709 * S).level == 1
    assert governor.update(hot(72), 710 * S).level == 0


def test_the_cause_is_what_holds_it_down_now() -> None:
    governor = ThrottlePolicy()
    assert governor.update(hot(78), 0).cause is Limit.HEAT
    assert governor.update(left(90), 1 * S) == Verdict(1, Limit.MEMORY)
    assert governor.update(COOL, 2 * S) == Verdict(1, Limit.MEMORY), "until it was well for long enough"


READINGS = st.builds(
    board.BoardReadings,
    temperature_c=st.none() | st.floats(-20, 120),
    throttled=st.none() | st.integers(0, 15),
    memory=st.none() | st.builds(board.MemoryInfo, st.integers(1, 16 * GIB), st.integers(0, 16 * GIB)),
    service=st.none() | st.builds(board.MemoryInfo, st.integers(1, 16 * GIB), st.integers(0, 16 * GIB)),
    pressure_percent=st.none() | st.floats(0, 100),
)


@given(READINGS)
def test_leaving_a_level_takes_more_than_entering_it(readings: board.BoardReadings) -> None:
    assert judge(readings).level <= judge(readings, easy=True).level <= LEVELS


@given(st.lists(st.tuples(READINGS, st.integers(0, 100)), max_size=40))
def test_never_less_than_asked_never_two_steps_down_at_a_time(story: list[tuple[board.BoardReadings, int]]) -> None:
    governor, now_s = ThrottlePolicy(), 0
    for readings, pause_s in story:
        now_s += pause_s
        before = governor.verdict.level
        after = governor.update(readings, now_s * S)
        assert after.level >= judge(readings).level
        assert after.level >= before - 1
        assert (after.cause is None) == (after.level == 0)


@given(st.lists(READINGS, max_size=20))
def test_whatever_was_it_is_over_after_four_good_minutes(story: list[board.BoardReadings]) -> None:
    governor = ThrottlePolicy()
    for second, readings in enumerate(story):
        governor.update(readings, second * S)
    for second in range(100, 350, 2):
        governor.update(COOL, second * S)
    assert governor.verdict == Verdict()


def test_the_pace_is_halved_by_each_level() -> None:
    pace = RateLimiter(fps=20, longest_s=0.48)
    assert pace.wait_s(3, 0) == 0, "the first frame is not waited for"
    pace.began(10 * S)
    pace.ended(10 * S + S // 100)
    waits = [pace.wait_s(level, 10 * S + S // 100) for level in range(LEVELS + 1)]
    assert waits == pytest.approx([0, 0.09, 0.19, 0.39])


def test_a_board_that_cannot_keep_up_is_relieved_all_the_same() -> None:
    pace = RateLimiter(fps=20, longest_s=0.48)
    pace.began(0)
    pace.ended(S // 10)
    assert pace.wait_s(1, S // 10) == pytest.approx(0.1)


@given(st.floats(0.5, 240), st.floats(0, 2), st.floats(0.05, 5), st.integers(0, LEVELS), st.floats(0, 10))
def test_no_pause_is_longer_than_tracks_live(
    fps: float, cost_s: float, longest_s: float, level: int, later_s: float
) -> None:
    pace = RateLimiter(fps=fps, longest_s=longest_s)
    pace.began(0)
    pace.ended(int(cost_s * S))
    wait_s = pace.wait_s(level, int((cost_s + later_s) * S))
    assert wait_s >= 0
    assert cost_s + wait_s <= max(longest_s, 1 / fps, cost_s) + 1e-6
    assert level or wait_s == 0


def test_a_change_is_one_line_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    now = COOL
    brake = ThrottleController(RateLimiter(fps=10, longest_s=0.5), read=lambda: now)
    for second in range(400):
        now = {100: hot(81.4), 110: left(90)}.get(second // 10 * 10, COOL)
        brake.check(second * S)
        if second == 105:
            assert brake.limited_by is Limit.HEAT
    assert [(record.levelname, record.message) for record in caplog.records] == [
        ("WARNING", "it is hot (81 °C): looking at 1/4 of the frames, to spare the board"),
        ("INFO", "heat is less trouble: looking at 1/2 of the frames again"),
        ("INFO", "heat is no trouble any more: looking at every frame again"),
    ]


def test_the_board_is_read_seldom() -> None:
    asked: list[int] = []

    def read() -> board.BoardReadings:
        asked.append(1)
        return COOL

    brake = ThrottleController(RateLimiter(fps=10, longest_s=0.5), read=read)
    for turn in range(1000):
        brake.check(turn * S // 100)
    assert len(asked) == 5


def test_a_hot_device_looks_at_fewer_frames_says_so_and_stops_promptly(
    running: Any, monkeypatch: pytest.MonkeyPatch, stopwatch: Any
) -> None:
    monkeypatch.setattr("edge.system.board.read", lambda: hot(85))
    with contextlib.ExitStack() as stack, running(**{"source.uri": "virtual:blank", "source.fps": 40}) as (_, sink):
        before = len(sink.wait_for(Observation))
        began_s = time.monotonic()
        seen = len(sink.wait_for(Observation, count=before + 8)) - before
        seconds = time.monotonic() - began_s
        took = stack.enter_context(stopwatch())
    assert seen >= 8
    assert seen <= 5 * seconds + 2, "an eighth of forty a second"
    assert sink.of(Health)[-1].limited_by is Limit.HEAT
    assert took.seconds < 1.5


def test_a_clip_is_never_slowed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edge.system.board.read", lambda: hot(85))
    sink = MemorySink()
    flags = {"node.id": "n1", "node.state_dir": tmp_path, "source.uri": "virtual:blank?pace=fast&frames=60"}
    wiring = build.device(configuration.load(environment={}, flags=flags), extra_sinks=[sink])
    with wiring.resources:
        assert wiring.device.run().frames == 60
    assert {health.limited_by for health in sink.of(Health)} == {None}
