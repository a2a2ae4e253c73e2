"""A tiny run through every step: train, stop and go on, quantise, load on the device's runtime, evaluate."""

from __future__ import annotations

import csv
import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from converter.cli import main
from edge.core.errors import ModelError
from edge.inference.manifest import load, manifest_path, verify
from edge.inference.preprocess import probability_step
from edge.vision.litert import LiteRtClassifier

if TYPE_CHECKING:
    from pathlib import Path

for package in ("torch", "lightning", "torchmetrics", "litert_torch", "ai_edge_quantizer", "matplotlib"):
    pytest.importorskip(package, reason=f"{package} is missing: pip install -e '.[converter]'")

pytestmark = pytest.mark.filterwarnings("ignore")  # other libraries' words about their own insides

PNG = b"\x89PNG"


@pytest.fixture(scope="module")
def run_folder(tiny_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two epochs of the narrow network."""
    out = tmp_path_factory.mktemp("run")
    assert main(training(tiny_data, out)) == 0
    return out


def training(data: Path, out: Path) -> list[str]:
    options = ["--architecture", "plain-narrow", "--batch-size", "16", "--epochs", "2"]
    return ["train", "--data", str(data), "--out", str(out), *options]


@pytest.fixture(scope="module")
def model(run_folder: Path, tiny_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("models") / "tiny.tflite"
    command = ["quantize", "--checkpoint", str(run_folder / "last.ckpt"), "--data", str(tiny_data), "--out", str(out)]
    assert main([*command, "--per-class", "4", "--crop-margin", "0.05"]) == 0
    return out


def test_a_stopped_run_goes_on_to_the_very_same_weights(
    run_folder: Path, tiny_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import torch

    from converter.training.history import History

    def pull_the_plug(_: object, trainer: Any, *__: object) -> None:
        if trainer.current_epoch == 1:
            raise InterruptedError

    with monkeypatch.context() as patched:
        patched.setattr(History, "on_train_batch_end", pull_the_plug)
        with pytest.raises(InterruptedError):
            main(training(tiny_data, tmp_path))
    assert main(training(tiny_data, tmp_path)) == 0
    first, second = (
        torch.load(folder / "last.ckpt", weights_only=True)["state_dict"] for folder in (run_folder, tmp_path)
    )
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_a_run_of_another_recipe_is_not_mixed_in(
    run_folder: Path, tiny_data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*training(tiny_data, run_folder), "--seed", "2"]) == 4
    assert "last.ckpt: has seed 1, not 2: choose another --out" in capsys.readouterr().err


def test_training_draws_its_curves(run_folder: Path) -> None:
    rows = list(csv.DictReader((run_folder / "history.csv").open()))
    assert [int(row["epoch"]) for row in rows] == [1, 2]
    assert all(float(row["train_loss"]) > 0 and 0 <= float(row["val_fer2013"]) <= 1 for row in rows)
    assert (run_folder / "curves.png").read_bytes().startswith(PNG)
    assert {"best.ckpt", "last.ckpt"} <= {path.name for path in run_folder.iterdir()}


def test_the_model_loads_and_its_manifest_is_its_own(model: Path) -> None:
    manifest = load(model)
    assert verify(manifest, model)
    assert manifest.input.crop_margin == 0.05
    assert manifest.input.scale == pytest.approx(1 / 255, rel=1e-6)
    assert manifest.input.zero_point == -128
    assert manifest.training.command == (
        "face-convert train --data DIR --out RUN --architecture plain-narrow --epochs 2 --batch-size 16"
    )
    assert manifest.training.recipe["checkpoint_epoch"] == 2
    assert manifest.training.quantization["calibration_pictures"] == 28
    assert {(score.head, score.precision, score.n) for score in manifest.scores} == {
        (head, precision, 21) for head in ("fer2013", "consensus") for precision in ("int8", "float")
    }
    assert [path.name for path in sorted(model.parent.iterdir())] == ["tiny.json", "tiny.tflite"]


def test_the_int8_model_follows_the_float_network(model: Path, run_folder: Path) -> None:
    from converter.runner import ModelRunner
    from converter.training import checkpoint

    pixels = np.random.default_rng(5).integers(0, 256, (16, 48, 48), dtype=np.uint8)
    trained = checkpoint.load(run_folder / "last.ckpt").logits(pixels)
    for head, logits in ModelRunner(model).logits(pixels).items():
        span = np.ptp(trained[head])
        assert np.abs(logits - trained[head]).max() <= 0.1 * span + 2 * load(model).output(head).scale


def test_no_output_step_moves_a_probability_beyond_half_a_point(model: Path) -> None:
    for output in load(model).outputs:
        assert probability_step(output.scale, temperature=output.temperature) <= 0.005


def test_the_manifest_says_how_far_int8_strays(model: Path) -> None:
    for head, found in load(model).training.quantization["against_float"].items():
        assert head in {"fer2013", "consensus"}
        assert 0 <= found["mean_shift"] <= found["largest_shift"] < 0.1
        assert 0.5 < found["agreement"] <= 1


def test_a_network_of_one_head_makes_a_model_of_one_head(
    tiny_data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["train", "--data", str(tiny_data), "--out", str(tmp_path), "--architecture", "baseline_2023"]
    assert main([*command, "--batch-size", "16", "--epochs", "1"]) == 0
    out = tmp_path / "one.tflite"
    command = ["quantize", "--checkpoint", str(tmp_path / "last.ckpt"), "--data", str(tiny_data), "--out", str(out)]
    assert main([*command, "--per-class", "4"]) == 0
    assert [output.head for output in load(out).outputs] == ["fer2013"]
    (scores,) = LiteRtClassifier(out, head="fer2013").classify([np.zeros((48, 48), np.uint8)])
    assert sum(scores) == pytest.approx(1)
    with pytest.raises(ModelError, match="it has fer2013"):
        LiteRtClassifier(out, head="consensus")
    capsys.readouterr()


def test_the_graph_holds_only_what_small_cores_run_fast(model: Path) -> None:
    from converter.runner import interpreter

    operations = {str(operation["op_name"]) for operation in interpreter(model.read_bytes())._get_ops_details()}
    assert operations <= {"CONV_2D", "DEPTHWISE_CONV_2D", "MAX_POOL_2D", "MEAN", "FULLY_CONNECTED", "DELEGATE"}


@pytest.fixture
def files(model: Path, run_folder: Path) -> dict[str, Path]:
    return {"tflite": model, "ckpt": run_folder / "best.ckpt"}


@pytest.mark.parametrize("kind", ["tflite", "ckpt"])
def test_evaluate_measures_and_draws(
    kind: str, files: dict[str, Path], tiny_data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = files[kind]
    options = ["--model", str(file), "--data", str(tiny_data), "--split", "PrivateTest", "--out", str(tmp_path)]
    assert main(["evaluate", *options, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["split"] == "PrivateTest"
    assert found["precision"] == ("int8" if kind == "tflite" else "float")
    assert [head["head"] for head in found["heads"]] == ["fer2013", "consensus"]
    assert all(head["n"] == 21 and np.sum(head["confusion"]) == 21 for head in found["heads"])
    drawn = sorted(path.name for path in tmp_path.iterdir())
    plots = [f"{plot}-{head}.png" for plot in ("confusion", "reliability") for head in ("consensus", "fer2013")]
    assert drawn == sorted([*plots, "certainty-consensus.png", "results.json"])
    assert main(["evaluate", *options]) == 0
    assert "consensus head against FER+ majority labels, n=21" in capsys.readouterr().out


def test_without_votes_only_the_original_labels_count(
    model: Path, tiny_data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "fer2013.csv").write_bytes((tiny_data / "fer2013.csv").read_bytes())
    assert main(["evaluate", "--model", str(model), "--data", str(tmp_path), "--json"]) == 0
    assert [head["head"] for head in json.loads(capsys.readouterr().out)["heads"]] == ["fer2013"]


def test_quantising_twice_gives_the_same_bytes(model: Path, run_folder: Path, tiny_data: Path, tmp_path: Path) -> None:
    again = tmp_path / "tiny.tflite"
    command = ["quantize", "--checkpoint", str(run_folder / "last.ckpt"), "--data", str(tiny_data)]
    assert main([*command, "--out", str(again), "--per-class", "4", "--crop-margin", "0.05"]) == 0
    assert again.read_bytes() == model.read_bytes()


def test_the_device_runs_it(model: Path) -> None:
    (scores,) = LiteRtClassifier(model).classify([np.zeros((48, 48), np.uint8)])
    assert sum(scores) == pytest.approx(1)


def test_a_model_whose_tensors_are_float_is_refused(model: Path, run_folder: Path, tmp_path: Path) -> None:
    from hashlib import sha256

    from converter.quantization import quantize
    from converter.training import checkpoint

    content = quantize.to_float(checkpoint.load(run_folder / "last.ckpt").network)
    path = tmp_path / "tiny.tflite"
    path.write_bytes(content)
    text = json.loads(manifest_path(model).read_text()) | {"sha256": sha256(content).hexdigest()}
    manifest_path(path).write_text(json.dumps(text))
    with pytest.raises(ModelError, match="input: expected int8, found float32"):
        LiteRtClassifier(path)


@pytest.mark.parametrize("content", [None, b"", b"no checkpoint", b"PK\x03\x04"])
def test_what_is_no_checkpoint_is_one_line(
    content: bytes | None, tiny_data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "x.ckpt"
    if content is not None:
        path.write_bytes(content)
    assert main(["evaluate", "--model", str(path), "--data", str(tiny_data)]) == 4
    error = capsys.readouterr().err
    assert error.startswith("face-convert: error: ")
    assert str(path) in error
    assert error.count("\n") == 1


def test_an_unknown_architecture_names_the_known_ones(
    tiny_data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["train", "--data", str(tiny_data), "--out", str(tmp_path), "--architecture", "huge"]) == 4
    assert "unknown architecture 'huge': expected one of baseline_2023, face2021, " in capsys.readouterr().err
