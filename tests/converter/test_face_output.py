"""The output that says whether it is a face: trained, kept, quantised, measured, used by the device."""

from __future__ import annotations

import hashlib
import importlib.util
import json
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import pytest

for package in ("torch", "lightning", "torchmetrics", "matplotlib", "scipy"):
    pytest.importorskip(package, reason=f"{package} is missing: pip install -e '.[converter]'")

import torch

from converter.architectures import build
from converter.architectures.face import FaceLayer, features, with_face
from converter.calibration import non_faces
from converter.calibration.face_output import FaceSettings, train
from converter.calibration.finds import Detections
from converter.calibration.non_faces import NonFaces
from converter.cli import main
from converter.datasets.faces import FaceSet
from converter.training import checkpoint
from converter.training.checkpoint import Trained
from converter.training.recipe import Recipe
from edge.core.contrast import Contrast
from edge.core.errors import InputError, ModelError
from edge.inference.manifest import load, manifest_path

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = pytest.mark.filterwarnings("ignore")  # other libraries' words about their own insides
ARCHITECTURE = "gdconv:8/16"
VOTE_OF_LABEL = (4, 5, 6, 1, 3, 2, 0)
"""Column of each emotion among the votes."""
PICTURES = 20


def gratings(n: int, seed: int) -> np.ndarray:
    """What plays the non-faces: waves across, where the faces' run down."""
    generator = np.random.default_rng(seed)
    _, x = np.mgrid[0:48, 0:48]
    waves = [
        128 + 90 * np.sin(x * generator.uniform(0.5, 0.9) + generator.uniform(0, 6)) + generator.normal(0, 8, x.shape)
        for _ in range(n)
    ]
    return np.clip(np.rint(waves), 0, 255).astype(np.uint8)


def faces(n: int = 200, seed: int = 2) -> FaceSet:
    pixels = gratings(n, seed).transpose(0, 2, 1).copy()
    votes = np.zeros((n, 7), np.float32)
    votes[:, 3] = 1
    return FaceSet(pixels, np.full(n, 3), votes, np.full(n, 3))


def network() -> Trained:
    """An untrained network whose batch norms have the statistics of waves, so that its features say something."""
    torch.manual_seed(1)
    made = build(ARCHITECTURE)
    for module in made.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.momentum = 1.0
    pixels = np.concatenate([faces(32, seed=4).pixels, gratings(32, 5)])
    with torch.no_grad():
        made.train()(torch.from_numpy(pixels).unsqueeze(1).float() / 255)
    return Trained(made.eval(), Recipe(architecture=ARCHITECTURE), 3)


def others(n: int = 100) -> NonFaces:
    digests = [hashlib.sha256(bytes([number])).hexdigest() for number in range(PICTURES)]
    return NonFaces(Detections(gratings(n, 3), np.ones(n), np.arange(n) % PICTURES), digests)


@pytest.fixture(scope="module")
def taught() -> Trained:
    return train(network(), faces(), others(), FaceSettings(faces=150))


def test_it_tells_apart_what_it_never_saw_and_changes_nothing_else(taught: Trained) -> None:
    pixels = np.concatenate([faces(50, seed=8).pixels, gratings(50, 9)])
    shown = torch.from_numpy(pixels).unsqueeze(1).float() / 255
    with torch.inference_mode():
        before, after = network().network(shown), taught.whole(shown)
    assert len(after) == len(before) + 1
    for wanted, found in zip(before, after, strict=False):
        assert torch.equal(wanted, found)
    value = after[-1][:, 0].numpy()
    assert taught.face is not None
    read = features(taught.network, pixels, "pictures")
    np.testing.assert_allclose(value, read @ taught.face.weight + taught.face.bias, rtol=1e-4, atol=1e-4)
    assert (value[:50] > value[50:].max()).mean() > 0.9
    assert taught.whole.head_names == ("fer2013", "consensus", "face")
    assert taught.network.head_names == ("fer2013", "consensus")


