"""The shipped model, held to what its manifest and its card claim, on the real validation split."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from converter import datasets, runner
from converter.evaluation.accuracy import evaluate
from edge.inference.manifest import load, packaged_model
from edge.inference.postprocess import probabilities
from edge.inference.preprocess import probability_step
from edge.vision.litert import LiteRtClassifier

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from converter.datasets.faces import FaceSet

pytest.importorskip("ai_edge_litert", reason="measuring needs ai-edge-litert")


@pytest.fixture(scope="module")
def faces(fer2013_folder: Path) -> FaceSet:
    return datasets.load(fer2013_folder, "PublicTest")


def test_it_reaches_what_was_asked_and_what_it_claims(faces: FaceSet) -> None:
    found = {m.head: m for m in evaluate(packaged_model(), faces, "PublicTest").measurements}
    assert found["fer2013"].accuracy >= 0.66
    claimed = {score.head: score for score in load(packaged_model()).scores if score.precision == "int8"}
    for head, score in claimed.items():
        assert found[head].n == score.n
        assert found[head].accuracy == pytest.approx(score.accuracy, abs=0.002), head  # kernels round differently
        assert found[head].ece == pytest.approx(score.ece, abs=0.004), head
        # one temperature for all faces; the device has one for each face
        assert found[head].ece <= {"fer2013": 0.035, "consensus": 0.02}[head], head


def test_int8_loses_next_to_nothing_against_float() -> None:
    scores = {(score.head, score.precision): score.accuracy for score in load(packaged_model()).scores}
    for head in ("fer2013", "consensus"):
        assert scores[head, "int8"] >= scores[head, "float"] - 0.003


def test_no_step_of_its_logits_moves_a_probability_beyond_half_a_point(output_steps: Callable[..., Any]) -> None:
    model = runner.ModelRunner(packaged_model())
    if model.manifest.schema_version == 1:
        pytest.skip("made before logits came in windows")
    for output in model.manifest.outputs:
        assert probability_step(output.scale, temperature=output.temperature) <= 0.005, output.head
    for probability, widest in output_steps(model.logits, model.manifest.outputs):
        assert probability <= 0.005
        assert widest < 5  # a seam between two windows would show as a gap


def test_what_is_measured_is_what_the_device_says() -> None:
    """The converter's own runner and the device's classifier give the same scores."""
    crops = np.random.default_rng(3).integers(0, 256, (8, 48, 48), dtype=np.uint8)
    logits = runner.ModelRunner(packaged_model()).logits(crops)
    made = load(packaged_model())
    for output in made.outputs:
        device = LiteRtClassifier(packaged_model(), head=output.head)
        strength = output.prior.audience if output.prior is not None else 0.0
        expected = probabilities(made, output.head, logits, list(crops), strength)
        np.testing.assert_allclose([list(scores) for scores in device.classify(list(crops))], expected, atol=1e-6)
        np.testing.assert_array_equal(np.stack([device.logits(crop) for crop in crops]), logits[output.head])
