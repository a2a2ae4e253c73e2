"""Three classes of one's own from pictures to the device: trained, quantised, measured, run, read back, refused."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import pytest

from converter.cli import main
from edge import config as configuration
from edge.core.events import Aggregate, Event, EventType, Info, State
from edge.core.labels import LabelSet
from edge.inference import manifest as manifests
from edge.runtime import build
from edge.sinks.memory import MemorySink
from edge.vision.litert import LiteRtClassifier

if TYPE_CHECKING:
    from pathlib import Path

for package in ("torch", "lightning", "torchmetrics", "litert_torch", "ai_edge_quantizer", "matplotlib"):
    pytest.importorskip(package, reason=f"{package} is missing: pip install -e '.[converter]'")

pytestmark = pytest.mark.filterwarnings("ignore")  # other libraries' words about their own insides

THREE = ("positive", "neutral", "negative")
MAPPING = """
[classes.positive]
from = ["level"]
word = "content"
[classes.neutral]
[classes.negative]
from = ["upright", "sadness"]
"""
FOLDERS = {"level": "level", "neutral": "chequered", "upright": "upright", "sad": "upright"}
SMALL = "plain:8/8"


def picture(kind: str, seed: int) -> np.ndarray:
    """Stripes, level or upright, or chequers, all as bright on the whole."""
    y, x = np.mgrid[0:48, 0:48] // 4 % 2
    drawn = 200 * {"level": y, "upright": x, "chequered": x ^ y}[kind]
    noisy: np.ndarray = drawn + np.random.default_rng(seed).integers(0, 40, (48, 48))
    return np.asarray(np.clip(noisy, 0, 255), np.uint8)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Pictures in folders for training and validation."""
    made = tmp_path_factory.mktemp("own")
    for name, kind in FOLDERS.items():
        for number in range(24):
            path = made / "data" / ("train" if number < 16 else "validation") / name / f"{number}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            cv2.imwrite(str(path), picture(kind, len(name) * 100 + number))
    (made / "labels.toml").write_text(MAPPING)
    return made


@pytest.fixture(scope="module")
def run_folder(folder: Path) -> Path:
    options = ["--architecture", SMALL, "--batch-size", "16", "--epochs", "6", "--augmentation", "0"]
    data = ["--data", str(folder / "data"), "--labels", str(folder / "labels.toml")]
    assert main(["train", *data, "--out", str(folder / "run"), *options]) == 0
    return folder / "run"


@pytest.fixture(scope="module")
def model(folder: Path, run_folder: Path) -> Path:
    out = folder / "three.tflite"
    command = ["quantize", "--checkpoint", str(run_folder / "best.ckpt"), "--data", str(folder / "data")]
    assert main([*command, "--out", str(out), "--per-class", "8"]) == 0
    return out


def test_the_manifest_names_the_classes(model: Path) -> None:
    made = manifests.load(model)
    manifests.verify(made, model)
    assert made.labels == THREE
    assert made.label_set == LabelSet.of(THREE, {"positive": {"word": "content"}})
    assert "--labels LABELS" in made.training.command
    assert all(tuple(score.recall) == THREE for score in made.scores)
    assert {output.head for output in made.outputs} == {"fer2013"}


