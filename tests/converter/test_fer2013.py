from __future__ import annotations

import gzip
from typing import TYPE_CHECKING

import numpy as np
import pytest

from converter import datasets
from converter.datasets.greys import parse
from edge.core.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def test_splits_are_kept_apart_and_in_order(tiny_data: Path) -> None:
    for split, n in (("Training", 70), ("PublicTest", 21), ("PrivateTest", 21)):
        faces = datasets.load(tiny_data, split)
        assert len(faces) == n
        assert faces.labels.tolist() == [index % 7 for index in range(n)]
        assert faces.majority.tolist() == faces.labels.tolist()
        assert faces.pixels[6].mean() > faces.pixels[0].mean() + 150


def test_votes_that_name_none_of_the_seven_have_no_majority(
    tmp_path: Path, picture_row: Callable[..., str], write_data: Callable[..., Path]
) -> None:
    votes = [
        [0, 6, 4, 0, 0, 0, 0, 0, 0, 0],  # happy leads
        [0, 5, 5, 0, 0, 0, 0, 0, 0, 0],  # a tie
        [2, 0, 0, 0, 0, 0, 0, 8, 0, 0],  # contempt
        [0, 1, 0, 0, 0, 0, 0, 0, 0, 9],  # no face
    ]
    folder = write_data(tmp_path, [picture_row(0, "Training")] * 4, votes)
    faces = datasets.load(folder, "Training")
    assert faces.majority.tolist() == [3, -1, -1, -1]
    assert faces.votes[0].tolist() == pytest.approx([0, 0, 0, 0.6, 0, 0.4, 0])
    assert faces.votes[2].sum() == pytest.approx(1)
    assert faces.votes[3].tolist() == [0] * 7
    assert faces.other_votes.tolist() == pytest.approx(np.array([[0, 0, 0], [0, 0, 0], [0.8, 0, 0], [0, 0, 0.9]]))


def test_without_votes_there_is_no_majority(
    tmp_path: Path, picture_row: Callable[..., str], write_data: Callable[..., Path]
) -> None:
    faces = datasets.load(write_data(tmp_path, [picture_row(2, "PublicTest")]), "PublicTest")
    assert faces.majority.tolist() == [-1]
    assert not faces.votes.any()


def test_rows_to_drop_are_dropped_from_training_only(
    tmp_path: Path, picture_row: Callable[..., str], write_data: Callable[..., Path]
) -> None:
    rows = [picture_row(label, usage) for usage in ("Training", "PublicTest") for label in (0, 1, 2)]
    folder = write_data(tmp_path, rows)
    (folder / "training_rows_to_drop.txt").write_text("1\n")
    assert datasets.load(folder, "Training").labels.tolist() == [0, 2]
    assert datasets.load(folder, "Training", drop_duplicates=False).labels.tolist() == [0, 1, 2]
    assert datasets.load(folder, "PublicTest").labels.tolist() == [0, 1, 2]


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ("7,PIXELS,Training", "row 1: expected a label 0..6, found '7'"),
        ("happy,PIXELS,Training", "found 'happy'"),
        ("0,1 2 3,Training", "row 1: expected 2304 grey levels 0..255, found 3 numbers"),
        ("0,1 2 x,Training", "row 1: expected 2304 grey levels"),
        ("0,,Training", "found 0 numbers"),
        ("0," + " ".join(["256"] * 2304) + ",Training", "found 256..256"),
        ("0," + " ".join(["-1"] * 2304) + ",Training", "found -1..-1"),
        ("0," + " ".join(["1.5"] * 2304) + ",Training", "found '1.5'"),
        ("0,PIXELS,Train", "row 1: expected a Usage of Training, PublicTest, PrivateTest, found 'Train'"),
        ("0,PIXELS", "row 1: expected 3 columns, found 2"),
    ],
)
def test_a_bad_row_is_named(
    tmp_path: Path, picture_row: Callable[..., str], write_data: Callable[..., Path], row: str, words: str
) -> None:
    good = picture_row(0, "Training")
    folder = write_data(tmp_path, [good, row.replace("PIXELS", good.split(",")[1])])
    with pytest.raises(InputError) as caught:
        datasets.load(folder, "Training")
    assert words in str(caught.value)


@pytest.mark.parametrize("dropped", ["99", "-1", "one"])
def test_a_bad_list_of_rows_to_drop(
    tmp_path: Path, picture_row: Callable[..., str], write_data: Callable[..., Path], dropped: str
) -> None:
    folder = write_data(tmp_path, [picture_row(0, "Training")])
    (folder / "training_rows_to_drop.txt").write_text(dropped)
    with pytest.raises(InputError, match=r"training_rows_to_drop.txt: expected row numbers"):
        datasets.load(folder, "Training")


def test_bad_files_are_named(tmp_path: Path, picture_row: Callable[..., str], write_data: Callable[..., Path]) -> None:
    with pytest.raises(InputError, match="unknown split"):
        datasets.load(tmp_path, "Test")
    folder = write_data(tmp_path, [picture_row(0, "Training")], [])
    with pytest.raises(InputError, match="has 0 rows, expected one for each of the 1 pictures"):
        datasets.load(folder, "Training")
    with pytest.raises(datasets.MissingSplitError, match="no pictures of split PrivateTest: it has none at all"):
        datasets.load(write_data(tmp_path / "empty", []), "PrivateTest")
    (folder / "fer2013.csv").write_text("Usage,pixels\n")
    with pytest.raises(InputError, match="column 'emotion' is missing"):
        datasets.load(folder, "Training")
    (folder / "fer2013.csv").write_bytes(b"\xff\xfe\n")
    with pytest.raises(InputError, match="cannot be read as a CSV file"):
        datasets.load(folder, "Training")
    with pytest.raises(InputError, match="does not exist; give FER"):
        datasets.load(folder, "Training", votes=tmp_path / "none.csv")


