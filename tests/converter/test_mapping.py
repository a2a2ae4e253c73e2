"""Label sets of one's own: the file, and what it makes of labels and votes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from converter.datasets import load
from converter.datasets.faces import FaceSet
from converter.datasets.mapping import from_json, read_mapping
from edge.core.errors import InputError
from edge.core.types import SEVEN

EXAMPLES = Path(__file__).resolve().parents[2] / "docs" / "examples"
THREE, EIGHT = EXAMPLES / "labels-three.toml", EXAMPLES / "labels-eight.json"
NAMES = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")


def faces(counts: list[list[int]], labels: list[int]) -> FaceSet:
    """Faces with these counts of the seven, contempt, unknown and no face, as FER+'s loader gives them."""
    from converter.datasets.votes import _summarise

    votes = _summarise(np.array(counts))
    pixels = np.zeros((len(labels), 48, 48), np.uint8)
    return FaceSet(pixels, np.array(labels), votes.shares, votes.majority, votes.other)


@pytest.mark.parametrize("path", [THREE, EIGHT])
def test_the_examples_come_back_from_a_checkpoint(path: Path) -> None:
    mapping = read_mapping(path)
    again = from_json(mapping.to_json())
    assert again == mapping
    assert again.label_set == mapping.label_set


def test_the_examples_are_what_they_say() -> None:
    three, eight = read_mapping(THREE), read_mapping(EIGHT)
    assert three.names == ("positive", "neutral", "negative")
    assert [label.valence for label in three.label_set.labels] == [1, 0, -1]
    assert eight.names == (*NAMES, "contempt")
    assert eight.label_set.labels[:7] == SEVEN.labels
    assert eight.label_set.label("contempt").face == "contempt"


def test_labels_and_votes_are_summed_by_class() -> None:
    counts = [
        [0, 0, 0, 6, 0, 0, 4, 0, 0, 0],  # happy, some neutral
        [3, 0, 3, 0, 0, 0, 4, 0, 0, 0],  # neutral leads the seven, negative the three
        [0, 0, 0, 0, 0, 0, 2, 8, 0, 0],  # contempt
        [0, 0, 0, 1, 0, 0, 1, 0, 8, 0],  # unknown: teaches nothing
    ]
    found = read_mapping(THREE).apply(faces(counts, [3, 0, 6, 4]))
    assert found.labels.tolist() == [0, 2, 1, 2]
    assert found.classes == ("positive", "neutral", "negative")
    expected = np.array([[0.6, 0.4, 0], [0, 0.4, 0.6], [0, 0.2, 0.8], [0, 0, 0]])
    np.testing.assert_allclose(np.asarray(found.votes, np.float64), expected, atol=1e-6)
    assert found.majority.tolist() == [0, 2, 2, -1]
    eight = read_mapping(EIGHT).apply(faces(counts, [3, 0, 6, 4]))
    assert eight.majority.tolist() == [3, 6, 7, -1]
    np.testing.assert_allclose(eight.votes[2], [0, 0, 0, 0, 0, 0, 0.2, 0.8], atol=1e-6)


def test_classes_that_none_is_made_from_are_left_out(tmp_path: Path) -> None:
    path = tmp_path / "two.json"
    path.write_text('{"classes": {"happy": {}, "sad": {"from": [4]}}}')
    found = read_mapping(path).apply(faces([[0] * 10] * 4, [3, 4, 0, 6]))
    assert found.labels.tolist() == [0, 1]
    assert found.left_out == {"of no class": 2}


def test_folders_may_be_called_after_the_classes(tmp_path: Path) -> None:
    for name in ("calm", "excited", "contempt", "happiness"):
        (tmp_path / "data" / name).mkdir(parents=True)
        cv2.imwrite(str(tmp_path / "data" / name / "1.png"), np.full((48, 48), 90, np.uint8))
    path = tmp_path / "own.toml"
    path.write_text('[classes.calm]\n[classes.excited]\nfrom = ["excited", "happy"]\n')
    found = load(tmp_path / "data", "All", mapping=read_mapping(path))
    assert dict(zip(found.names.tolist(), found.labels.tolist(), strict=True)) == {
        "calm/1.png": 0,
        "excited/1.png": 1,
        "happiness/1.png": 1,
    }
    assert found.left_out == {"contempt": 1}
    (tmp_path / "data" / "exited").mkdir()
    with pytest.raises(InputError, match=r"exited: unknown class: .* did you mean excited"):
        load(tmp_path / "data", "All", mapping=read_mapping(path))


def test_fer2013_with_a_mapping(tiny_data: Path) -> None:
    whole, found = load(tiny_data, "PublicTest"), load(tiny_data, "PublicTest", mapping=read_mapping(THREE))
    assert len(found) == len(whole)
    assert np.array_equal(found.labels, found.majority)
    assert found.counts() == {"positive": 3, "neutral": 6, "negative": 12}


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("{", "is no JSON"),
        ("[]", "expected a table for each class"),
        ('{"classes": {"a": {}}}', "2 to 12 classes"),
        ('{"classes": {"a": {}, "B": {}}}', "is not a valid class name"),
        ('{"classes": {"a": {"from": "happy"}, "b": {}}}', "classes.a.from: expected a list"),
        ('{"classes": {"a": {"from": [7]}, "b": {}}}', "classes.a.from: expected a label 0..6, found 7"),
        ('{"classes": {"a": {"from": ["anger"]}, "b": {"from": ["angry"]}}}', "classes.b.from: 'ang"),
        ('{"classes": {"a": {"color": "#000000"}, "b": {}}}', "classes.a.color: unknown key: expected one of from"),
        ('{"classes": {"a": {"colour": "red"}, "b": {}}}', "classes.a.colour: String should match"),
        ('{"classes": {"a": {"valence": 2}, "b": {}}}', "classes.a.valence: Input should be less than or equal to 1"),
        ('{"classes": {"a": {"from": []}, "b\\nc": {}}}', "is not a valid class name"),
    ],
)
def test_a_wrong_file_is_one_line(tmp_path: Path, text: str, why: str) -> None:
    path = tmp_path / "labels.json"
    path.write_text(text)
    with pytest.raises(InputError) as refusal:
        read_mapping(path)
    assert why in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_a_file_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read: No such file"):
        read_mapping(tmp_path / "none.toml")


def test_the_order_is_that_of_the_file(tmp_path: Path, tiny_data: Path) -> None:
    path = tmp_path / "turned.json"
    turned: dict[str, Any] = {name: {} for name in reversed(NAMES)}
    path.write_text(json.dumps({"classes": turned}))
    found, whole = load(tiny_data, "PublicTest", mapping=read_mapping(path)), load(tiny_data, "PublicTest")
    assert found.labels.tolist() == [6 - label for label in whole.labels.tolist()]
    np.testing.assert_allclose(found.votes, whole.votes[:, ::-1], atol=1e-6)


def test_a_mapping_is_applied_once() -> None:
    mapping = read_mapping(THREE)
    once = mapping.apply(faces([[0] * 10] * 2, [3, 4]))
    assert mapping.apply(once) is once
