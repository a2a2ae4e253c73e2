"""Prior, certainty and refusal: fitted to what is known of the answer."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import pytest

from converter.calibration import priors, refusals, temperatures
from converter.calibration.finds import marked, non_faces
from converter.calibration.temperatures import Signs
from converter.calibration.views import PLAIN, bound_of, views
from converter.cli import main
from converter.datasets.faces import FaceSet
from edge.core.contrast import Contrast
from edge.core.errors import InputError
from edge.inference.calibration import PriorScore
from edge.inference.manifest import load, manifest_path, packaged_model, verify
from edge.inference.postprocess import evidence
from edge.inference.preprocess import crop_face, softmax
from edge.vision.haar import CASCADE, HaarDetector
from edge.vision.litert import LiteRtClassifier

if TYPE_CHECKING:
    from pathlib import Path

pytest.importorskip("scipy", reason="fitting needs scipy")
CLASSES = 7


def drawn(n: int, *, seed: int, sharpness: float = 3.0, shares: np.ndarray | None = None) -> tuple[Any, Any]:
    """Logits whose softmax is right about how often each label is true, and the truth."""
    generator = np.random.default_rng(seed)
    logits = sharpness * generator.normal(size=(n, CLASSES)) + (0 if shares is None else np.log(shares))
    likely = softmax(logits.astype(np.float32)).astype(float)
    truth = np.array([generator.choice(CLASSES, p=row / row.sum()) for row in likely])
    return logits.astype(np.float32), truth


def score(strength: float, accuracy: float, balanced: float) -> PriorScore:
    return PriorScore(
        strength=strength, n=10, accuracy=accuracy, balanced_accuracy=balanced, ece=0.0, recall={"happy": None}
    )


def test_shares_are_those_of_labels_or_of_votes() -> None:
    votes = np.zeros((3, CLASSES), np.float32)
    votes[0, 3] = votes[1, 3] = 1
    faces = FaceSet(np.zeros((3, 48, 48), np.uint8), np.array([0, 0, 6]), votes, np.array([3, 3, -1]))
    assert priors.shares_of(faces, "fer2013").tolist() == pytest.approx([2 / 8, *[1 / 8] * 6])
    assert priors.shares_of(faces, "consensus").tolist() == pytest.approx([*[1 / 8] * 3, 2 / 8, *[1 / 8] * 3])


def test_the_best_balance_is_chosen_within_what_it_may_cost() -> None:
    found = [score(0, 0.86, 0.74), score(0.5, 0.855, 0.78), score(0.7, 0.851, 0.80), score(1, 0.83, 0.82)]
    assert priors.choose(found, 0.01) == 0.7
    assert priors.choose(found, 0.0) == 0
    assert priors.choose(found, 0.2) == 1


def test_taking_the_prior_out_of_lopsided_data_helps_what_is_rare() -> None:
    shares = np.array([0.02, 0.02, 0.02, 0.3, 0.2, 0.1, 0.34])
    logits, truth = drawn(4000, seed=1, sharpness=1.5, shares=shares)
    found = priors.curve(logits, truth, shares)
    assert found[0].accuracy >= max(each.accuracy for each in found) - 0.005
    assert found[-1].balanced_accuracy > found[0].balanced_accuracy + 0.05
    made = priors.prior(logits, truth, shares, split="here")
    assert 0 < made.audience < 1
    assert {0.0, made.audience, 1.0} <= {each.strength for each in made.scores}


def signs_of(logits: np.ndarray, *, spread: float, detail: float = 0.0, tilt: float = 0.0) -> Signs:
    n = len(logits)
    return Signs(logits, np.full(n, spread, np.float32), np.full(n, detail), np.full(n, tilt))


def test_a_spoiled_view_gets_its_own_temperature_by_its_sign() -> None:
    plain, truth = drawn(3000, seed=2)
    spoiled = 2.5 * plain  # said two and a half times as loudly as is true
    found = {PLAIN: signs_of(plain, spread=0.2), "spoiled": signs_of(spoiled, spread=1.2)}
    made = temperatures.fit(found, truth, np.zeros(CLASSES, np.float32), head="other", split="here")
    before, after = made.errors["spoiled"]
    assert before > 0.08
    assert after < 0.03
    assert made.errors[PLAIN][1] < 0.03
    assert made.spread > 0.1
    assert made.head == "other"


def test_every_view_shows_every_face() -> None:
    faces = FaceSet.of(
        np.random.default_rng(1).integers(0, 256, (3, 48, 48), np.uint8), np.array([1, 2, 3]), np.array(["a", "b", "c"])
    )
    found = list(views(faces, Contrast()))
    assert found[0].name == PLAIN
    assert len({view.name for view in found}) == len(found) > 30
    assert all(view.crops.shape == (3, 48, 48) for view in found)
    assert bound_of(found[0].name) < bound_of(found[1].name)


def test_a_rule_tells_apart_what_its_signs_tell_apart_and_loses_as_few_as_asked() -> None:
    generator = np.random.default_rng(3)
    faces = {"a": generator.normal(2, 1, 2000).astype(np.float32), "b": generator.normal(0, 1, 2000).astype(np.float32)}
    others = {"a": generator.normal(-2, 1, 300).astype(np.float32), "b": generator.normal(0, 9, 300).astype(np.float32)}
    rule = refusals.fit(faces, np.arange(2000), others, np.arange(300) // 5)
    assert rule.figures["refused"] > 0.8
    assert rule.figures["lost"] == pytest.approx(0.01, abs=0.006)
    assert (evidence(rule, faces) < 0).mean() == pytest.approx(0.01, abs=0.006)
    assert abs(rule.weights["a"]) > abs(rule.weights["b"])


def test_a_rule_that_cannot_work_says_so_in_its_figures() -> None:
    """Cross-validation: signs without meaning refuse no more non-faces than faces."""
    generator = np.random.default_rng(4)
    names = [f"s{index}" for index in range(18)]
    faces = {name: generator.normal(size=1000).astype(np.float32) for name in names}
    others = {name: generator.normal(size=60).astype(np.float32) for name in names}
    assert refusals.fit(faces, np.arange(1000), others, np.arange(60) // 3).figures["refused"] < 0.15


@pytest.fixture
def scene(tmp_path: Path, portrait: np.ndarray) -> Path:
    """A folder with a picture of one face, which Haar finds, and marks of it."""
    folder = tmp_path / "scenes"
    folder.mkdir()
    cv2.imwrite(str(folder / "one.png"), portrait)
    detector = HaarDetector(min_face=0.1, cascade=CASCADE)
    box = detector.detect(portrait)[0].box
    faces = [{"box": [box.x, box.y, box.width, box.height], "kind": "face"}]
    (folder / "faces.json").write_text(json.dumps({"one.png": {"faces": faces}}))
    return folder


def test_marked_faces_are_found_and_cut_as_the_device_cuts_them(scene: Path, portrait: np.ndarray) -> None:
    faces, others = marked(scene, None)
    assert len(faces) == 1
    truth = json.loads((scene / "faces.json").read_text())["one.png"]["faces"][0]["box"]
    from edge.core.types import Box

    expected = crop_face(portrait, Box(*truth), margin=0.0, size=48)
    assert np.corrcoef(faces.crops[0].ravel(), expected.ravel())[0, 1] > 0.8
    assert others.crops.shape[1:] == (48, 48)


@pytest.mark.parametrize("content", ["{", "[]", '{"one.png": {}}', '{"one.png": {"faces": [{"box": [1]}]}}'])
def test_marks_that_cannot_be_read_are_one_line(scene: Path, content: str) -> None:
    (scene / "faces.json").write_text(content)
    with pytest.raises(InputError, match=r"faces\.json: cannot be read as marks"):
        marked(scene, None)


def test_a_folder_in_which_nothing_is_found_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="expected pictures"):
        non_faces(tmp_path, None)
    (tmp_path / "no.jpg").write_bytes(b"no picture")
    with pytest.raises(InputError, match="no picture that can be read"):
        non_faces(tmp_path, None)


def test_the_command_writes_what_the_device_then_does(
    tmp_path: Path, tiny_data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("ai_edge_litert", reason="measuring needs ai-edge-litert")
    source = packaged_model()
    model = tmp_path / source.name
    shutil.copy(source, model)
    old = json.loads(manifest_path(source).read_text())
    old.pop("refusal", None)
    manifest_path(model).write_text(json.dumps(old))
    assert main(["calibrate", "--model", str(model), "--data", str(tiny_data), "--plots", str(tmp_path / "plots")]) == 0
    assert "consensus: prior; audience is" in capsys.readouterr().out
    made = load(model)
    verify(made, model)
    assert made.schema_version == (4 if made.face is None else 5)
    for output in made.outputs:
        assert output.prior is not None
        assert output.certainty is not None
        assert output.certainty.head in {each.head for each in made.outputs} - {output.head}
        assert (tmp_path / f"plots/{made.name}-prior-{output.head}.png").is_file()
        assert (tmp_path / f"plots/{made.name}-errors-{output.head}.png").is_file()
    crop = np.random.default_rng(1).integers(0, 256, (48, 48), np.uint8)
    web, even = (LiteRtClassifier(model, prior=prior).classify([crop])[0] for prior in ("web", "even"))
    assert web != even


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--model", "x.ckpt", "--data", "here"], "expected a .tflite"),
        (["--model", "x.tflite", "--data", "here", "--scenes", "."], "give pictures to fit it to"),
        (["--model", "x.tflite", "--data", "here", "--non-faces", "/nowhere"], "does not exist"),
    ],
)
def test_what_makes_no_sense_is_refused_before_anything_is_read(
    arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["calibrate", *arguments]) == 2
    assert words in capsys.readouterr().err