def test_the_same_seed_gives_the_same_and_pictures_for_measuring_have_no_part(taught: Trained) -> None:
    known = others()
    kept = known.for_measuring
    assert 0 < len(kept) < len(known.finds)
    assert not set(kept.pictures.tolist()) & set(known.for_training.pictures.tolist())
    crops = known.finds.crops.copy()
    crops[np.isin(known.finds.pictures, kept.pictures)] = 0
    other = NonFaces(Detections(crops, known.finds.scores, known.finds.pictures), known.digests)
    again = train(network(), faces(), other, FaceSettings(faces=150))
    assert taught.face is not None
    assert again.face is not None
    np.testing.assert_array_equal(again.face.weight, taught.face.weight)
    assert again.face.record == taught.face.record
    assert again.face.record["finds"] == len(known.for_training)


def test_rows_voted_no_face_are_non_faces_and_doubtful_ones_neither() -> None:
    data = faces()
    voted = np.zeros((len(data), 3), np.float32)
    voted[:20, 2], voted[20:40, 2] = 0.8, 0.2
    object.__setattr__(data, "other_votes", voted)
    made = train(network(), data, others(), FaceSettings(faces=1000))
    assert made.face is not None
    assert made.face.record["voted_no_face"] == 20
    assert made.face.record["faces"] == 160


def test_without_votes_every_picture_is_a_face() -> None:
    made = train(network(), FaceSet.of(faces().pixels, faces().labels, faces().names), others(), FaceSettings())
    assert made.face is not None
    assert (made.face.record["faces"], made.face.record["voted_no_face"]) == (200, 0)


def test_nothing_to_train_on_is_one_line() -> None:
    with pytest.raises(InputError, match="needs faces and non-faces"):
        train(network(), faces().take(np.arange(0)), others(), FaceSettings())


def test_a_network_without_a_list_of_heads_is_refused() -> None:
    trained = network()
    trained.network.has_separate_heads = False
    with pytest.raises(InputError, match="no list of heads"):
        train(trained, faces(), others(), FaceSettings())


def test_a_checkpoint_keeps_it_and_one_without_is_as_before(taught: Trained, tmp_path: Path) -> None:
    checkpoint.save(tmp_path / "with.ckpt", taught)
    found = checkpoint.load(tmp_path / "with.ckpt")
    assert found.face is not None
    assert taught.face is not None
    np.testing.assert_array_equal(found.face.weight, taught.face.weight)
    assert (found.face.bias, found.face.record) == (taught.face.bias, taught.face.record)
    checkpoint.save(tmp_path / "without.ckpt", network())
    plain = checkpoint.load(tmp_path / "without.ckpt")
    assert plain.face is None
    assert plain.whole is plain.network
    assert plain.fingerprint == found.fingerprint


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda kept: kept.update(weight=torch.zeros(3)), "expected 16 weights, found 3"),
        (lambda kept: kept.update(weight=torch.full((16,), float("nan"))), "not numbers"),
        (lambda kept: kept.update(bias=float("inf")), "not numbers"),
        (lambda kept: kept.update(weight="text"), "cannot be read"),
        (lambda kept: kept.clear(), "cannot be read"),
    ],
)
def test_a_damaged_one_is_one_line(
    taught: Trained, tmp_path: Path, change: Callable[[dict[str, Any]], object], words: str
) -> None:
    path = tmp_path / "made.ckpt"
    checkpoint.save(path, taught)
    content = torch.load(path, weights_only=True)
    change(content["face"])
    torch.save(content, path)
    with pytest.raises(InputError, match=words):
        checkpoint.load(path)


def test_an_average_has_none(taught: Trained, tmp_path: Path) -> None:
    for name in ("one", "two"):
        checkpoint.save(tmp_path / f"{name}.ckpt", taught)
    both = [f"{tmp_path / name}.ckpt=1" for name in ("one", "two")]
    assert main(["average", *both, "--out", str(tmp_path / "made.ckpt")]) == 0
    assert checkpoint.load(tmp_path / "made.ckpt").face is None


