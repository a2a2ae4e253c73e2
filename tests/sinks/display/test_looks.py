"""The table of looks: complete, and every two rows apart, for colour-blind people too."""

from __future__ import annotations

from itertools import combinations, pairwise

import numpy as np
import pytest

from edge.core.events import Look, LookKind
from edge.core.types import EMOTIONS, Emotion
from edge.sinks.display.looks import APPEARANCES, KINDS, MIENS, Pattern, appearance, mien

# Machado, Oliveira and Fernandes (2009), severity 1, on linear RGB
VISIONS = {
    "usual": np.eye(3),
    "protanopia": np.array(
        [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]]
    ),
    "deuteranopia": np.array(
        [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]
    ),
    "tritanopia": np.array(
        [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]]
    ),
}
RGB_TO_XYZ = np.array(
    [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]]
)


def cielab(linear_rgb: np.ndarray) -> np.ndarray:
    relative = RGB_TO_XYZ @ np.clip(linear_rgb, 0, 1) / RGB_TO_XYZ.sum(axis=1)
    x, y, z = np.where(relative > 216 / 24389, np.cbrt(relative), (24389 / 27 * relative + 16) / 116)
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


def test_table_has_a_row_for_each_emotion_and_kind() -> None:
    assert set(APPEARANCES) == set(EMOTIONS) | (set(LookKind) - {LookKind.EMOTION})
    assert tuple(APPEARANCES) == MIENS


@pytest.mark.parametrize("vision", VISIONS)
def test_emotions_keep_apart_in_colour(vision: str) -> None:
    seen = {emotion: cielab(VISIONS[vision] @ np.array(APPEARANCES[emotion].colour)) for emotion in EMOTIONS}
    nearest = min((float(np.linalg.norm(seen[a] - seen[b])), a, b) for a, b in combinations(EMOTIONS, 2))
    assert nearest[0] >= 25, nearest


def test_emotions_shine_steadily_and_nothing_else_fully_does() -> None:
    assert all(APPEARANCES[emotion].pattern == Pattern(((0, 1),)) for emotion in EMOTIONS)
    assert all(APPEARANCES[kind].pattern != Pattern(((0, 1),)) for kind in KINDS)


@pytest.mark.parametrize("column", ["label", "emoji", "emoticon"])
def test_words_and_signs_differ(column: str) -> None:
    assert len({getattr(row, column) for row in APPEARANCES.values()}) == len(MIENS)


def test_patterns_of_the_kinds_differ() -> None:
    assert len({APPEARANCES[kind].pattern for kind in KINDS}) == len(KINDS)


@pytest.mark.parametrize("kind", KINDS)
def test_patterns_stay_between_dark_and_full_and_repeat(kind: LookKind) -> None:
    pattern = APPEARANCES[kind].pattern
    times = np.arange(0, 8, 0.01)
    levels = [pattern.level(float(time_s)) for time_s in times]
    assert 0 <= min(levels) < max(levels) + 1e-9 <= 1 + 1e-9
    assert pattern.level(0.33 + 5 * (pattern.period_s or 1)) == pytest.approx(pattern.level(0.33))


def test_paused_breathes_slowly_and_fault_blinks_twice_a_second() -> None:
    paused, fault = APPEARANCES[LookKind.PAUSED].pattern, APPEARANCES[LookKind.FAULT].pattern
    assert [paused.level(time_s) for time_s in (0, 1, 2, 3)] == pytest.approx([0, 0.4, 0.8, 0.4])
    assert [fault.level(time_s) for time_s in (0.05, 0.15, 0.25, 0.35, 0.9)] == [1, 0, 1, 0, 0]


def test_blinks_last_long_enough_for_a_tick_of_50_ms() -> None:
    for row in APPEARANCES.values():
        moments = [time_s for time_s, _ in row.pattern.points]
        gaps = [later - earlier for earlier, later in pairwise(moments) if later > earlier]
        assert all(gap >= 0.0999 for gap in gaps)


def test_a_look_finds_its_row() -> None:
    assert mien(Look(LookKind.EMOTION, Emotion.FEAR)) is Emotion.FEAR
    assert appearance(Look(LookKind.PAUSED)).label == "paused"
