from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from edge.sources.face_exposure import LIMIT_EV, STEP_EV, FaceExposure


def run(exposure: FaceExposure, scene: float, seconds: range) -> list[float]:
    """The bias each second where faces of grey level ``scene`` follow it, as a camera's linear response would."""
    biases = []
    for now_s in seconds:
        exposure.update(min(255.0, scene * 2**exposure.bias_ev), float(now_s))
        biases.append(exposure.bias_ev)
    return biases


def test_dark_faces_are_raised_step_by_step_until_they_are_readable() -> None:
    exposure = FaceExposure()
    biases = run(exposure, 45.0, range(60))
    assert biases[0] == STEP_EV
    assert biases[:4] == [STEP_EV, STEP_EV, 2 * STEP_EV, 2 * STEP_EV], "a pause after each step"
    assert 95 <= 45 * 2 ** biases[-1] < 165
    assert len(set(biases[20:])) == 1, "and it stays there"


def test_burnt_faces_are_lowered() -> None:
    exposure = FaceExposure()
    assert -LIMIT_EV < run(exposure, 250.0, range(60))[-1] < 0


def test_faces_in_good_light_are_left_alone() -> None:
    for level in (71.0, 120.0, 189.0):
        assert set(run(FaceExposure(), level, range(60))) == {0.0}


def test_without_faces_it_stays_for_a_while_and_goes_back_slowly() -> None:
    exposure = FaceExposure()
    run(exposure, 20.0, range(60))
    assert exposure.bias_ev == LIMIT_EV
    later = []
    for now_s in range(60, 120):
        exposure.update(None, float(now_s))
        later.append(exposure.bias_ev)
    assert later[25] == LIMIT_EV
    assert later[-1] == 0.0
    assert all(0 <= before - after <= STEP_EV + 1e-9 for before, after in itertools.pairwise(later))


@given(st.lists(st.tuples(st.none() | st.floats(0, 255), st.floats(0, 10)), max_size=200))
def test_it_is_bounded_and_slow_whatever_comes(steps: list[tuple[float | None, float]]) -> None:
    exposure, now_s, changes = FaceExposure(), 0.0, []
    for brightness, pause_s in steps:
        now_s += pause_s
        before = exposure.bias_ev
        if (after := exposure.update(brightness, now_s)) is not None:
            assert after != before
            assert abs(after - before) <= STEP_EV + 1e-9
            changes.append(now_s)
        assert abs(exposure.bias_ev) <= LIMIT_EV
    assert all(later - earlier >= 2.0 for earlier, later in itertools.pairwise(changes))
