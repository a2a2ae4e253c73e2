"""A researcher's own data, in each shape that it comes in: trained, converted, measured, and read by the device."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import pytest

from converter import datasets
from converter.cli import main
from converter.cli.data import training_and_validation
from converter.datasets import describe
from converter.datasets.holdout import HoldOut
from converter.datasets.record import checked, difference, record_of
from edge.core.errors import InputError
from edge.core.types import EMOTIONS

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

pytestmark = pytest.mark.filterwarnings("ignore")  # other libraries' words about their own insides

PACKAGES = ("torch", "lightning", "torchmetrics", "litert_torch", "ai_edge_quantizer", "matplotlib", "scipy")
LABELS = [emotion.value for emotion in EMOTIONS]
CK = ("anger", "disgust", "fear", "happy", "sadness", "surprise")
JAFFE = ("AN", "DI", "FE", "HA", "SA", "SU", "NE")
SMALL = ["--architecture", "plain:4/8,8/8", "--epochs", "1", "--batch-size", "16", "--accelerator", "cpu"]
TERMS = "for my own study"


def picture(label: int, seed: int) -> np.ndarray:
    """A grating whose direction follows from the label, at a place and in noise of its own."""
    generator = np.random.default_rng(seed)
    y, x = np.mgrid[0:48, 0:48]
    angle, phase = np.pi * label / 7, generator.uniform(0, 6)
    wave = 90 * np.sin((np.cos(angle) * x + np.sin(angle) * y) / 2 + phase) + 128
    return np.asarray(np.clip(wave + generator.normal(0, 10, wave.shape), 0, 255), np.uint8)


def draw(folder: Path, names: dict[str, int]) -> Path:
    for seed, (name, label) in enumerate(names.items()):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        assert cv2.imwrite(str(path), picture(label, seed))
    return folder


def write_csv(path: Path, rows: Sequence[tuple[int, str]], columns: str) -> None:
    lines = [columns]
    for seed, (label, usage) in enumerate(rows):
        pixels = " ".join(map(str, picture(label, seed).ravel().tolist()))
        lines.append(f"{label},{pixels}" + (f",{usage}" if usage else ""))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n")


def ck(folder: Path) -> Path:
    """CK+48: six emotions and contempt, no neutral, five pictures of each of twelve people."""
    names = {
        f"{CK[number % 6]}/S{person:03}_00{number}_0000001{number}.png": (0, 1, 2, 3, 4, 5)[number % 6]
        for person in range(12)
        for number in range(person, person + 5)
    }
    return draw(folder / "CK+48", names | {"contempt/S001_009_00000019.png": 6})


def jaffe(folder: Path) -> Path:
    people = ("KA", "KL", "KM", "KR", "MK")
    names = [f"{person}.{code}{n}.{n}.tiff" for person in people for code in JAFFE for n in (1, 2)]
    return draw(folder / "jaffe", {name: JAFFE.index(name.split(".")[1][:2]) for name in names})


def one_piece(folder: Path) -> Path:
    return draw(folder, {f"{LABELS[n % 7]}/{n:02}.png": n % 7 for n in range(70)})


def train_and_test(folder: Path) -> Path:
    names = {f"{part}/{LABELS[n % 7]}/{n:02}.png": n % 7 for part, k in (("train", 56), ("test", 14)) for n in range(k)}
    return draw(folder, names)


def kaggle(folder: Path) -> Path:
    write_csv(folder / "train.csv", [(n % 7, "") for n in range(56)], "emotion,pixels")
    test = [" ".join(map(str, picture(n % 7, 99 + n).ravel().tolist())) for n in range(7)]
    (folder / "test.csv").write_text("\n".join(["pixels", *test]) + "\n")
    return folder


SHAPES = {
    "ck": (ck, 60, "whole subjects, of 12"),
    "jaffe": (jaffe, 70, "whole subjects, of 5"),
    "one piece": (one_piece, 70, "drawn by emotion"),
    "train and test": (train_and_test, 56, "drawn by emotion"),
    "kaggle": (kaggle, 56, "drawn by emotion"),
}


@pytest.mark.parametrize("shape", SHAPES)
def test_every_shape_gives_pictures_to_learn_from_and_to_choose_by(
    shape: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    make, pictures, words = SHAPES[shape]
    training, validation = training_and_validation(make(tmp_path), None)
    said = capsys.readouterr().err
    assert len(training) + len(validation) == pictures
    assert 0.05 * pictures <= len(validation) <= 0.25 * pictures
    assert f"no validation part of its own: {len(validation)} pictures were held out ({words}; seed 1)" in said
    record = record_of(training, validation)
    assert json.loads(json.dumps(record)) == record == checked(record)
    assert record["splits"]["Training"]["labels"] == training.counts()


@pytest.mark.parametrize("shape", ["jaffe", "train and test", "kaggle"])
def test_every_shape_trains_as_it_comes(shape: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for package in PACKAGES[:3]:
        pytest.importorskip(package, reason=f"{package} is missing: pip install -e '.[converter]'")
    data = SHAPES[shape][0](tmp_path / "data")
    assert main(["train", "--data", str(data), "--out", str(tmp_path / "run"), *SMALL]) == 0
    assert (tmp_path / "run" / "best.ckpt").is_file()
    capsys.readouterr()


class TestWalk:
    """prepare, train, quantize, evaluate, card and the device, on folders of classes without votes or neutral faces."""

    @pytest.fixture(scope="class")
    def data(self, tmp_path_factory: pytest.TempPathFactory) -> Path:
        for package in PACKAGES:
            pytest.importorskip(package, reason=f"{package} is missing: pip install -e '.[converter]'")
        return ck(tmp_path_factory.mktemp("walk"))

    @pytest.fixture(scope="class")
    def run(self, data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
        out = tmp_path_factory.mktemp("run")
        assert main(["train", "--data", str(data), "--out", str(out), "--licence", TERMS, *SMALL]) == 0
        return out

    @pytest.fixture(scope="class")
    def model(self, run: Path, data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
        out = tmp_path_factory.mktemp("model") / "mine.tflite"
        command = ["quantize", "--checkpoint", str(run / "best.ckpt"), "--data", str(data), "--out", str(out)]
        assert main([*command, "--per-class", "4"]) == 0
        return out

    def test_prepare_divides_as_training_does(
        self, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert main(["prepare", "--data", str(data), "--out", str(tmp_path), "--json"]) == 0
        found = json.loads(capsys.readouterr().out)
        training, validation = training_and_validation(data, None)
        assert found["splits"]["Training"]["labels"] == training.counts()
        assert found["splits"]["PublicTest"]["labels"] == validation.counts()
        assert found["splits"]["Training"]["left_out"] == {"contempt": 1}

    def test_the_checkpoint_keeps_what_was_read(self, run: Path, data: Path) -> None:
        from converter.training import checkpoint

        training, validation = training_and_validation(data, None)
        found = checkpoint.load(run / "best.ckpt")
        assert found.head_names == found.recipe.heads == ("fer2013",)
        assert found.data is not None
        assert found.data == record_of(training, validation) | {"licence": TERMS}
        assert found.data["name"] == "CK+48"
        assert found.data["held_out"]["unit"] == "subject"

    def test_the_manifest_says_what_was_read_and_claims_nothing_else(self, model: Path) -> None:
        from edge.inference.manifest import load, manifest_path

        manifest = load(model)
        assert [output.head for output in manifest.outputs] == ["fer2013"]
        assert manifest.training.recipe["heads"] == ["fer2013"]
        assert manifest.training.data["licence"] == TERMS
        assert manifest.data[0] == f"CK+48: folders of classes; licence as given: {TERMS}"
        assert "no picture to train on shows neutral: the network has not learnt it" in manifest.data
        assert any(line.startswith("no validation part of its own: ") for line in manifest.data)
        assert manifest.licence == f"not stated; trained on CK+48: {TERMS}"
        text = manifest_path(model).read_text()
        assert "FER+" not in text
        assert "Goodfellow" not in text
        assert "listed as rows to drop" not in text

    def test_evaluate_measures_what_was_held_out(
        self, model: Path, data: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        _, validation = training_and_validation(data, None)
        capsys.readouterr()
        assert main(["evaluate", "--model", str(model), "--data", str(data), "--json"]) == 0
        found = json.loads(capsys.readouterr().out)
        assert [(head["head"], head["labels"], head["n"]) for head in found["heads"]] == [
            ("fer2013", "the data's own", len(validation))
        ]
        assert found["heads"][0]["recall"]["neutral"] is None
        assert found["certainty"] is None
        assert main(["evaluate", "--model", str(model), "--data", str(data), "--split", "All", "--json"]) == 0
        captured = capsys.readouterr()
        assert json.loads(captured.out)["heads"][0]["n"] == 60
        assert "may have learnt from these pictures" in captured.err

    def test_evaluate_says_what_the_model_lacks(
        self, model: Path, tiny_data: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert main(["evaluate", "--model", str(model), "--data", str(tiny_data), "--no-recurring", "--json"]) == 0
        error = capsys.readouterr().err
        assert "mine.tflite has no consensus head: it was trained without" in error
        assert "was trained without a picture of neutral, which PublicTest has" in error

    def test_the_device_reads_it(self, model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        from edge.cli import main as edge
        from edge.vision.litert import LiteRtClassifier

        network = LiteRtClassifier(model)
        assert network.output.head == "fer2013"
        scores = network.classify([picture(3, seed) for seed in range(5)])
        assert all(sum(each) == pytest.approx(1) for each in scores)
        state = ["--set", f"node.state_dir={tmp_path}"]
        assert edge([*state, "models", "add", "--unsigned", str(model)]) == 0
        assert "head fer2013 is read, the model has no consensus head" in capsys.readouterr().out

    def test_quantize_says_which_heads_and_classes_there_are(
        self, run: Path, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        command = ["quantize", "--checkpoint", str(run / "best.ckpt"), "--data", str(data), "--per-class", "4"]
        licence = ["--model-licence", "CC0"]
        assert main([*command, "--out", str(tmp_path / "again.tflite"), *licence]) == 0
        said = capsys.readouterr().out
        assert "heads: fer2013; no consensus head (no votes in its training data)" in said
        assert "no picture that it was trained on shows neutral" in said
        text = (tmp_path / "again.json").read_text()
        assert json.loads(text)["licence"].startswith("CC0; trained on CK+48")
        assert "other_data" not in text

    def test_a_card_is_written_from_the_record(
        self, model: Path, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        out = tmp_path / "README.md"
        assert main(["card", "--model", str(model), "--data", str(data), "--out", str(out)]) == 0
        capsys.readouterr()
        text = out.read_text()
        assert "$" not in text
        assert f"CK+48: folders of classes; licence as given: {TERMS}" in text
        assert "### `fer2013`, against the data's own labels" in text
        for claim in ("FER2013 (", "FER+", "ten annotators", "`consensus`, ", "web"):
            assert claim not in text, claim
        assert "| neutral | 0 |" in text

    def test_a_resumed_run_refuses_other_data(
        self, run: Path, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        other = ck(tmp_path)
        next((other / "happy").iterdir()).unlink()
        kept = (run / "last.ckpt").read_bytes()
        options = [*SMALL[:3], "2", *SMALL[4:], "--licence", TERMS]
        assert main(["train", "--data", str(other), "--out", str(run), *options]) == 4
        error = capsys.readouterr().err.splitlines()[-1]
        assert f"{run / 'last.ckpt'}: belongs to a run on other data: " in error
        assert "has" in error
        assert ", not " in error
        assert "give the same --data, or choose another --out" in error
        assert (run / "last.ckpt").read_bytes() == kept
        assert main(["train", "--data", str(data), "--out", str(run), "--validation-split", "0.3", *options]) == 4
        assert "belongs to a run on other data" in capsys.readouterr().err


def records(folder: Path, *, votes: bool = True) -> dict[str, Any]:
    parts = ("Training", 21), ("PublicTest", 14)
    write_csv(folder / "fer2013.csv", [(n % 7, u) for u, k in parts for n in range(k)], "emotion,pixels,Usage")
    if votes:
        lines = ["Usage,Image name,neutral,happiness,surprise,sadness,anger,disgust,fear,contempt,unknown,NF"]
        lines += [f"{usage},x.png," + ",".join("10" if c == n % 7 else "0" for c in range(10)) for usage, k in parts
                  for n in range(k)]  # fmt: skip
        (folder / "fer2013new.csv").write_text("\n".join(lines) + "\n")
    found = datasets.load_splits(folder, ("Training", "PublicTest"))
    return record_of(found["Training"], found["PublicTest"])


class TestRecord:
    def test_the_files_that_were_read_are_named(self, tmp_path: Path) -> None:
        (tmp_path / "training_rows_to_drop.txt").write_text("3\n")
        found = records(tmp_path)
        assert [file["name"] for file in found["files"]] == [
            "fer2013.csv",
            "fer2013new.csv",
            "training_rows_to_drop.txt",
        ]
        assert (found["votes"], found["drops"]) == ("fer2013new.csv", "training_rows_to_drop.txt")
        assert found["splits"]["Training"]["left_out"] == {"rows to drop": 1}
        lines = describe.provenance(found)
        assert lines[0] == f"{tmp_path.name}: CSV files in FER2013's layout; licence not stated"
        assert any(line.startswith("left out of training: 1 pictures (listed as rows to drop") for line in lines)
        assert any(line.startswith("votes of fer2013new.csv (20 of the pictures") for line in lines)

    def test_only_published_counts_are_called_fer2013(self, fer2013_folder: Path) -> None:
        training, validation = training_and_validation(fer2013_folder, None)
        lines = describe.provenance(record_of(training, validation))
        assert lines[0].startswith("FER2013 (Goodfellow et al., 2013)")
        assert any("FER+ (Barsoum et al., 2016)" in line for line in lines)
        assert "left out of training: 765 pictures (listed as rows to drop" in "\n".join(lines)
        assert describe.licence(record_of(training, validation), "MIT").startswith("MIT; trained on FER2013 and FER+: ")

    def test_the_same_data_does_not_differ_whatever_it_is_called(self, tmp_path: Path) -> None:
        first, second = records(tmp_path / "a"), records(tmp_path / "b") | {"licence": "another"}
        assert first["sha256"] == second["sha256"]
        assert difference(first, second) == ""

    def test_what_differs_is_named(self, tmp_path: Path) -> None:
        whole, bare = records(tmp_path / "a"), records(tmp_path / "b", votes=False)
        assert difference(whole, bare) == "Training has votes on 0 pictures, not 21"
        (tmp_path / "a" / "training_rows_to_drop.txt").write_text("3\n")
        dropped = records(tmp_path / "a")
        assert difference(whole, dropped) == "Training has 20 pictures, not 21"
        lines = (tmp_path / "b" / "fer2013.csv").read_text().splitlines()
        lines[1] = lines[1].replace(" ", " 1 ", 1).rsplit(" ", 1)[0] + ",Training"
        (tmp_path / "b" / "fer2013.csv").write_text("\n".join(lines) + "\n")
        found = datasets.load_splits(tmp_path / "b", ("Training", "PublicTest"))
        changed = record_of(found["Training"], found["PublicTest"])
        assert difference(bare, changed).startswith("Training has other pictures (SHA-256 ")

    @pytest.mark.parametrize("spoil", ["splits", "sha256", "held_out", "files", "name"])
    def test_a_forged_record_is_one_line(self, spoil: str, tmp_path: Path) -> None:
        values: tuple[Any, ...] = (7, {}, [1])
        for value in values:
            with pytest.raises(InputError, match="its data record cannot be read"):
                checked(records(tmp_path) | {spoil: value})
        rule = {"share": 0.1, "seed": 1, "unit": "picture", "pattern": "", "subjects": 0, "rows": 35}
        for forged in ({"share": "much"}, {"share": 7}, {"seed": -1}, {"pattern": 3}, {"more": 1}):
            with pytest.raises(InputError, match="its data record cannot be read"):
                checked(records(tmp_path) | {"held_out": rule | forged})
        with pytest.raises(InputError, match="its data record cannot be read"):
            checked(records(tmp_path) | {"published": "ImageNet"})
        nothings: tuple[Any, ...] = (None, 3, "text", [])
        for nothing in nothings:
            with pytest.raises(InputError, match="its data record cannot be read"):
                checked(nothing)


def test_pictures_on_both_sides_are_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    places = [f"{part}/{name}" for part in ("train", "val") for name in ("sad", "fear")]
    folder = draw(tmp_path, {f"{place}/{n}.png": 0 for place in places for n in range(8)})
    copied = np.asarray(cv2.imread(str(folder / "train/sad/3.png"), cv2.IMREAD_GRAYSCALE))
    cv2.imwrite(str(folder / "val/fear/5.png"), copied[:, ::-1])
    training_and_validation(folder, None)
    said = capsys.readouterr().err
    assert "1 pictures (val/fear/5.png) of PublicTest are also in Training, the same or mirrored" in said


def test_one_emotion_alone_is_refused(tmp_path: Path) -> None:
    folder = draw(tmp_path, {f"sad/{n}.png": 4 for n in range(20)})
    (folder / "happy").mkdir()
    with pytest.raises(InputError, match=r"all training pictures show sad: training needs two emotions"):
        training_and_validation(folder, None)


def test_too_few_pictures_are_refused_before_anything_is_trained(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("torch", reason="torch is missing: pip install -e '.[converter]'")
    folder = draw(tmp_path / "data", {f"{name}/{n}.png": 0 for name in ("sad", "fear") for n in range(5)})
    assert main(["train", "--data", str(folder), "--out", str(tmp_path / "run"), *SMALL]) == 4
    error = capsys.readouterr().err
    assert "holds 10 pictures and no validation part: at least 12 are needed" in error
    assert not (tmp_path / "run" / "best.ckpt").exists()


def test_the_part_of_an_earlier_run_is_held_out_again(tmp_path: Path) -> None:
    from converter.cli.data import rule_of

    data = ck(tmp_path)
    for rule in (HoldOut(), HoldOut(0.3, 7), HoldOut(0.2, subjects=r"_(00\d)_")):
        first = training_and_validation(data, None, rule)
        again = training_and_validation(data, None, rule_of(record_of(*first)))
        assert again[1].names.tolist() == first[1].names.tolist()
