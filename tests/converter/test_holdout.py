"""A part held out to choose by: in proportion, by seed, whole subjects, never a picture that is also learnt from."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest

from converter import datasets
from converter.datasets.faces import FaceSet
from converter.datasets.groups import shared_pictures
from converter.datasets.holdout import HoldOut, Parts, hold_out
from converter.datasets.subjects import known_pattern, subjects_of
from edge.core.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

CK = "anger/S{:03}_001_{:08}.png"


def faces_of(labels: Sequence[int], names: Sequence[str] | None = None, seed: int = 0) -> FaceSet:
    pixels = np.random.default_rng(seed).integers(0, 256, (len(labels), 48, 48), np.uint8)
    named = np.array(names or [f"happy/{row}.png" for row in range(len(labels))], np.str_)
    return FaceSet.of(pixels, np.array(labels, np.int64), named)


def divide(faces: FaceSet, rule: HoldOut | None = None) -> Parts:
    return hold_out(faces, rule or HoldOut(), Path("data"))


def test_every_emotion_is_held_out_in_proportion() -> None:
    labels = [0] * 100 + [3] * 50 + [6] * 31 + [1] * 3
    training, held_out = divide(faces_of(labels))
    assert held_out.counts() | {"disgust": 0} == {
        **dict.fromkeys(held_out.counts(), 0),
        "angry": 10,
        "happy": 5,
        "neutral": 3,
    }
    assert len(training) + len(held_out) == len(labels)
    assert not set(training.rows) & set(held_out.rows)
    assert training.rows.tolist() == sorted(training.rows)


def test_the_part_follows_from_the_seed_alone() -> None:
    faces = faces_of([row % 7 for row in range(140)])
    first, again, other = (divide(faces, HoldOut(0.2, seed)).held_out.rows.tolist() for seed in (1, 1, 2))
    assert first == again
    assert first != other
    assert len(first) == len(other) == 28


@pytest.mark.parametrize("share", [0.1, 0.25, 0.5])
def test_a_share_is_met(share: float) -> None:
    faces = faces_of([row % 7 for row in range(350)])
    assert len(divide(faces, HoldOut(share)).held_out) == pytest.approx(350 * share, abs=4)


def test_whole_subjects_are_held_out() -> None:
    names = [CK.format(subject, frame) for subject in range(30) for frame in range(5)]
    training, held_out = divide(faces_of([row % 7 for row in range(150)], names))
    pattern = known_pattern(names)
    learnt, chosen = (set(subjects_of(part.names.tolist(), pattern)) for part in (training, held_out))
    assert not learnt & chosen
    assert 2 <= len(chosen) <= 4


@pytest.mark.parametrize(
    ("name", "subject"),
    [
        ("anger/S005_001_00000011.png", "S005"),
        ("S130_012_00000010.png", "S130"),
        ("KA.AN1.39.tiff", "KA"),
        ("jaffe/happy/YM.HA2.53.tiff", "YM"),
    ],
)
def test_subjects_that_names_tell(name: str, subject: str) -> None:
    other = name.replace(subject, subject[:-1] + ("9" if subject[-1].isdigit() else "Z"))
    pattern = known_pattern([name, other])
    assert subjects_of([name, other], pattern)[0] == subject


@pytest.mark.parametrize("name", ["happy/1.png", "row 12", "happy/S1234_1.png", "happy/Training_10118481.jpg"])
def test_names_that_tell_no_subject(name: str) -> None:
    assert known_pattern([name, name.replace("1", "2")]) == ""


def test_a_pattern_of_ones_own() -> None:
    names = [f"happy/anna-{row}.png" if row % 3 else f"happy/bert-{row}.png" for row in range(30)]
    names += [f"happy/{person}-{row}.png" for person in ("cleo", "dora", "emil", "fred") for row in range(30)]
    rule = HoldOut(0.2, subjects=r"/([a-z]+)-")
    training, held_out = divide(faces_of([row % 5 for row in range(len(names))], names), rule)
    people = [{name.split("/")[1].split("-")[0] for name in part.names.tolist()} for part in (training, held_out)]
    assert not people[0] & people[1]
    assert len(people[1]) == 1


@pytest.mark.parametrize(
    ("pattern", "words"),
    [
        ("[", "is no regular expression"),
        ("nobody", "finds no subject in names such as 'happy/0.png'"),
        ("happy", "finds 1 subject in names"),
    ],
)
def test_a_pattern_that_does_not_work_is_one_line(pattern: str, words: str) -> None:
    with pytest.raises(InputError, match="--subjects") as caught:
        divide(faces_of([0, 3] * 10), HoldOut(subjects=pattern))
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_the_same_picture_is_never_on_both_sides() -> None:
    faces = faces_of([row % 7 for row in range(140)])
    faces.pixels[1::4] = faces.pixels[::4]
    faces.pixels[2::4] = faces.pixels[::4, :, ::-1]
    for seed in range(5):
        training, held_out = divide(faces, HoldOut(0.3, seed))
        assert not shared_pictures(held_out.pixels, training.pixels).any()
        assert len(held_out) >= 35


def test_no_emotion_is_held_out_whole() -> None:
    names = [f"S{row:03}_1_1.png" for row in range(20)] + ["S020_1_1.png"] * 3
    training, _ = divide(faces_of([0] * 10 + [3] * 10 + [1] * 3, names), HoldOut(0.5))
    assert training.counts()["disgust"] == 3


def test_few_pictures_of_each_emotion_still_leave_some_to_choose_by() -> None:
    training, held_out = divide(faces_of([0, 1, 2, 3, 4, 5, 6, 0, 1, 2, 3, 4, 5, 6]))
    assert len(held_out) == 1
    assert all(training.counts().values())


def test_too_few_pictures_are_one_line() -> None:
    with pytest.raises(InputError, match=r"data: holds 11 pictures and no validation part: at least 12 are needed"):
        divide(faces_of([0, 3] * 5 + [0]))


@pytest.fixture
def drawn(tmp_path: Path) -> Callable[..., Path]:
    """Draws pictures that all differ."""

    def make(*names: str) -> Path:
        for number, name in enumerate(names):
            path = tmp_path / "data" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            picture = np.random.default_rng(number).integers(0, 256, (48, 48), np.uint8)
            assert cv2.imwrite(str(path), picture)
        return tmp_path / "data"

    return make


def test_training_without_a_validation_part_is_divided_and_the_test_part_left_alone(drawn: Callable[..., Path]) -> None:
    names = [f"{part}/{name}/{i}.png" for part in ("train", "test") for name in ("angry", "sad") for i in range(20)]
    found = datasets.load_splits(drawn(*names), ("Training", "PublicTest"), rule=HoldOut())
    assert (len(found["Training"]), len(found["PublicTest"])) == (36, 4)
    assert all(name.startswith("train/") for faces in found.values() for name in faces.names.tolist())
    assert set(datasets.load_splits(drawn(), rule=HoldOut())) == {"Training", "PublicTest", "PrivateTest"}


def test_rows_to_drop_are_counted_in_the_undivided_data(drawn: Callable[..., Path]) -> None:
    folder = drawn(*(f"{name}/{i:02}.png" for name in ("angry", "sad") for i in range(20)))
    whole = datasets.load_splits(folder, ("Training", "PublicTest"), rule=HoldOut())
    dropped, held_out = whole["Training"].rows[[3, -1]].tolist(), int(whole["PublicTest"].rows[0])
    (folder / "training_rows_to_drop.txt").write_text("".join(f"{row}\n" for row in (*dropped, held_out)))
    found = datasets.load_splits(folder, ("Training", "PublicTest"), rule=HoldOut())
    assert sorted(set(whole["Training"].rows) - set(found["Training"].rows)) == dropped
    assert found["Training"].left_out == {"rows to drop": 2}
    assert found["PublicTest"].rows.tolist() == whole["PublicTest"].rows.tolist()
    (folder / "training_rows_to_drop.txt").write_text("40\n")
    with pytest.raises(InputError, match=r"expected row numbers 0..39, found 40..40"):
        datasets.load(folder, "Training", rule=HoldOut())


def test_data_with_a_part_of_its_own_is_not_divided(drawn: Callable[..., Path]) -> None:
    folder = drawn(
        *(f"{part}/{name}/{i}.png" for part in ("train", "val") for name in ("angry", "sad") for i in (1, 2))
    )
    assert len(datasets.load(folder, "PublicTest", rule=HoldOut())) == 4
    with pytest.raises(InputError, match=r"has 4 validation pictures: leave --validation-split and --subjects out"):
        datasets.load(folder, "PublicTest", rule=HoldOut(0.2))


def test_kaggles_train_csv_is_divided(tmp_path: Path, picture_row: Callable[..., str]) -> None:
    rows = [picture_row(row % 7, "", seed=row).rstrip(",") for row in range(70)]
    (tmp_path / "train.csv").write_text("\n".join(["emotion,pixels", *rows]) + "\n")
    found = datasets.load_splits(tmp_path, ("Training", "PublicTest"), rule=HoldOut())
    assert (len(found["Training"]), len(found["PublicTest"])) == (63, 7)
    assert set(found["PublicTest"].counts().values()) == {1}


def test_labelled_test_rows_do_not_take_the_place_of_training(tmp_path: Path, picture_row: Callable[..., str]) -> None:
    for name, labels in (("train.csv", [0, 1]), ("test.csv", [2, 3, 4])):
        lines = [picture_row(label, "").rstrip(",") for label in labels]
        (tmp_path / name).write_text("\n".join(["emotion,pixels", *lines]) + "\n")
    found = datasets.load_splits(tmp_path)
    assert {split: faces.labels.tolist() for split, faces in found.items()} == {
        "Training": [0, 1],
        "PrivateTest": [2, 3, 4],
    }
