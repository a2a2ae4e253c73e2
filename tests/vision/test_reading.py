"""What a manifest's prior, certainty and refusal do to what the device says, on the packaged model."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import pytest

from edge.config import validate
from edge.core.errors import ModelError
from edge.inference.manifest import load, manifest_path, packaged_model, verify
from edge.inference.postprocess import signs
from edge.runtime.preflight.parts import model as preflight
from edge.vision.litert import LiteRtClassifier

if TYPE_CHECKING:
    from collections.abc import Callable

pytest.importorskip("ai_edge_litert", reason="needs an inference runtime")
SHARES = [0.1, 0.02, 0.03, 0.27, 0.15, 0.11, 0.32]
CONSENSUS = 1


@pytest.fixture
def changed(tmp_path: Path) -> Callable[..., Path]:
    """The packaged model beside a manifest that has nothing of all this but what is given."""

    def make(*, refusal: dict[str, Any] | None = None, **parts: Any) -> Path:
        source = packaged_model()
        model = Path(shutil.copy(source, tmp_path))
        content = json.loads(manifest_path(source).read_text())
        content.pop("refusal", None)
        for output in content["outputs"]:
            output.pop("prior", None)
            output.pop("certainty", None)
        content["outputs"][CONSENSUS] |= parts
        if refusal is not None:
            content["refusal"] = refusal
        manifest_path(model).write_text(json.dumps(content))
        return model

    return make


@pytest.fixture
def crop(portrait: np.ndarray) -> np.ndarray:
    height, width = portrait.shape
    face = portrait[round(0.13 * height) : round(0.39 * height), round(0.33 * width) : round(0.55 * width)]
    return np.asarray(cv2.resize(face, (48, 48), interpolation=cv2.INTER_AREA), np.uint8)


def prior(audience: float = 0.5) -> dict[str, Any]:
    return {"shares": SHARES, "audience": audience, "split": "PublicTest"}


def test_an_old_manifest_goes_on_as_before(changed: Callable[..., Path], crop: np.ndarray) -> None:
    model = changed()
    for name in ("web", "audience", 0.0):
        made = LiteRtClassifier(model, prior=name)
        (reading,) = made.read([crop])
        assert reading.evidence is None
        assert list(reading.scores) == list(made.classify([crop])[0])
    logits = made.logits(crop) / made.output.temperature
    expected = np.exp(logits - logits.max()) / np.exp(logits - logits.max()).sum()
    np.testing.assert_allclose(list(reading.scores), expected, atol=1e-5)


def test_a_prior_weighs_what_is_rare_up_by_its_strength(changed: Callable[..., Path], crop: np.ndarray) -> None:
    model = changed(prior=prior(audience=0.5))
    web, audience, half, even = (
        LiteRtClassifier(model, prior=each).classify([crop])[0].values for each in ("web", "audience", 0.5, "even")
    )
    assert audience == half
    odds = [values[1] / values[3] for values in (web, audience, even)]
    assert odds[1] / odds[0] == pytest.approx((SHARES[3] / SHARES[1]) ** 0.5, rel=1e-3)
    assert odds[2] / odds[0] == pytest.approx(SHARES[3] / SHARES[1], rel=1e-3)


def test_a_certainty_lowers_the_confidence_in_a_blurred_face(changed: Callable[..., Path], crop: np.ndarray) -> None:
    temperature = load(packaged_model()).outputs[CONSENSUS].temperature
    certainty = {"temperature": temperature, "head": "fer2013", "detail": 1.0, "usual_detail": -2.0, "spread": 0.3}
    plain, judged = LiteRtClassifier(changed()), LiteRtClassifier(changed(certainty=certainty))
    blurred = np.asarray(cv2.GaussianBlur(crop, (0, 0), 2.5), np.uint8)
    before, after = plain.classify([blurred])[0], judged.classify([blurred])[0]
    assert after.top == before.top
    assert after.confidence < before.confidence


def test_batches_are_read_as_single_crops_are(changed: Callable[..., Path], crop: np.ndarray) -> None:
    certainty = {"temperature": 0.4, "head": "fer2013", "spread": 0.3, "tilt": 0.5}
    rule = {"bias": 0.0, "weights": {"fer2013.energy": 1.0}, "bounds": {"fer2013.energy": [0, 9]}, "least": 2.5}
    made = LiteRtClassifier(changed(prior=prior(), certainty=certainty, refusal=rule))
    crops = [crop, np.asarray(crop[::-1], np.uint8), np.full((48, 48), 90, np.uint8)]
    together = made.read(crops)
    assert together == [made.read([each])[0] for each in crops]


def test_the_evidence_is_that_of_the_rule(changed: Callable[..., Path], crop: np.ndarray) -> None:
    rule = {
        "bias": 0.5,
        "weights": {"fer2013.energy": 1.0, "consensus.happy": -0.25},
        "bounds": {"fer2013.energy": [-9, 9], "consensus.happy": [-9, 9]},
        "least": 2.0,
    }
    model = changed(refusal=rule)
    made = LiteRtClassifier(model)
    logits = {head: LiteRtClassifier(model, head=head).logits(crop)[None] for head in ("fer2013", "consensus")}
    found = signs(made.manifest, logits)
    expected = 0.5 + found["fer2013.energy"][0] - 0.25 * found["consensus.happy"][0] - 2.0
    assert made.read([crop])[0].evidence == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize("wanted", ["even", 0.3])
def test_a_prior_that_the_model_does_not_have_is_one_line_and_found_before_the_start(
    changed: Callable[..., Path], wanted: str | float
) -> None:
    model = changed()
    with pytest.raises(ModelError, match=r"model\.prior: .* has no label frequencies") as caught:
        LiteRtClassifier(model, prior=wanted)
    assert "\n" not in str(caught.value)
    config = validate({"model": {"path": str(model), "prior": wanted}}, "test")
    assert [str(error) for error in preflight(config)] == [str(caught.value)]
    assert not list(preflight(validate({"model": {"path": str(model), "prior": "web"}}, "test")))


@pytest.mark.parametrize(
    ("parts", "words"),
    [
        ({"prior": {"shares": [0.5, 0.5], "audience": 0, "split": "x"}}, "expected a share for each of the 7 labels"),
        ({"certainty": {"temperature": 1, "head": "consensus "}}, "certainty.head: expected one of fer2013, consensus"),
        (
            {"refusal": {"bias": 0, "weights": {"age.old": 1}, "bounds": {"age.old": [0, 1]}, "least": 0}},
            "refusal.weights: 'age.old' is not a sign",
        ),
    ],
)
def test_a_manifest_that_contradicts_itself_is_refused(
    changed: Callable[..., Path], parts: dict[str, Any], words: str
) -> None:
    model = changed(**parts)
    with pytest.raises(ModelError) as caught:
        verify(load(model), model)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "parts",
    [
        {"prior": {"shares": [0.1] * 7, "audience": 0, "split": "x"}},
        {"certainty": {"temperature": -1}},
        {"refusal": {"bias": 0, "weights": {"a": 1}, "bounds": {}, "least": 0}},
    ],
)
def test_numbers_out_of_bounds_are_one_line(changed: Callable[..., Path], parts: dict[str, Any]) -> None:
    with pytest.raises(ModelError) as caught:
        load(changed(**parts))
    assert "\n" not in str(caught.value)