def test_a_file_of_non_faces_keeps_everything(tmp_path: Path) -> None:
    path, found = tmp_path / "kept.npz", others()
    non_faces.save(path, found, Contrast())
    again = non_faces.read(path, Contrast())
    np.testing.assert_array_equal(again.finds.crops, found.finds.crops)
    np.testing.assert_array_equal(again.for_measuring.pictures, found.for_measuring.pictures)
    with pytest.raises(InputError, match="corrected otherwise"):
        non_faces.read(path, None)


@pytest.mark.parametrize(
    "change",
    [
        lambda kept: kept.pop("digests"),
        lambda kept: kept.update(crops=kept["crops"][:, :40]),
        lambda kept: kept.update(pictures=kept["pictures"] + PICTURES),
        lambda kept: kept.update(crops=np.array([{}], object)),
    ],
)
def test_a_damaged_file_of_non_faces_is_one_line(tmp_path: Path, change: Callable[[dict[str, Any]], object]) -> None:
    path = tmp_path / "kept.npz"
    non_faces.save(path, others(), None)
    content = dict(np.load(path))
    change(content)
    np.savez(path, **content)
    with pytest.raises(InputError, match="holds no non-faces"):
        non_faces.read(path, None)
    path.write_bytes(b"no archive")
    with pytest.raises(InputError, match="holds no non-faces"):
        non_faces.read(path, None)


def test_the_part_of_a_picture_follows_from_its_content(tmp_path: Path, portrait: np.ndarray) -> None:
    """Other names and other pictures beside it change nothing; the portrait stands for whatever Haar finds."""
    folders = [tmp_path / "one", tmp_path / "two"]
    for folder in folders:
        folder.mkdir()
    cv2.imwrite(str(folders[0] / "b.png"), portrait)
    cv2.imwrite(str(folders[1] / "z.png"), portrait)
    cv2.imwrite(str(folders[1] / "a.png"), np.zeros((60, 60), np.uint8))
    first, second = (non_faces.read(folder, None) for folder in folders)
    assert len(first.finds) == len(second.finds) > 0
    assert len(first.for_training) == len(second.for_training)
    assert [first.digests[0]] == [second.digests[1]]


