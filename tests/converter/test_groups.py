from __future__ import annotations

import json
import math
import shutil
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from converter import datasets
from converter.card import group_tables
from converter.cli import main
from converter.crop_alignment import open_detector
from converter.datasets.faces import FaceSet
from converter.evaluation.bootstrap import Bootstrap
from converter.evaluation.deployed import answers
from converter.evaluation.divisions import Division, Group, divisions
from converter.evaluation.groups import LEAST, difference, groups
from converter.evaluation.judged import Judged, at_mix, wilson
from converter.evaluation.pose import poses
from converter.evaluation.subject import open_subject
from edge.inference.calibration import MIN_CONFIDENCE
from edge.inference.manifest import load, manifest_path, packaged_model
from edge.inference.postprocess import evidence
from edge.inference.preprocess import crop_face
from edge.vision.litert import LiteRtClassifier
from edge.vision.pose import is_facing, turn_of

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from edge.core.types import Box

for _package in ("scipy", "tqdm"):
    pytest.importorskip(_package, reason=f"{_package} is missing: pip install -e '.[converter]'")

CLASSES = tuple("abcdefg")
QUICK = Bootstrap(resamples=200)


def certain(label: int, confidence: float) -> NDArray[np.float32]:
    """Probabilities with one label at this confidence and the rest spread evenly."""
    found = np.full(7, (1 - confidence) / 6, np.float32)
    found[label] = confidence
    return found


def made_up(n: int, seed: int = 0, right: float = 0.8) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Answers to ``n`` faces that are right so often, and their labels."""
    generator = np.random.default_rng(seed)
    labels = generator.integers(0, 7, n)
    said = np.where(generator.random(n) < right, labels, (labels + 1) % 7)
    return np.stack([certain(label, 0.8) for label in said]), labels


class Landmarks:
    """A detector that finds a face in bright pictures, with the nose off the middle by ``off`` eyes' distances."""

    def __init__(self, off: float, tilt: float = 0.0) -> None:
        self._off, self._tilt = off, math.radians(tilt)

    def detect(self, picture: NDArray[np.uint8]) -> tuple[int, NDArray[np.float32] | None]:
        if picture.mean() < 100:
            return 0, None
        along = np.array([math.cos(self._tilt), math.sin(self._tilt)])
        right, left = -20 * along, 20 * along
        nose = self._off * 40 * along
        points = np.concatenate([right, left, nose, nose, nose]) + 100
        weaker = np.concatenate([[0, 0, 9, 9], np.zeros(10), [0.6]])
        return 2, np.array([weaker, np.concatenate([[50, 50, 90, 90], points, [0.9]])], np.float32)


def test_wilsons_interval_is_the_published_one() -> None:
    assert wilson(8, 10, 0.95) == pytest.approx([0.8, 0.4902, 0.9433], abs=1e-4)
    assert wilson(0, 10, 0.95) == pytest.approx([0, 0, 0.2775], abs=1e-4)


def test_accuracy_at_a_mix_leaves_out_classes_that_a_group_lacks() -> None:
    mix = np.array([0.5, 0.3, 0.2])
    assert at_mix(np.array([1.0, 0.5, 0.0]), mix) == pytest.approx(0.65)
    assert at_mix(np.array([1.0, np.nan, 0.0]), mix) == pytest.approx(0.5 / 0.7)
    assert np.isnan(at_mix(np.full(3, np.nan), mix))


def test_answers_are_counted_by_the_devices_threshold() -> None:
    said = [(0, 0.9), (0, 0.9), (1, 0.9), (1, 0.5), (1, 0.39), (0, 0.3), (0, 0.9)]
    labels = np.array([0, 0, 0, 0, 0, 0, -1])
    refused = np.array([False, True, False, False, False, False, True])
    found = Judged.of(np.stack([certain(*one) for one in said]), labels, refused).figures(QUICK, CLASSES)
    assert found is not None
    assert found["n"] == 6
    shares = {name: found[name][0] for name in ("accuracy", "wrong", "sure_and_wrong", "unclear", "refused")}
    expected = {"accuracy": 3 / 6, "wrong": 2 / 6, "sure_and_wrong": 1 / 6, "unclear": 2 / 6, "refused": 1 / 6}
    assert shares == pytest.approx(expected, abs=1e-4)
    assert found["recall"]["a"][0] == 0.5
    assert found["recall"]["b"] is None
    assert found["faces"] == {"a": 6, **dict.fromkeys("bcdefg", 0)}
    assert found["overconfidence"][0] == pytest.approx((0.9 * 3 + 0.5 + 0.39 + 0.3) / 6 - 0.5, abs=1e-4)
    assert all(value[1] <= value[0] <= value[2] for name, value in found.items() if name in shares)


