from __future__ import annotations

import math
from typing import TYPE_CHECKING

import pytest

from edge.vision.pose import LEAST_ROLL, is_facing, roll_of

if TYPE_CHECKING:
    from edge.core.types import Landmarks


def head(*, roll: float = 0.0, nose: float = 0.0, eyes: float = 40.0) -> Landmarks:
    """Return a face tilted by ``roll`` degrees whose nose is that many eye distances right of the middle."""
    turn = math.radians(roll)

    def at(across: float, down: float) -> tuple[float, float]:
        x, y = across * eyes, down * eyes
        return 200 + x * math.cos(turn) - y * math.sin(turn), 150 + x * math.sin(turn) + y * math.cos(turn)

    return at(-0.5, 0), at(0.5, 0), at(nose, 0.6), at(-0.4, 1.1), at(0.4, 1.1)


@pytest.mark.parametrize("roll", [-40, -20, 20, 40])
def test_a_tilt_is_positive_where_the_right_hand_eye_of_the_picture_is_lower(roll: float) -> None:
    landmarks = head(roll=roll)
    assert roll_of(landmarks) == pytest.approx(roll)
    assert (landmarks[1][1] > landmarks[0][1]) is (roll > 0)


@pytest.mark.parametrize("roll", [0, 5, LEAST_ROLL - 0.5, 1 - LEAST_ROLL, 85, -85, 180])
def test_small_tilts_and_impossible_ones_are_none(roll: float) -> None:
    assert roll_of(head(roll=roll)) == 0


def test_a_tilt_counts_from_its_least_on() -> None:
    assert roll_of(head(roll=LEAST_ROLL + 0.1)) == pytest.approx(LEAST_ROLL + 0.1)
    assert roll_of(head(roll=-LEAST_ROLL - 0.1)) == pytest.approx(-LEAST_ROLL - 0.1)


def test_the_limits_themselves_count() -> None:
    def tilted(degrees: float) -> Landmarks:
        """Return landmarks whose eyes are tilted by exactly ``degrees``, as the code computes it."""
        down = math.tan(math.radians(degrees))
        return (0.0, 0.0), (1.0, down), (0.5, 0.6), (0.0, 1.0), (1.0, 1.0)

    for degrees, kept in ((44.9, True), (59.99, True), (60.01, False), (-60.01, False), (-59.99, True)):
        assert (roll_of(tilted(degrees)) != 0) is kept
    for nose, facing in ((0.27, True), (-0.27, True), (0.28, False), (-0.28, False)):
        assert is_facing(head(nose=nose)) is facing


def test_without_landmarks_a_head_is_upright_and_facing() -> None:
    assert roll_of(None) == 0
    assert is_facing(None)


@pytest.mark.parametrize("eyes", [4.0, 40.0, 400.0])
@pytest.mark.parametrize("roll", [-50, 0, 50])
@pytest.mark.parametrize(("nose", "facing"), [(0, True), (0.15, True), (-0.15, True), (0.45, False), (-0.45, False)])
def test_a_nose_far_off_the_middle_is_a_head_turned_away(nose: float, roll: float, eyes: float, facing: bool) -> None:
    assert is_facing(head(roll=roll, nose=nose, eyes=eyes)) is facing


def test_eyes_in_one_place_are_a_profile() -> None:
    assert not is_facing(head(eyes=0))
