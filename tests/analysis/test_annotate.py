from __future__ import annotations

import numpy as np
import pytest

from edge.analysis.annotate import COLOURS, annotate
from edge.core.types import EMOTIONS, Box, Emotion, Face, Observation, Scores

HAPPY = Scores((0.0, 0.0, 0.0, 0.9, 0.0, 0.0, 0.1))


def seen(width: int, height: int, *boxes: Box) -> Observation:
    faces = tuple(Face("t", box, HAPPY, Emotion.HAPPY, 0.9) for box in boxes)
    return Observation(0, 0, width, height, faces)


def pixels_of(image: np.ndarray, emotion: Emotion) -> int:
    return int((np.abs(image.astype(int) - COLOURS[emotion]).max(axis=2) < 12).sum())


@pytest.mark.parametrize("ground", [0, 128, 255])
def test_the_emotion_and_all_seven_bars_show_on_any_ground(ground: int) -> None:
    image = np.full((480, 640, 3), ground, np.uint8)
    drawn = annotate(image, seen(640, 480, Box(200, 150, 160, 160)))
    assert pixels_of(drawn, Emotion.HAPPY) > 800
    assert all(pixels_of(drawn, emotion) > 5 for emotion in EMOTIONS)
    assert (image == ground).all()  # the original is as it was


@pytest.mark.parametrize("box", [Box(-20, -20, 90, 90), Box(600, 440, 90, 90), Box(0, 0, 640, 480), Box(5, 5, 6, 6)])
def test_faces_at_the_edges_and_of_any_size_are_drawn_inside(box: Box) -> None:
    drawn = annotate(np.zeros((480, 640, 3), np.uint8), seen(640, 480, box))
    assert drawn.shape == (480, 640, 3)
    assert pixels_of(drawn, Emotion.HAPPY) > 100


def test_nothing_seen_is_nothing_drawn() -> None:
    image = np.random.default_rng(0).integers(0, 255, (90, 120, 3), np.uint8)
    assert (annotate(image, seen(120, 90)) == image).all()


def test_a_grey_picture_becomes_colour() -> None:
    assert annotate(np.zeros((90, 120), np.uint8), seen(120, 90, Box(30, 20, 40, 40))).shape == (90, 120, 3)


@pytest.mark.parametrize(("factor", "thickness"), [(1, range(1, 9)), (10, range(12, 30))])
def test_strokes_grow_with_the_picture(factor: int, thickness: range) -> None:
    image = np.full((200 * factor, 500 * factor, 3), 255, np.uint8)
    drawn = annotate(image, seen(500 * factor, 200 * factor, Box(80 * factor, 50 * factor, 90 * factor, 90 * factor)))
    lower_edge = drawn[120 * factor : 160 * factor, 100 * factor]
    assert int((lower_edge != 255).any(axis=1).sum()) in thickness
