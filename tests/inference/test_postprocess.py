from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from edge.inference.calibration import Certainty, Prior, Refusal
from edge.inference.postprocess import adjusted, detail_of, entropy, evidence, temperature, tilt_of
from edge.inference.preprocess import softmax

SHARES = (0.5, 0.3, 0.2)


def test_no_strength_changes_nothing_and_full_strength_undoes_the_prior() -> None:
    likelihood = np.array([[0.2, 0.5, 0.3]], np.float32)
    logits = np.log(likelihood * SHARES).astype(np.float32)
    assert adjusted(logits, SHARES, 0.0) is logits
    np.testing.assert_allclose(softmax(adjusted(logits, SHARES, 1.0)), likelihood, atol=1e-6)


@given(st.lists(st.floats(-8, 8), min_size=3, max_size=3), st.floats(0, 1), st.floats(0, 1))
def test_the_more_of_the_prior_is_taken_out_the_likelier_is_the_rarest(
    logits: list[float], one: float, other: float
) -> None:
    low, high = sorted((one, other))
    rare = [softmax(adjusted(np.array(logits, np.float32), SHARES, strength))[2] for strength in (low, high)]
    assert rare[0] <= rare[1] + 1e-6


def test_entropy_goes_from_nothing_to_the_logarithm_of_the_labels() -> None:
    assert entropy(np.array([1, 0, 0], np.float32)) == pytest.approx(0, abs=1e-6)
    assert entropy(np.full(3, 1 / 3, np.float32)) == pytest.approx(np.log(3), abs=1e-6)


def test_a_blurred_crop_lacks_detail_and_the_measure_does_not_follow_its_contrast(portrait: np.ndarray) -> None:
    crop = np.asarray(cv2.resize(portrait, (48, 48), interpolation=cv2.INTER_AREA), np.uint8)
    blurred = np.asarray(cv2.GaussianBlur(crop, (0, 0), 2.0), np.uint8)
    flat = (crop // 2 + 60).astype(np.uint8)
    assert detail_of(crop) - detail_of(blurred) > 1
    assert detail_of(flat) == pytest.approx(detail_of(crop), abs=0.15)
    assert np.isfinite(detail_of(np.zeros((48, 48), np.uint8)))


def test_tilt_is_nothing_for_level_lines_and_all_for_diagonal_ones() -> None:
    y, x = np.mgrid[0:48, 0:48]
    level, aslant = ((127 + 100 * np.sin(phase / 4)).astype(np.uint8) for phase in (y, (x + y) / np.sqrt(2)))
    assert tilt_of(level) < 0.05
    assert tilt_of(aslant) > 0.8
    assert tilt_of(np.zeros((48, 48), np.uint8)) == 0


certainties = st.builds(
    Certainty,
    temperature=st.floats(0.1, 2),
    spread=st.floats(0, 3),
    detail=st.floats(0, 3),
    usual_detail=st.floats(-5, 0),
    tilt=st.floats(0, 3),
    most=st.floats(1, 6),
)


@given(certainties, st.floats(0, 2), st.floats(-7, 0), st.floats(0, 1), st.floats(0, 1))
def test_a_temperature_only_ever_grows_with_a_sign_and_within_its_bound(
    certainty: Certainty, spread: float, detail: float, tilt: float, more: float
) -> None:
    plain: Any = temperature(certainty, spread=spread, detail=detail, tilt=tilt)
    assert certainty.temperature * (1 - 1e-9) <= plain <= certainty.temperature * certainty.most * (1 + 1e-9)
    for changed in (
        {"spread": spread + more, "detail": detail, "tilt": tilt},
        {"spread": spread, "detail": detail - more, "tilt": tilt},
        {"spread": spread, "detail": detail, "tilt": tilt + more},
    ):
        assert temperature(certainty, **changed) >= plain * (1 - 1e-9)


def test_evidence_is_what_lies_beyond_the_least_and_no_sign_outweighs_all_others() -> None:
    rule = Refusal(
        bias=1.0, weights={"a.happy": 2.0, "a.energy": -1.0}, bounds={"a.happy": (0, 1), "a.energy": (-1, 3)}, least=0.5
    )
    found = {"a.happy": np.array([0.5, 90], np.float32), "a.energy": np.array([2, 2], np.float32)}
    np.testing.assert_allclose(evidence(rule, found), [-0.5, 0.5])


@pytest.mark.parametrize(
    "make",
    [
        lambda: Prior(shares=(0.5, 0.2), audience=0.5, split="x"),
        lambda: Prior(shares=(1.0, 0.0), audience=0.5, split="x"),
        lambda: Prior(shares=(0.5, 0.5), audience=1.5, split="x"),
        lambda: Certainty(temperature=0),
        lambda: Certainty(temperature=1, spread=-1),
        lambda: Certainty(temperature=1, most=0.5),
        lambda: Certainty(temperature=float("nan")),
        lambda: Refusal(bias=0, weights={"a.happy": 1}, bounds={}, least=0),
        lambda: Refusal(bias=0, weights={}, bounds={}, least=0),
    ],
)
def test_numbers_that_make_no_sense_are_refused(make: Any) -> None:
    with pytest.raises(ValidationError):
        make()
