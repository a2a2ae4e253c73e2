"""The 8x8 pictures: well-formed, centred, and no two alike."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from edge.core.types import EMOTIONS, Emotion
from edge.sinks.display import glyphs
from edge.sinks.display.looks import MIENS, Mien


def pixels(mien: Mien) -> np.ndarray:
    return np.asarray(glyphs.picture(mien), dtype=bool)


@pytest.mark.parametrize("mien", MIENS)
def test_each_glyph_is_eight_rows_of_eight(mien: Mien) -> None:
    rows = glyphs.rows(mien)
    assert [len(row) for row in rows] == [8] * 8
    assert set("".join(rows)) == {"#", "."}


@pytest.mark.parametrize("mien", MIENS)
def test_the_picture_is_the_drawing(mien: Mien) -> None:
    picture = glyphs.picture(mien)
    assert (picture.mode, picture.size) == ("1", (8, 8))
    drawn = np.array([[mark == "#" for mark in row] for row in glyphs.rows(mien)])
    assert np.array_equal(pixels(mien), drawn)


def test_every_two_glyphs_differ_in_eight_leds_or_more() -> None:
    """Eight of 64 is what still shows from across a room."""
    nearest = min((int(np.sum(pixels(a) != pixels(b))), str(a), str(b)) for a, b in combinations(MIENS, 2))
    assert nearest[0] >= 8, nearest


@pytest.mark.parametrize("emotion", [emotion for emotion in EMOTIONS if emotion is not Emotion.DISGUST])
def test_faces_are_symmetric_but_for_tongue_and_teeth(emotion: Emotion) -> None:
    face = pixels(emotion)
    upper = face[:5] if emotion is Emotion.FEAR else face
    assert np.array_equal(upper, upper[:, ::-1])