def test_votes_must_be_whole_numbers(
    tmp_path: Path, picture_row: Callable[..., str], write_data: Callable[..., Path]
) -> None:
    folder = write_data(tmp_path, [picture_row(0, "Training")], [["x"] * 10])
    with pytest.raises(InputError, match="row 0: expected a whole number of votes"):
        datasets.load(folder, "Training")
    (folder / "fer2013new.csv").write_text("Usage,neutral\n")
    with pytest.raises(InputError, match="column 'NF' is missing"):
        datasets.load(folder, "Training")


def test_a_truncated_archive(tmp_path: Path, picture_row: Callable[..., str]) -> None:
    whole = gzip.compress(("emotion,pixels,Usage\n" + picture_row(0, "Training")).encode())
    (tmp_path / "fer2013.csv.gz").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InputError, match="cannot be read as a CSV file"):
        datasets.load(tmp_path, "Training")


def test_every_way_of_writing_a_picture_out_reads_the_same() -> None:
    levels = np.random.default_rng(0).integers(0, 256, 48 * 48).tolist()
    plain = " ".join(map(str, levels))
    for text in (plain, f"  {plain} ", plain.replace(" ", "  ", 5), " ".join(f"{level:03}" for level in levels)):
        assert parse([plain.encode(), text.encode()], ["", ""])[1].ravel().tolist() == levels


def test_an_error_names_its_own_row_within_a_block(
    tmp_path: Path, picture_row: Callable[..., str], write_data: Callable[..., Path]
) -> None:
    rows = [picture_row(row % 7, "Training", row) for row in range(20)]
    rows[18] = rows[18].replace(" ", " x ", 1)
    with pytest.raises(InputError, match=r"fer2013.csv: row 18: .* found 'x'"):
        datasets.load(write_data(tmp_path, rows), "Training")


def test_icml_face_data_has_blanks_in_its_header(tmp_path: Path, picture_row: Callable[..., str]) -> None:
    rows = [picture_row(label, usage).split(",") for usage, label in (("Training", 1), ("PrivateTest", 5))]
    lines = ["emotion, Usage, pixels", *(f"{label},{usage},{pixels}" for label, pixels, usage in rows)]
    (tmp_path / "icml_face_data.csv").write_text("\ufeff" + "\r\n".join(lines) + "\r\n\r\n", encoding="utf-8")
    found = datasets.load_splits(tmp_path)
    assert {split: faces.labels.tolist() for split, faces in found.items()} == {"Training": [1], "PrivateTest": [5]}
    assert found["PrivateTest"].names.tolist() == ["row 1"]
    assert found["PrivateTest"].rows.tolist() == [0]


def test_train_and_test_files(tmp_path: Path, picture_row: Callable[..., str]) -> None:
    pixels = [picture_row(label, "").split(",")[1] for label in range(3)]
    (tmp_path / "train.csv").write_text("emotion,pixels\n" + "".join(f'{i},"{p}"\n' for i, p in enumerate(pixels)))
    with gzip.open(tmp_path / "test.csv.gz", "wt") as stream:
        stream.write("pixels\n" + "".join(f"{p}\n" for p in pixels))
    for path in (tmp_path, tmp_path / "train.csv"):
        assert datasets.load(path, "Training").labels.tolist() == [0, 1, 2]
    for path in (tmp_path, tmp_path / "test.csv.gz"):
        unlabelled = datasets.load(path, "Unlabelled")
        assert unlabelled.labels.tolist() == [-1] * 3
        assert sum(unlabelled.counts().values()) == 0
        with pytest.raises(InputError, match=r"test.csv have no labels, so that there is no split PublicTest"):
            datasets.load(path, "PublicTest")


def test_votes_given_apart(tmp_path: Path, tiny_data: Path) -> None:
    (tmp_path / "whole.csv").write_bytes((tiny_data / "fer2013.csv").read_bytes())
    votes = tmp_path / "elsewhere"
    votes.write_bytes((tiny_data / "fer2013new.csv").read_bytes())
    assert (datasets.load(tmp_path / "whole.csv", "PublicTest").majority == -1).all()
    with_votes = datasets.load(tmp_path / "whole.csv", "PublicTest", votes=votes)
    assert with_votes.majority.tolist() == with_votes.labels.tolist()


def test_votes_in_another_order_are_refused(
    tmp_path: Path, picture_row: Callable[..., str], write_data: Callable[..., Path]
) -> None:
    labels = [index % 7 for index in range(210)]
    columns = (4, 5, 6, 1, 3, 2, 0)
    shifted = [[10 if column == columns[(label + 1) % 7] else 0 for column in range(10)] for label in labels]
    folder = write_data(tmp_path, [picture_row(label, "Training") for label in labels], shifted)
    with pytest.raises(InputError, match="agree with the labels on only 0% of the pictures"):
        datasets.load(folder, "Training")


def test_the_real_validation_split_is_as_published(fer2013_folder: Path) -> None:
    faces = datasets.load(fer2013_folder, "PublicTest")
    assert list(faces.counts().values()) == [467, 56, 496, 895, 653, 415, 607]
    assert 3300 < int((faces.majority >= 0).sum()) < len(faces) == 3589
    assert np.allclose(faces.votes.sum(axis=1)[faces.majority >= 0], 1)
