from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.sources.media_clock import FrameClock, PacketClock


def test_a_clock_that_begins_late_is_counted_from_its_first_frame() -> None:
    clock = FrameClock(0.04)
    assert [clock(time) for time in (90.0, 90.04, 90.5)] == pytest.approx([0, 0.04, 0.5])


def test_a_clock_that_begins_again_goes_on_one_frame_later() -> None:
    clock = FrameClock(0.04)
    times = [1.4 + index / 25 for index in range(75)] * 2
    assert [clock(time) for time in times] == pytest.approx([index / 25 for index in range(150)])


def test_without_times_frames_are_evenly_spaced() -> None:
    for own in (None, 0.0):
        clock = FrameClock(0.1)
        assert [clock(own) for _ in range(50)] == pytest.approx([index / 10 for index in range(50)])


def test_times_that_repeat_do_not_run_ahead_of_the_recording() -> None:
    clock = FrameClock(0.04)
    times = [clock(index // 2 * 0.08) for index in range(500)]
    assert times[-1] == pytest.approx(249 * 0.08 + 0.04, abs=0.05)


@pytest.mark.parametrize(("leaps", "last"), [(True, 0.08), (False, 3600.0)])
def test_a_leap_forward_is_a_gap_unless_the_container_is_known_for_leaps(leaps: bool, last: float) -> None:
    clock = FrameClock(0.04, leaps=leaps)
    assert [clock(time) for time in (0.0, 0.04, 3600.0)][-1] == pytest.approx(last)
    held = FrameClock(0.04, leaps=leaps)
    assert [held(time) for time in (0.0, 30.0)][-1] == 30.0


@given(st.lists(st.none() | st.floats(-1e6, 1e6), min_size=1), st.booleans())
def test_times_start_at_zero_and_rise(own: list[float | None], leaps: bool) -> None:
    clock = FrameClock(0.04, leaps=leaps)
    times = [clock(time) for time in own]
    assert times[0] == 0
    assert all(after > before for before, after in itertools.pairwise(times))


def test_streams_of_a_segment_keep_in_step() -> None:
    clock = PacketClock()
    packets = [(0, index * 0.04, 0.04) for index in range(75)] + [(1, index * 0.02, 0.02) for index in range(151)]
    for packet in packets:
        assert clock.shift_s(*packet) == 0
    sound = clock.shift_s(1, 0.0, 0.02)
    assert sound == pytest.approx(3.02), "the next segment begins where the longest stream ended"
    assert clock.shift_s(0, 0.0, 0.04) == sound


def test_a_late_packet_of_the_segment_before_stays_in_it() -> None:
    clock = PacketClock()
    for index in range(74):
        clock.shift_s(0, index * 0.04, 0.04)
    clock.shift_s(1, 2.9, 0.02)
    shift = clock.shift_s(1, 0.0, 0.02)
    assert clock.shift_s(0, 74 * 0.04, 0.04) == 0
    assert clock.shift_s(0, 0.0, 0.04) == shift


def test_packets_without_a_time_belong_to_their_streams_segment() -> None:
    clock = PacketClock()
    assert clock.shift_s(0, None, 0.0) == 0
    clock.shift_s(0, 5.0, 0.1)
    shift = clock.shift_s(0, 0.0, 0.1)
    assert shift == pytest.approx(5.1)
    assert clock.shift_s(0, None, 0.0) == shift
