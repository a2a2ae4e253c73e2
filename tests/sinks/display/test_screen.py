"""The OLED's pictures against a reference that was looked at, and the parts that change with the figures."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from edge.core.events import Look, LookKind
from edge.core.types import EMOTIONS, Emotion
from edge.sinks.display.faces import face
from edge.sinks.display.looks import MIENS
from edge.sinks.display.screen import screen

REFERENCE = Path(__file__).parents[2] / "data" / "oled_screens.png"
SIZE = WIDTH, HEIGHT = 128, 64
COLUMNS = 3
MAY_DIFFER = 8
"""Pixels of 8192, should a version of Pillow round arcs differently (9.5 and 13 do not); a tear has more."""


def contact_sheet(looks: list[Look]) -> Image.Image:
    picture = Image.new("1", (WIDTH * COLUMNS, HEIGHT * -(-len(looks) // COLUMNS)))
    for index, look in enumerate(looks):
        picture.paste(screen(look, SIZE), (index % COLUMNS * WIDTH, index // COLUMNS * HEIGHT))
    return picture


def pixels(look: Look, size: tuple[int, int] = SIZE) -> np.ndarray:
    return np.asarray(screen(look, size), dtype=bool)


def test_screens_match_the_reference(looks: list[Look], tmp_path: Path) -> None:
    drawn = contact_sheet(looks)
    drawn.save(tmp_path / REFERENCE.name)
    difference = np.asarray(drawn, dtype=bool) != np.asarray(Image.open(REFERENCE).convert("1"), dtype=bool)
    cells = difference.reshape(len(looks) // COLUMNS, HEIGHT, COLUMNS, WIDTH).sum(axis=(1, 3)).ravel()
    changed = {str(mien): int(count) for mien, count in zip(MIENS, cells, strict=True) if count > MAY_DIFFER}
    assert not changed, f"look at {tmp_path / REFERENCE.name}; if it is right, it is the new {REFERENCE}"


def test_every_two_faces_differ_clearly() -> None:
    drawn = {mien: np.asarray(face(mien), dtype=bool) for mien in MIENS}
    nearest = min((int(np.sum(drawn[a] != drawn[b])), str(a), str(b)) for a, b in combinations(MIENS, 2))
    assert nearest[0] >= 100, nearest


def test_the_bar_grows_with_confidence_in_steps_of_five_percent() -> None:
    def lit(confidence: float) -> int:
        return int(pixels(Look(LookKind.EMOTION, Emotion.HAPPY, confidence, 1))[46:58, 68:124].sum())

    bars = [lit(step / 20) for step in range(21)]
    assert bars == sorted(set(bars))
    assert lit(0.71) == lit(0.70) == lit(0.69)
    assert bars[20] - bars[0] == 52 * 8


@pytest.mark.parametrize("people", [1, 50, 999, 5000])
def test_the_number_of_people_fits_beside_the_face(people: int) -> None:
    look = Look(LookKind.EMOTION, Emotion.SURPRISE, 0.5, people)
    right = pixels(look)[20:42, 64:]
    assert right.any()
    assert not right[:, :2].any()
    assert not right[:, -2:].any()


def test_every_word_fits(looks: list[Look]) -> None:
    for look in looks:
        assert not pixels(look)[:, [64, 127]].any()


def test_a_display_turned_upright_has_the_figures_below_the_face(looks: list[Look]) -> None:
    for look in looks:
        upright, lying = pixels(look, (64, 128)), pixels(look)
        assert np.array_equal(upright[:64], lying[:, :64])
        assert np.array_equal(upright[64:], lying[:, 64:])


@pytest.mark.parametrize("emotion", EMOTIONS)
def test_faces_have_an_outline(emotion: Emotion) -> None:
    drawn = np.asarray(face(emotion), dtype=bool)
    rim = [drawn[32, :4].any(), drawn[32, -4:].any(), drawn[:4, 32].any(), drawn[-4:, 32].any()]
    assert all(rim)
