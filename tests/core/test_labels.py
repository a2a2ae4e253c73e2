from __future__ import annotations

import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.analysis.records import csv_columns
from edge.core.events import LookKind
from edge.core.labels import COLOUR, FACES, KNOWN, MOST, RESERVED, LabelSet, problem_with
from edge.core.types import EMOTIONS, SEVEN, Emotion, Scores

THREE = LabelSet.of(("positive", "neutral", "negative"))
NAMES = st.lists(
    st.one_of(st.sampled_from(sorted(KNOWN)), st.from_regex(r"[a-z][a-z0-9_]{0,10}", fullmatch=True)),
    min_size=2,
    max_size=MOST,
    unique=True,
).filter(lambda names: not problem_with(tuple(names)))


def test_the_usual_seven_are_the_emotions() -> None:
    assert SEVEN.names == EMOTIONS
    assert all(isinstance(name, Emotion) for name in SEVEN)
    assert [label.name for label in SEVEN.labels if label.resting] == ["neutral"]


@given(st.lists(st.floats(0, 1), min_size=7, max_size=7))
def test_valence_of_the_seven_is_what_it_was(values: list[float]) -> None:
    scores = Scores.of(values)
    unpleasant = (Emotion.ANGRY, Emotion.DISGUST, Emotion.FEAR, Emotion.SAD)
    assert SEVEN.valence(scores) == scores[Emotion.HAPPY] - sum(scores[emotion] for emotion in unpleasant)


def test_scores_of_another_set_name_its_classes() -> None:
    scores = Scores.of([1, 2, 5], THREE)
    assert (scores.top, scores["negative"]) == ("negative", 0.625)
    assert scores.as_dict() == {"positive": 0.125, "neutral": 0.25, "negative": 0.625}
    assert THREE.valence(scores) == pytest.approx(-0.5)
    with pytest.raises(ValueError, match="expected 3 scores, got 7"):
        Scores((1 / 7,) * 7, THREE)


@given(NAMES)
def test_no_two_classes_of_a_set_look_alike(names: list[str]) -> None:
    labels = LabelSet.of(names).labels
    for column in ("emoji", "emoticon", "colour"):
        assert len({getattr(label, column) for label in labels}) == len(labels), column
    assert len({label.face or f"the letter {label.sign}" for label in labels}) == len(labels)
    assert all(label.face in FACES or len(label.sign) == 1 for label in labels)


@given(NAMES)
def test_a_set_comes_back_from_json(names: list[str]) -> None:
    labels = LabelSet.of(names)
    assert LabelSet.from_json(json.loads(json.dumps(labels.as_json()))) == labels


@pytest.mark.parametrize(
    "change", [{"colour": "red"}, {"valence": "x"}, {"valence": 2}, {"name": 3}, {"face": "x"}, {"moon": 1}]
)
def test_json_that_was_never_written_is_refused(change: dict[str, Any]) -> None:
    found = THREE.as_json()
    found[0] |= change
    with pytest.raises(ValueError, match="classes cannot be read"):
        LabelSet.from_json(found)


@pytest.mark.parametrize(
    ("names", "why"),
    [
        (("one",), "2 to 12 classes, not 1"),
        (("a", "a"), "twice"),
        (("a", "B"), "not a valid class name"),
        (("a", "uncertain"), "is reserved"),
        (("a", "a\nb"), "not a valid class name"),
    ],
)
def test_what_cannot_be_a_set_is_said_in_one_line(names: tuple[str, ...], why: str) -> None:
    found = problem_with(names)
    assert why in found
    assert "\n" not in found
    with pytest.raises(ValueError, match=why):
        LabelSet.of(names)


def test_names_that_mean_something_else_are_reserved() -> None:
    own = set(csv_columns(THREE)) - set(THREE)
    assert own | {kind.value for kind in LookKind} <= RESERVED
    assert set(FACES) <= set(KNOWN)


def test_details_win_over_what_is_known() -> None:
    labels = LabelSet.of(("positive", "bored"), {"bored": {"colour": "#123456", "valence": -0.5, "face": "neutral"}})
    bored = labels.label("bored")
    assert (bored.colour, bored.valence, bored.face, bored.word) == ("#123456", -0.5, "neutral", "bored")
    assert labels.label("never heard of").word == "never heard of"


def test_colours_are_colours() -> None:
    assert all(re.fullmatch(COLOUR, label.colour) for label in KNOWN.values())
    assert KNOWN["happy"].light == (0.791, 0.323, 0.0)