@pytest.fixture(scope="module")
def data(write_data: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data set whose pictures are waves down and across, so that int8 has room for both."""
    rows, votes = [], []
    for usage, each in (("Training", 35), ("PublicTest", 14)):
        pixels = np.concatenate([faces(each, seed=each).pixels, gratings(each, each)])
        for label, picture in enumerate(pixels):
            rows.append(f"{label % 7},{' '.join(map(str, picture.ravel().tolist()))},{usage}")
            votes.append([10 if column == VOTE_OF_LABEL[label % 7] else 0 for column in range(10)])
    return write_data(tmp_path_factory.mktemp("waves"), rows, votes)


@pytest.fixture(scope="module")
def models(taught: Trained, data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with ``with.tflite`` and ``without.tflite``, of the same network."""
    pytest.importorskip("litert_torch", reason="litert_torch is missing: pip install -e '.[converter]'")
    folder = tmp_path_factory.mktemp("models")
    checkpoint.save(folder / "with.ckpt", taught)
    checkpoint.save(folder / "without.ckpt", network())
    for name in ("with", "without"):
        files = ["--checkpoint", str(folder / f"{name}.ckpt"), "--out", str(folder / f"{name}.tflite")]
        assert main(["quantize", *files, "--data", str(data)]) == 0
    non_faces.save(folder / "kept.npz", others(), Contrast())
    return folder


def test_the_heads_of_the_int8_file_are_the_same_to_the_byte(models: Path, taught: Trained) -> None:
    from converter.quantization.recover import recovered
    from converter.runner import ModelRunner

    pixels = np.concatenate([faces(30, seed=8).pixels, gratings(30, 9)])
    one, two = ModelRunner(models / "with.tflite"), ModelRunner(models / "without.tflite")
    for head, wanted in two.logits(pixels).items():
        np.testing.assert_array_equal(one.logits(pixels)[head], wanted)
    manifest = one.manifest
    assert [output.model_dump(exclude={"name"}) for output in manifest.outputs] == [
        output.model_dump(exclude={"name"}) for output in two.manifest.outputs
    ]
    assert manifest.face is not None
    assert taught.face is not None
    assert manifest.face.training == taught.face.record
    assert (manifest.schema_version, two.manifest.schema_version) == (5, 4)
    assert "face" not in json.loads(manifest_path(models / "without.tflite").read_text())
    value = np.clip(features(taught.network, pixels, "pictures") @ taught.face.weight + taught.face.bias, -8, 7.94)
    assert np.abs(one.signs(pixels)["face"] - value).mean() < 0.4
    again, _ = recovered(models / "with.tflite", faces().pixels)
    assert again.face is not None
    assert np.corrcoef(again.face.weight, taught.face.weight)[0, 1] > 0.999


def test_the_refusal_is_fitted_to_it_and_the_device_uses_it(
    models: Path, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from converter.calibration import calibrate
    from converter.evaluation.deployed import answers
    from converter.evaluation.subject import open_subject
    from converter.runner import ModelRunner
    from edge.models.trial import _run
    from edge.vision.litert import RUNTIMES, LiteRtClassifier

    # Haar finds no faces in gratings
    monkeypatch.setattr(calibrate, "framed", lambda *_: Detections(faces(60, 7).pixels, np.ones(60), np.arange(60)))
    monkeypatch.setattr(calibrate.SMALL.__class__, "crops", lambda _self, some, _contrast: faces(len(some), 6).pixels)
    for name in ("with", "without"):
        words = ["--model", str(models / f"{name}.tflite"), "--non-faces", str(models / "kept.npz")]
        assert main(["calibrate", *words, "--data", str(data)]) == 0
    rule = load(models / "with.tflite").refusal
    other = load(models / "without.tflite").refusal
    assert rule is not None
    assert other is not None
    assert list(rule.weights) == ["face"]
    assert [load(models / f"{name}.tflite").schema_version for name in ("with", "without")] == [5, 4]
    assert "face" not in other.weights
    assert rule.figures["non_faces"] == len(others().for_measuring)
    assert rule.figures["refused"] > 0.9
    assert other.figures["non_faces"] == len(others().finds)
    for name in ("with", "without"):
        subject = open_subject(models / f"{name}.tflite")
        said = answers(subject, faces(20, seed=8))
        assert said is not None
        assert said.refused is not None
        assert said.refused.mean() < 0.2
    crops = [*faces(20, seed=8).pixels, *gratings(20, 9)]
    found = importlib.util.find_spec
    for runtime in (name for name, module in RUNTIMES.items() if found(module.partition(".")[0]) is not None):
        readings = LiteRtClassifier(models / "with.tflite", runtime=runtime).read(crops)
        evidence = np.array([reading.evidence for reading in readings])
        value = ModelRunner(models / "with.tflite").signs(np.array(crops))["face"]
        expected = rule.weights["face"] * np.clip(value, *rule.bounds["face"]) + rule.bias - rule.least
        np.testing.assert_allclose(evidence, expected, atol=1e-3)
        assert (evidence[:20] >= 0).mean() > 0.9
        assert (evidence[20:] < 0).mean() > 0.9
        scores = LiteRtClassifier(models / "without.tflite", runtime=runtime).read(crops)
        assert len(scores) == len(crops)
        assert _run(models / "with.tflite", runtime)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda face: face.update(name="elsewhere"), "expected an output named 'elsewhere'"),
        (lambda face: face.update(windows=2), r"output face: expected shape \(1, 2\)"),
        (lambda face: face.update(scale=1.0), "output face: expected scale 1"),
    ],
)
def test_a_model_whose_face_output_is_another_is_refused(
    models: Path, tmp_path: Path, change: Callable[[dict[str, Any]], object], words: str
) -> None:
    from edge.vision.litert import LiteRtClassifier

    model = tmp_path / "with.tflite"
    model.write_bytes((models / "with.tflite").read_bytes())
    content = json.loads(manifest_path(models / "with.tflite").read_text())
    change(content["face"])
    manifest_path(model).write_text(json.dumps(content))
    with pytest.raises(ModelError, match=words):
        LiteRtClassifier(model)


