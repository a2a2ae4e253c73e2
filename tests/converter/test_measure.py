from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from converter.measure import calibration_error, confusion, fit_temperature, measure, reliability
from edge.inference.preprocess import softmax

LOGITS = arrays(np.float32, (12, 7), elements=st.floats(-8, 8, width=32))
LABELS = arrays(np.int64, 12, elements=st.integers(0, 6))


def one_hot(classes: list[int], height: float = 5.0) -> np.ndarray:
    return (np.eye(7)[classes] * height).astype(np.float32)


def test_a_hand_counted_case() -> None:
    found = measure(
        one_hot([0, 0, 3, 3, 6]), np.array([0, 3, 3, 3, -1]), head="consensus", labels="mine", temperature=1.0
    )
    assert found.n == 4
    assert found.accuracy == 0.75
    assert found.recall[0] == 1
    assert found.recall[3] == pytest.approx(2 / 3)
    assert math.isnan(found.recall[6])
    assert found.balanced_accuracy == pytest.approx((1 + 2 / 3) / 2)
    assert found.macro_f1 == pytest.approx((2 / 3 + 4 / 5) / 2)
    assert found.confusion[3].tolist() == [1, 0, 0, 2, 0, 0, 0]


def test_no_label_at_all_is_refused() -> None:
    with pytest.raises(ValueError, match="no labels of set mine"):
        measure(one_hot([0]), np.array([-1]), head="consensus", labels="mine", temperature=1.0)


@given(LOGITS, LABELS)
def test_figures_agree_with_each_other(logits: np.ndarray, truth: np.ndarray) -> None:
    found = measure(logits, truth, head="fer2013", labels="any", temperature=0.7)
    assert found.confusion.sum() == found.n == 12
    assert np.trace(found.confusion) / 12 == pytest.approx(found.accuracy)
    assert found.accuracy <= found.top2
    assert 0 <= found.ece <= 1


@given(LOGITS, LABELS)
def test_reliability_loses_no_one(logits: np.ndarray, truth: np.ndarray) -> None:
    probabilities = softmax(logits)
    rows = reliability(probabilities, truth)
    assert rows[:, 0].sum() == 12
    assert (rows[:, 0] * rows[:, 2]).sum() == pytest.approx((probabilities.argmax(axis=1) == truth).sum())


def test_calibration_error_by_hand() -> None:
    probabilities = np.tile(np.array([[0.8, 0.2, 0, 0, 0, 0, 0]], np.float32), (10, 1))
    truth = np.array([0] * 6 + [1] * 4)
    assert calibration_error(probabilities, truth) == pytest.approx(0.2, abs=1e-6)


def test_a_known_temperature_is_found_again() -> None:
    generator = np.random.default_rng(1)
    logits = generator.normal(0, 2, (4000, 7)).astype(np.float32)
    chances = softmax(logits, temperature=2.0)
    truth = (chances.cumsum(axis=1) > generator.random((4000, 1))).argmax(axis=1)
    assert fit_temperature(logits, truth) == pytest.approx(2.0, rel=0.07)
    assert calibration_error(softmax(logits, temperature=2.0), truth) < calibration_error(softmax(logits), truth)


def test_confusion_puts_truth_in_rows() -> None:
    assert confusion(np.array([1]), np.array([0]))[0, 1] == 1
