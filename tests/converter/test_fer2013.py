from __future__ import annotations

import gzip
from typing import TYPE_CHECKING

import numpy as np
import pytest

from converter.datasets import fer2013
from edge.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def test_splits_are_kept_apart_and_in_order(tiny_data: Path) -> None:
    for split, n in (("Training", 70), ("PublicTest", 21), ("PrivateTest", 21)):
        faces = fer2013.load(tiny_data, split)
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
    faces = fer2013.load(folder, "Training")
    assert faces.majority.tolist() == [3, -1, -1, -1]
    assert faces.votes[0].tolist() == pytest.approx([0, 0, 0, 0.6, 0, 0.4, 0])
    assert faces.votes[2].sum() == pytest.approx(1)
    assert faces.votes[3].tolist() == [0] * 7


def test_without_votes_there_is_no_majority(
    tmp_path: Path, picture_row: Callable[..., str], write_data: Callable[..., Path]
) -> None:
    faces = fer2013.load(write_data(tmp_path, [picture_row(2, "PublicTest")]), "PublicTest")
    assert faces.majority.tolist() == [-1]
    assert not faces.votes.any()


def test_rows_to_drop_are_dropped_from_training_only(
    tmp_path: Path, picture_row: Callable[..., str], write_data: Callable[..., Path]
) -> None:
    rows = [picture_row(label, usage) for usage in ("Training", "PublicTest") for label in (0, 1, 2)]
    folder = write_data(tmp_path, rows)
    (folder / "training_rows_to_drop.txt").write_text("1\n")
    assert fer2013.load(folder, "Training").labels.tolist() == [0, 2]
    assert fer2013.load(folder, "Training", drop_duplicates=False).labels.tolist() == [0, 1, 2]
    assert fer2013.load(folder, "PublicTest").labels.tolist() == [0, 1, 2]


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ("7,PIXELS,Training", "row 1: expected a label 0..6, found '7'"),
        ("happy,PIXELS,Training", "found 'happy'"),
        ("0,1 2 3,Training", "row 1: expected 2304 grey levels 0..255, found 3 numbers"),
        ("0,1 2 x,Training", "row 1: expected 2304 grey levels"),
        ("0,,Training", "found 0 numbers"),
        ("0," + " ".join(["256"] * 2304) + ",Training", "found 256..256"),
    ],
)
def test_a_bad_row_is_named(
    tmp_path: Path, picture_row: Callable[..., str], write_data: Callable[..., Path], row: str, words: str
) -> None:
    good = picture_row(0, "Training")
    folder = write_data(tmp_path, [good, row.replace("PIXELS", good.split(",")[1])])
    with pytest.raises(InputError) as caught:
        fer2013.load(folder, "Training")
    assert words in str(caught.value)


@pytest.mark.parametrize("dropped", ["99", "-1", "one"])
def test_a_bad_list_of_rows_to_drop(
    tmp_path: Path, picture_row: Callable[..., str], write_data: Callable[..., Path], dropped: str
) -> None:
    folder = write_data(tmp_path, [picture_row(0, "Training")])
    (folder / "training_rows_to_drop.txt").write_text(dropped)
    with pytest.raises(InputError, match=r"training_rows_to_drop.txt: expected row numbers"):
        fer2013.load(folder, "Training")


def test_bad_files_are_named(tmp_path: Path, picture_row: Callable[..., str], write_data: Callable[..., Path]) -> None:
    with pytest.raises(InputError, match=r"holds neither fer2013.csv nor"):
        fer2013.load(tmp_path, "Training")
    with pytest.raises(InputError, match="unknown split"):
        fer2013.load(tmp_path, "Test")
    folder = write_data(tmp_path, [picture_row(0, "Training")], [])
    with pytest.raises(InputError, match="has 0 rows, expected one for each of the 1 pictures"):
        fer2013.load(folder, "Training")
    with pytest.raises(InputError, match="has no rows of split PrivateTest"):
        fer2013.load(folder, "PrivateTest")
    (folder / "fer2013.csv").write_text("emotion,pixels\n")
    with pytest.raises(InputError, match="column 'Usage' is missing"):
        fer2013.load(folder, "Training")
    (folder / "fer2013.csv").write_bytes(b"emotion,pixels,Usage\n\xff\xfe\n")
    with pytest.raises(InputError, match="cannot be read as a CSV file"):
        fer2013.load(folder, "Training")


def test_votes_must_be_whole_numbers(
    tmp_path: Path, picture_row: Callable[..., str], write_data: Callable[..., Path]
) -> None:
    folder = write_data(tmp_path, [picture_row(0, "Training")], [["x"] * 10])
    with pytest.raises(InputError, match="row 0: expected a whole number of votes"):
        fer2013.load(folder, "Training")
    (folder / "fer2013new.csv").write_text("Usage,neutral\n")
    with pytest.raises(InputError, match="column 'NF' is missing"):
        fer2013.load(folder, "Training")


def test_a_truncated_archive(tmp_path: Path, picture_row: Callable[..., str]) -> None:
    whole = gzip.compress(("emotion,pixels,Usage\n" + picture_row(0, "Training")).encode())
    (tmp_path / "fer2013.csv.gz").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InputError, match="cannot be read as a CSV file"):
        fer2013.load(tmp_path, "Training")


def test_the_real_validation_split_is_as_published(fer2013_folder: Path) -> None:
    faces = fer2013.load(fer2013_folder, "PublicTest")
    assert list(faces.counts().values()) == [467, 56, 496, 895, 653, 415, 607]
    assert 3300 < int((faces.majority >= 0).sum()) < len(faces) == 3589
    assert np.allclose(faces.votes.sum(axis=1)[faces.majority >= 0], 1)
