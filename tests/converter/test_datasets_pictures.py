from __future__ import annotations

import json
from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest

from converter import datasets
from converter.cli import main
from converter.datasets import splits
from converter.datasets.drops import FILE
from edge.core.errors import InputError
from edge.inference.manifest import packaged_model

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def draw(path: Path, level: int = 90, size: tuple[int, int] = (48, 48)) -> Path:
    """A bright disc, off centre, on a grey ground."""
    path.parent.mkdir(parents=True, exist_ok=True)
    picture = np.full(size, level, np.uint8)
    cv2.circle(picture, (size[1] // 3, size[0] // 3), size[0] // 6, 255, -1)
    assert cv2.imwrite(str(path), picture)
    return path


@pytest.fixture
def drawn(tmp_path: Path) -> Callable[..., Path]:
    """Draws pictures of these names and gives their folder."""

    def make(*names: str) -> Path:
        for number, name in enumerate(names):
            draw(tmp_path / name, 20 + 10 * number % 200)
        return tmp_path

    return make


def test_a_copy_of_fer2013_keeps_its_splits_by_file_name(drawn: Callable[..., Path]) -> None:
    folder = drawn(
        "train/angry/Training_1.jpg",
        "train/happy/Training_2.jpg",
        "test/angry/PublicTest_3.jpg",
        "test/angry/PrivateTest_4.jpg",
        "test/happy/PublicTest_5.jpg",
    )
    found = datasets.load_splits(folder)
    names = {split: faces.names.tolist() for split, faces in found.items()}
    assert names["PublicTest"] == ["test/angry/PublicTest_3.jpg", "test/happy/PublicTest_5.jpg"]
    assert names["PrivateTest"] == ["test/angry/PrivateTest_4.jpg"]
    assert found["Training"].labels.tolist() == [0, 3]
    assert found["PublicTest"].labels.tolist() == [0, 3]


def test_ck_is_in_one_piece_and_contempt_is_counted(drawn: Callable[..., Path]) -> None:
    classes = ("anger", "contempt", "disgust", "fear", "happy", "sadness", "surprise")
    folder = drawn(*(f"CK+48/{name}/S010_004_{i}.png" for name in classes for i in range(2)))
    faces = datasets.load(folder, "All")
    assert faces.labels.tolist() == [0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5]
    assert faces.left_out == {"contempt": 2}
    assert faces.names[0] == "anger/S010_004_0.png"
    with pytest.raises(datasets.MissingSplitError, match=r"in one piece, with no split Training: .* --split All"):
        datasets.load(folder, "Training")


def test_mma_has_three_splits_and_any_size(tmp_path: Path) -> None:
    root = tmp_path / "MMAFEDB"
    for split in ("train", "valid", "test"):
        for name in ("angry", "neutral"):
            draw(root / split / name / "a.jpg", size=(96, 96))
    draw(root / "test" / "neutral" / "b.PNG", size=(60, 40))
    cv2.imwrite(str(root / "test" / "neutral" / "c.png"), np.full((50, 50, 3), (255, 0, 0), np.uint8))
    (root / "test" / "neutral" / "Thumbs.db").write_bytes(b"junk")
    (root / "test" / "neutral" / ".hidden.png").write_bytes(b"junk")
    found = datasets.load_splits(tmp_path)
    assert {split: len(faces) for split, faces in found.items()} == {"Training": 2, "PublicTest": 2, "PrivateTest": 4}
    faces = found["PrivateTest"]
    assert faces.labels.tolist() == [0, 6, 6, 6]
    assert faces.pixels.dtype == np.uint8
    for picture in faces.pixels[:2]:
        assert picture[16, 16] > 250
        assert abs(int(picture[40, 40]) - 90) < 3
    bright = faces.pixels[2] > 200
    assert abs(int(bright.any(axis=0).sum()) - int(bright.any(axis=1).sum())) <= 1  # a disc stays round
    assert np.abs(faces.pixels[3].astype(int) - 29).max() <= 1  # blue's weight in grey is 0.114


@pytest.mark.parametrize("content", [b"", b"not a picture"])
def test_a_picture_that_cannot_be_decoded_is_named(drawn: Callable[..., Path], content: bytes) -> None:
    folder = drawn("angry/a.png", "happy/b.png")
    (folder / "happy" / "bad.png").write_bytes(content)
    with pytest.raises(InputError, match=r"happy/bad.png: is no picture that can be decoded; repair or remove it"):
        datasets.load(folder, "All")


def test_an_unknown_class_is_named(drawn: Callable[..., Path]) -> None:
    folder = drawn("train/angry/a.png", "train/happy/b.png", "train/bored/c.png")
    with pytest.raises(InputError, match=r"train/bored: unknown class: expected folders called angry, "):
        datasets.load(folder, "Training")


def test_an_unknown_class_gets_a_suggestion(drawn: Callable[..., Path]) -> None:
    folder = drawn("angry/a.png", "happy/b.png", "suprise/c.png")
    with pytest.raises(InputError, match=r"suprise: unknown class: .*surprised.*; did you mean surprise\?"):
        datasets.load(folder, "All")


@pytest.mark.parametrize("place", ["", "train/", "outer/inner/"])
def test_folders_of_other_classes_are_named(drawn: Callable[..., Path], place: str) -> None:
    folder = drawn(*(f"{place}{name}/a.png" for name in ("positive", "neutral", "negative")))
    with pytest.raises(InputError, match=r": negative, positive: unknown classes|/negative, train/positive: unknown"):
        datasets.load(folder, "Training")


def test_folders_in_folders_are_found(drawn: Callable[..., Path]) -> None:
    folder = drawn("archive/CK+48/angry/a.png", "archive/CK+48/happy/b.png")
    assert len(datasets.load(folder, "All")) == 2


@pytest.mark.parametrize(
    ("names", "empty", "words"),
    [
        ([], "angry", "holds no pictures"),
        (["train/angry/a.png", "train/sad/b.png"], "valid/angry", "valid: holds no pictures (.bmp, "),
    ],
)
def test_folders_without_pictures_are_refused(
    drawn: Callable[..., Path], names: list[str], empty: str, words: str
) -> None:
    folder = drawn(*names)
    for name in (empty, empty.replace("angry", "happy")):
        (folder / name).mkdir(parents=True, exist_ok=True)
        (folder / name / "a.heic").write_bytes(b"")
    with pytest.raises(InputError, match="holds no pictures") as caught:
        datasets.load_splits(folder)
    assert words in str(caught.value)


def test_a_class_without_pictures_is_named_and_passed_over(drawn: Callable[..., Path]) -> None:
    folder = drawn("angry/a.png", "happy/b.png")
    (folder / "fear").mkdir()
    (folder / "sad").mkdir()
    (folder / "sad" / "a.heic").write_bytes(b"")
    faces = datasets.load(folder, "All")
    assert faces.origin is not None
    assert faces.origin.problems == ("fear: holds no pictures", "sad: holds no pictures (1 files of other kinds)")


def test_a_few_damaged_pictures_are_left_out_by_name(drawn: Callable[..., Path]) -> None:
    folder = drawn(*(f"{name}/{row:03}.png" for name in ("angry", "happy") for row in range(100)))
    (folder / "angry" / "007.png").write_bytes(b"junk")
    (folder / "happy" / "099.png").write_bytes(b"")
    faces = datasets.load(folder, "All")
    assert len(faces) == len(faces.names) == len(faces.labels) == 198
    assert faces.left_out == {"unreadable": 2}
    assert [name.removeprefix(f"{folder}/") for name in faces.unreadable] == ["angry/007.png", "happy/099.png"]
    assert faces.rows[6:8].tolist() == [6, 8]
    assert faces.names[6:8].tolist() == ["angry/006.png", "angry/008.png"]
    (folder / "happy" / "001.png").write_bytes(b"junk")
    with pytest.raises(InputError, match=r"3 of 200 pictures cannot be read, which is more than 1%: .*angry/007.png"):
        datasets.load(folder, "All")


def test_jaffe_by_file_names(tmp_path: Path) -> None:
    names = ("KA.AN1.39", "KA.DI2.43", "KA.FE3.47", "KL.HA1.158", "KL.SA2.162", "KL.SU1.164", "KL.NE3.169")
    for name in names:
        draw(tmp_path / "jaffe" / f"{name}.tiff", size=(256, 256))
    faces = datasets.load(tmp_path, "All")
    assert dict(zip(faces.names.tolist(), faces.labels.tolist(), strict=True)) == {
        f"{name}.tiff": label for label, name in enumerate(names)
    }
    assert faces.pixels[0][16, 16] > 250
    draw(tmp_path / "jaffe" / "KA.XX1.39.tiff", size=(256, 256))
    with pytest.raises(InputError, match=r"KA.XX1.39.tiff: expected a name such as KA.AN1.39.tiff"):
        datasets.load(tmp_path, "All")


def test_what_is_no_data_set_says_what_was_looked_for(tmp_path: Path) -> None:
    draw(tmp_path / "holiday.png")
    for path in (tmp_path, tmp_path / "holiday.png"):
        with pytest.raises(InputError, match=r"looked for fer2013.csv, .* folders called angry, .*KA.AN1.39.tiff"):
            datasets.load(path, "Training")
    with pytest.raises(InputError, match="does not exist; give the folder of the data set with --data"):
        datasets.load(tmp_path / "none", "Training")


def test_votes_go_with_csv_files_only(drawn: Callable[..., Path], tiny_data: Path) -> None:
    folder = drawn("angry/a.png", "happy/b.png")
    with pytest.raises(InputError, match="votes go with the rows of FER2013's CSV files"):
        datasets.load(folder, "All", votes=tiny_data / "fer2013new.csv")


def test_rows_to_drop_work_for_folders_too(drawn: Callable[..., Path]) -> None:
    folder = drawn(
        "train/angry/a.png", "train/angry/b.png", "train/happy/c.png", "valid/angry/d.png", "valid/sad/e.png"
    )
    (folder / FILE).write_text("1\n")
    training = datasets.load(folder, "Training")
    assert training.names.tolist() == ["train/angry/a.png", "train/happy/c.png"]
    assert training.rows.tolist() == [0, 2]
    assert training.left_out == {"rows to drop": 1}
    whole = datasets.load(folder, "Training", drop_duplicates=False)
    assert len(whole) == 3
    assert len(datasets.without_listed(folder, whole)) == 2


def test_every_split_has_a_name_of_its_own() -> None:
    assert len(set(splits.SPLITS)) == 5
    assert set(splits.FOLDER_SPLITS.values()) < set(splits.SPLITS)


@pytest.mark.parametrize(("place", "split"), [("", "All"), ("test/", "PrivateTest")])
def test_evaluate_measures_data_that_has_nothing_to_train_on(
    drawn: Callable[..., Path], capsys: pytest.CaptureFixture[str], place: str, split: str
) -> None:
    pytest.importorskip("ai_edge_litert", reason="measuring needs ai-edge-litert")
    folder = drawn(*(f"{place}{name}/{i}.png" for name in ("angry", "happy", "neutral") for i in range(2)))
    options = ["--model", str(packaged_model()), "--data", str(folder), "--split", split, "--json"]
    assert main(["evaluate", *options]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["recurrence"] is None
    assert [(head["head"], head["n"]) for head in found["heads"]] == [("fer2013", 6)]


def test_evaluate_says_that_unlabelled_pictures_cannot_be_measured(
    tmp_path: Path, picture_row: Callable[..., str], capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("ai_edge_litert", reason="measuring needs ai-edge-litert")
    (tmp_path / "test.csv").write_text("pixels\n" + picture_row(0, "").split(",")[1] + "\n")
    assert main(["evaluate", "--model", str(packaged_model()), "--data", str(tmp_path / "test.csv")]) == 4
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert "have no labels, so that there is no split PublicTest to measure or choose by" in error