def test_the_network_has_learnt_them(folder: Path, model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for file in (model, folder / "run" / "best.ckpt"):
        capsys.readouterr()
        command = ["evaluate", "--model", str(file), "--data", str(folder / "data"), "--split", "PublicTest", "--json"]
        assert main([*command, "--no-recurring"]) == 0
        found = json.loads(capsys.readouterr().out)
        [head] = found["heads"]
        assert found["data"]["labels"] == {"positive": 8, "neutral": 8, "negative": 16}
        assert (head["n"], len(head["confusion"])) == (32, 3)
        assert tuple(head["recall"]) == tuple(head["interval"]["recall"]) == THREE
        assert head["accuracy"] > 0.9


def test_the_device_reads_them(model: Path, tmp_path: Path) -> None:
    classifier = LiteRtClassifier(model)
    crops = [picture(kind, 7) for kind in ("level", "upright")]
    assert [scores.top for scores in classifier.classify(crops)] == ["positive", "negative"]
    classifier.close()
    memory = MemorySink((Info, State, Event, Aggregate))
    flags: dict[str, Any] = {
        "node.id": "three", "node.state_dir": tmp_path, "source.uri": "virtual:portrait?pace=fast&frames=150",
        "source.width": 640, "source.height": 480, "model.path": model, "privacy.k": 1, "events.aggregate_s": 5,
    }  # fmt: skip
    wiring = build.device(configuration.load(environment={}, flags=flags), extra_sinks=[memory])
    with wiring.resources:
        wiring.device.run()
    assert memory.of(Info)[0].labels == THREE
    shown = [state for state in memory.of(State) if state.scores]
    assert shown
    assert all(tuple(state.scores or ()) == THREE for state in shown)
    changes = [event for event in memory.of(Event) if event.type is EventType.EXPRESSION_CHANGED]
    assert changes
    assert {event.emotion for event in changes} <= set(THREE)


def test_a_run_goes_on_with_its_own_classes_only(
    folder: Path, run_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ["--architecture", SMALL, "--batch-size", "16", "--epochs", "6", "--augmentation", "0"]
    command = ["train", "--data", str(folder / "data"), "--out", str(run_folder), *options]
    other = folder / "other.toml"
    other.write_text(MAPPING.replace('"content"', '"glad"'))
    assert main([*command, "--labels", str(folder / "labels.toml")]) == 0
    capsys.readouterr()
    assert main([*command, "--labels", str(other)]) == 4
    assert "labels" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("mapping", "shape", "why"),
    [
        ('[classes.a]\nfrom = ["level"]\n[classes.b]\nfrom = ["hapy"]\n', SMALL, "unknown class"),
        ('[classes.a]\nfrom = ["level", "neutral", "upright"]\n[classes.fear]\n', SMALL, "nothing for class 'fear'"),
        (MAPPING, "five_layer", "usual seven alone"),
    ],
    ids=["folders", "empty", "network"],
)
def test_what_cannot_be_trained_is_one_line(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], *, mapping: str, shape: str, why: str
) -> None:
    path = tmp_path / "labels.toml"
    path.write_text(mapping)
    command = ["train", "--data", str(folder / "data"), "--labels", str(path), "--out", str(tmp_path / "run")]
    assert main([*command, "--epochs", "1", "--architecture", shape]) == 4
    assert why in capsys.readouterr().err.strip().splitlines()[-1]


def test_other_commands_refuse_them(
    tiny_data: Path, run_folder: Path, model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    answers = ["--out", str(tmp_path / "answers"), "--views", "1", str(run_folder / "best.ckpt")]
    for command in (["crop-margin", "--model", str(model)], ["teach", *answers]):
        capsys.readouterr()
        assert main([*command, "--data", str(tiny_data)]) in {4, 6}
        assert "custom classes" in capsys.readouterr().err.strip().splitlines()[-1]


def test_a_run_may_start_from_the_seven(tiny_data: Path, folder: Path, tmp_path: Path) -> None:
    shape = ["--architecture", SMALL, "--batch-size", "16", "--epochs", "1"]
    assert main(["train", "--data", str(tiny_data), "--out", str(tmp_path / "seven"), *shape]) == 0
    own = ["--data", str(folder / "data"), "--labels", str(folder / "labels.toml"), "--learning-rate", "1e-12"]
    start = ["--start", str(tmp_path / "seven" / "last.ckpt")]
    assert main(["train", *own, "--out", str(tmp_path / "own"), *shape, *start]) == 0
    from converter.training import checkpoint

    seven, three = (checkpoint.load(tmp_path / name / "last.ckpt").network for name in ("seven", "own"))
    assert np.allclose(seven.trunk[0].weight.detach(), three.trunk[0].weight.detach(), atol=1e-6)
    assert three.heads[0].out_features == len(THREE)