def test_a_group_without_labels_has_no_figures() -> None:
    probabilities, labels = made_up(20)
    assert Judged.of(probabilities, labels, None).take(np.zeros(20, bool)).figures(QUICK, CLASSES) is None


def test_a_calibrated_model_errs_by_what_chance_gives() -> None:
    probabilities, labels = made_up(4000, right=0.8)
    calibrated = Judged.of(probabilities, labels, None)
    few = np.arange(4000) < 100
    whole, part = (one.figures(QUICK, CLASSES) for one in (calibrated, calibrated.take(few)))
    assert whole is not None
    assert part is not None
    assert whole["ece"][0] <= whole["ece_by_chance"][1]
    assert part["ece_by_chance"][0] > 3 * whole["ece_by_chance"][0]
    overconfident = Judged.of(probabilities, (labels + (np.arange(4000) % 2)) % 7, None).figures(QUICK, CLASSES)
    assert overconfident is not None
    assert overconfident["ece"][0] > 5 * overconfident["ece_by_chance"][1]
    assert overconfident["overconfidence"][1] > 0.25


def halves(n: int) -> Division:
    first = np.arange(n) % 2 == 0
    return Division("halves", "parity", (Group("even", first), Group("odd", ~first)))


def test_groups_that_are_read_alike_differ_by_chance() -> None:
    judged = Judged.of(*made_up(2000), None)
    found = difference(judged, halves(2000), 1)
    assert found is not None
    assert found["by_chance"] > 0.05
    assert found == difference(judged, halves(2000), 1)


def test_a_group_that_is_read_worse_stands_out() -> None:
    probabilities, labels = made_up(2000)
    odd = np.arange(2000) % 2 == 1
    worse = np.where(odd & (np.arange(2000) % 10 == 1), (labels + 3) % 7, labels)
    found = difference(Judged.of(probabilities, worse, None), halves(2000), 1)
    assert found is not None
    assert found["difference"] > 0.08
    assert found["by_chance"] < 0.001