def test_a_refusal_by_an_output_that_is_not_there_is_refused(models: Path, tmp_path: Path) -> None:
    from edge.vision.litert import LiteRtClassifier

    model = tmp_path / "without.tflite"
    model.write_bytes((models / "without.tflite").read_bytes())
    content = json.loads(manifest_path(models / "without.tflite").read_text())
    content["refusal"] = {"bias": 0, "weights": {"face": 1}, "bounds": {"face": [-8, 8]}, "least": 0}
    manifest_path(model).write_text(json.dumps(content))
    with pytest.raises(ModelError, match=r"refusal.weights: 'face' is not a sign of this model's outputs"):
        LiteRtClassifier(model)


def test_fine_tuning_keeps_it(taught: Trained) -> None:
    from converter.quantization.finetune import FineTuning, fine_tune

    pictures = faces(16).pixels.astype(np.float32) / np.float32(255)
    tuned = fine_tune(taught.whole, faces(64), pictures, FineTuning(1, batch_size=32))
    assert tuned.head_names == ("fer2013", "consensus", "face")
    shown = torch.from_numpy(np.concatenate([faces(20, 8).pixels, gratings(20, 9)])).unsqueeze(1).float() / 255
    with torch.inference_mode():
        value = tuned(shown)[-1][:, 0]
    assert (value[:20] > value[20:].max()).float().mean() > 0.8


def test_onnx_has_it(taught: Trained, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for package in ("onnx", "onnxscript", "onnxruntime"):
        pytest.importorskip(package, reason=f"{package} is missing")
    checkpoint.save(tmp_path / "with.ckpt", taught)
    assert main(["export", "--checkpoint", str(tmp_path / "with.ckpt"), "--out", str(tmp_path / "with.onnx")]) == 0
    assert "outputs fer2013, consensus, face" in capsys.readouterr().out


def test_the_commands_do_the_whole(
    tiny_data: Path, two_epochs: Path, tmp_path: Path, portrait: np.ndarray, capsys: pytest.CaptureFixture[str]
) -> None:
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    for number in range(4):  # what Haar finds here is a face, which does not matter to the command
        cv2.imwrite(str(pictures / f"{number}.png"), np.roll(portrait, 3 * number, axis=1))
    kept, out = tmp_path / "kept.npz", tmp_path / "made.ckpt"
    assert main(["non-faces", "--pictures", str(pictures), "--out", str(kept)]) == 0
    assert "finds in 4 pictures" in capsys.readouterr().out
    words = ["face-output", "--checkpoint", str(two_epochs / "best.ckpt"), "--data", str(tiny_data)]
    assert main([*words, "--non-faces", str(kept), "--out", str(out)]) == 0
    assert "face output from 70 faces" in capsys.readouterr().out
    made, before = checkpoint.load(out), checkpoint.load(two_epochs / "best.ckpt")
    assert made.face is not None
    assert made.fingerprint == before.fingerprint
    assert made.data == before.data
    assert main([*words, "--non-faces", str(kept), "--out", "made.tflite"]) == 2
    assert main(["non-faces", "--pictures", str(pictures), "--out", "kept.zip"]) == 2


def test_a_layer_of_another_network_is_refused() -> None:
    with pytest.raises(InputError, match="expected 16 weights, found 4"):
        with_face(network().network, FaceLayer(np.zeros(4, np.float32), 0.0))