def test_another_mix_of_classes_is_no_difference() -> None:
    """One class is always read right, the other half of the time; one group has more of the former."""
    labels = np.array(([0] * 3 + [1]) * 400 + ([0] + [1] * 3) * 400)
    said = np.where((labels == 1) & (np.arange(3200) // 4 % 2 == 0), 2, labels)
    judged = Judged.of(np.stack([certain(label, 0.8) for label in said]), labels, None)
    first = np.arange(3200) < 1600
    division = Division("mix", "", (Group("easy", first), Group("hard", ~first)))
    accuracies = [judged.take(group.members).figures(QUICK, CLASSES) for group in division.groups]
    assert accuracies[0] is not None
    assert accuracies[1] is not None
    assert accuracies[0]["accuracy"][0] - accuracies[1]["accuracy"][0] > 0.2
    assert accuracies[0]["same_mix"][0] == pytest.approx(accuracies[1]["same_mix"][0], abs=0.02)
    found = difference(judged, division, 1)
    assert found is not None
    assert found["difference"] < 0.02
    assert found["by_chance"] > 0.3


def test_small_groups_do_not_count_for_the_largest_difference() -> None:
    judged = Judged.of(*made_up(200), None)
    few = np.arange(200) < LEAST - 1
    assert difference(judged, Division("few", "", (Group("few", few), Group("rest", ~few))), 1) is None


@pytest.fixture(scope="module")
def grey() -> FaceSet:
    """100 pictures, each brighter than the one before, contrast falling."""
    level = np.linspace(40, 220, 100)
    stripes = np.where(np.arange(48) % 2 == 0, 1.0, -1.0)
    pixels = np.rint(level[:, None, None] + (30 - level / 10)[:, None, None] * stripes[None, None, :])
    shape = np.broadcast_to(pixels, (100, 48, 48)).clip(0, 255).astype(np.uint8)
    return FaceSet(np.ascontiguousarray(shape), np.arange(100) % 7, np.zeros((100, 7), np.float32), np.full(100, -1))


def test_brightness_and_contrast_come_in_fifths(grey: FaceSet) -> None:
    brightness, contrast = divisions(grey, None)
    assert [int(group.members.sum()) for group in brightness.groups] == [20] * 5
    assert brightness.groups[0].members[:20].all()
    assert brightness.groups[-1].members[-20:].all()
    assert brightness.groups[0].low == pytest.approx(40, abs=1)
    assert contrast.groups[0].members[-15:].all()
    for division in (brightness, contrast):
        np.testing.assert_array_equal(np.sum([group.members for group in division.groups], axis=0), 1)


@pytest.mark.parametrize(("off", "group"), [(0.0, 0), (0.1, 1), (-0.1, 1), (0.2, 2), (0.3, 3)])
def test_pose_is_that_of_the_surest_face(grey: FaceSet, off: float, group: int) -> None:
    """``off`` is in eyes' distances, the groups' bounds are in halves of them."""
    *_, tilt, turn, landmarks = divisions(grey, Landmarks(off, tilt=-7))
    seen = grey.pixels.mean(axis=(1, 2)) >= 100
    assert turn.groups[group].members.sum() == pytest.approx(seen.sum(), abs=1)
    assert tilt.groups[2].members.sum() == turn.groups[group].members.sum()
    assert turn.without == tilt.without == 100 - turn.groups[group].members.sum()
    assert [int(part.members.sum()) for part in landmarks.groups] == [100 - turn.without, turn.without]


def test_where_no_face_is_found_there_is_no_pose(grey: FaceSet) -> None:
    found = poses(Landmarks(0.25), grey)
    assert np.isnan(found.turn[:30]).all()
    assert found.turn[-1] == pytest.approx(0.5, abs=1e-3)
    assert found.tilt[-1] == pytest.approx(0, abs=1e-3)


def test_a_turn_is_judged_as_the_device_does() -> None:
    for nose, facing in ((0.27, True), (0.28, False), (-0.28, False)):
        landmarks = ((0.0, 0.0), (1.0, 0.0), (0.5 + nose, 0.5), (0.0, 1.0), (1.0, 1.0))
        assert turn_of(landmarks) == pytest.approx(2 * nose)
        assert is_facing(landmarks) is facing
    assert turn_of(((1.0, 1.0),) * 5) == math.inf


def test_what_is_measured_is_what_the_device_answers() -> None:
    """Prior, temperature by face and refusal included: the shipped model on random crops."""
    crops = np.random.default_rng(5).integers(0, 256, (12, 48, 48), dtype=np.uint8)
    faces = FaceSet(crops, np.arange(12) % 7, np.zeros((12, 7), np.float32), np.full(12, -1))
    subject = open_subject(packaged_model())
    found = answers(subject, faces)
    assert found is not None
    device = LiteRtClassifier(packaged_model(), head="fer2013")
    said = [list(scores) for scores in device.classify(list(crops))]
    np.testing.assert_allclose(found.probabilities["fer2013"], said, atol=1e-6)
    made = load(packaged_model())
    assert made.refusal is not None
    assert found.refused is not None
    assert subject.signs is not None
    below = evidence(made.refusal, subject.signs(crops)) < 0
    assert found.refused.tolist() == below.tolist()
    assert set(found.judged(faces)) == {"fer2013"}  # there are no votes


@pytest.fixture
def plain_model(tmp_path: Path) -> Path:
    """The shipped model with a manifest that has neither prior nor certainty nor refusal."""
    path = tmp_path / "models" / packaged_model().name
    path.parent.mkdir()
    shutil.copy(packaged_model(), path)
    manifest: dict[str, Any] = json.loads(manifest_path(packaged_model()).read_text())
    manifest.pop("refusal", None)
    for output in manifest["outputs"]:
        output["prior"] = output["certainty"] = None
    manifest_path(path).write_text(json.dumps(manifest))
    return path


def test_a_model_without_prior_certainty_and_refusal(plain_model: Path, tiny_data: Path) -> None:
    faces = datasets.load(tiny_data, "PublicTest")
    found = answers(open_subject(plain_model), faces)
    assert found is not None
    assert found.refused is None
    measured = groups(found, faces, divisions(faces, None), QUICK)
    one = measured["divisions"][0]["groups"][0]["heads"]["consensus"]
    assert one["refused"] is None
    assert any(line.startswith("pose: no detector") for line in measured["not_measured"])


def test_every_figure_is_printed_and_drawn(tiny_data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("matplotlib", reason="matplotlib is missing: pip install -e '.[converter]'")
    command = ["evaluate", "--model", str(packaged_model()), "--data", str(tiny_data), "--no-recurring", "--groups"]
    assert main([*command, "--out", str(tmp_path)]) == 0
    printed = capsys.readouterr().out
    assert "prior audience" in printed
    assert "refusal below an evidence of" in printed
    assert f"wrong with a confidence of {MIN_CONFIDENCE:.0%}" in printed
    assert "it is not skin colour" in printed
    assert "glasses, beards" in printed
    assert (tmp_path / "groups.png").read_bytes().startswith(b"\x89PNG")
    found = json.loads((tmp_path / "results.json").read_text())
    assert [division["name"] for division in found["groups"]["divisions"]] == ["brightness", "contrast"]
    for head in ("fer2013", "consensus"):
        assert sum(group["heads"][head]["n"] for group in found["groups"]["divisions"][0]["groups"]) == 21
        for line in group_tables.figures(found, head).splitlines():
            assert line in printed
    assert main([*command, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["device"] == found["device"]


@pytest.mark.parametrize(
    ("command", "code", "problem"),
    [
        ("evaluate --detector FILE", 2, "--detector gives the poses of --groups"),
        ("evaluate --groups --detector FILE", 4, "cannot read it as a face detector"),
        ("evaluate --groups --detector none.onnx", 2, "does not exist"),
        ("card --detector FILE", 4, "cannot read it as a face detector"),
    ],
)
def test_a_detector_that_cannot_be_used_is_refused(
    command: str, code: int, problem: str, *, tiny_data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "damaged.onnx").write_bytes(b"no network")
    words = [str(tmp_path / "damaged.onnx") if word == "FILE" else word for word in command.split()]
    assert main([*words, "--model", str(packaged_model()), "--data", str(tiny_data)]) == code
    error = capsys.readouterr().err
    assert problem in error
    assert "Traceback" not in error


def test_a_checkpoint_gives_no_devices_answers(
    two_epochs: Path, tiny_data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    checkpoint = str(two_epochs / "last.ckpt")
    assert main(["evaluate", "--model", checkpoint, "--data", str(tiny_data), "--no-recurring", "--groups"]) == 4
    assert "give the .tflite made from it" in capsys.readouterr().err


def test_yunets_landmarks_give_pose_and_mirror_image(
    yunet_file: Path, portrait: NDArray[np.uint8], portrait_face: Box
) -> None:
    crop, tilted = (crop_face(portrait, portrait_face, margin=0.1, size=48, roll=-degrees) for degrees in (0.0, 25.0))
    pixels = np.stack([crop, crop[:, ::-1], tilted, tilted[:, ::-1], np.full((48, 48), 128, np.uint8)])
    names = np.array(list("abcde"), np.str_)
    found = poses(open_detector(yunet_file), FaceSet.of(pixels, np.zeros(5, np.int64), names))
    assert np.isnan(found.tilt).tolist() == [False] * 4 + [True]
    np.testing.assert_allclose(found.tilt[:4:2], -found.tilt[1:4:2], atol=4)
    np.testing.assert_allclose(found.turn[:4:2], -found.turn[1:4:2], atol=0.25)
    assert found.tilt[2] > found.tilt[0] + 2, "clockwise is positive"
