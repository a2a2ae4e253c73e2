"""What the network takes for no face is not shown, and not counted."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from edge.config import Config, validate
from edge.core.types import Frame, Reading
from edge.pipelines.detection import refuses
from edge.vision.refusal import FaceEvidence
from edge.vision.scripted import BrightDetector, ScriptedClassifier
from edge.vision.track import TrackRules
from tests.fixtures.scripted_vision import bright_pipeline

if TYPE_CHECKING:
    from collections.abc import Sequence

MS = 1_000_000


class Judge(ScriptedClassifier):
    """Bright squares above a level are faces; what ``says`` has, by reading, wins over that."""

    def __init__(self, says: Sequence[float] = ()) -> None:
        super().__init__()
        self.says = list(says)

    def read(self, crops: Sequence[np.ndarray]) -> list[Reading]:
        return [
            Reading(scores, self.says.pop(0) if self.says else (1.0 if crop.mean() > 200 else -1.0))
            for crop, scores in zip(crops, self.classify(crops), strict=True)
        ]


def room(*squares: tuple[int, int]) -> np.ndarray:
    image = np.zeros((480, 640, 3), np.uint8)
    for x, level in squares:
        image[100:180, x : x + 80] = level
    return image


def play(pipeline: object, image: np.ndarray, frames: int, *, start: int = 0) -> list[int]:
    return [
        len(pipeline.step(Frame(image, (start + index) * 100 * MS, start + index)).faces)  # type: ignore[attr-defined]
        for index in range(frames)
    ]


def test_a_find_that_is_no_face_is_neither_shown_nor_read_in_every_frame() -> None:
    judge = Judge()
    pipeline = bright_pipeline(classifier=judge, refuse=True, read_every_s=0.5, rules=TrackRules(min_hits=1))
    assert play(pipeline, room((100, 250), (400, 160)), 12) == [1] * 12
    assert judge.crops_seen <= 8, "two finds, five readings in a second and less"


def test_without_the_rule_everything_found_is_shown() -> None:
    pipeline = bright_pipeline(classifier=Judge(), rules=TrackRules(min_hits=1))
    assert play(pipeline, room((100, 250), (400, 160)), 3) == [2] * 3


def test_a_single_picture_is_judged_at_once() -> None:
    pipeline = bright_pipeline(classifier=Judge(), refuse=True, still=True)
    assert play(pipeline, room((100, 250), (400, 160)), 1) == [1]


def test_a_room_with_nothing_but_refused_finds_is_still() -> None:
    pipeline = bright_pipeline(classifier=Judge(), refuse=True, rules=TrackRules(min_hits=1))
    assert play(pipeline, room((400, 160)), 5) == [0] * 5
    assert pipeline.still
    watched = bright_pipeline(classifier=Judge(), rules=TrackRules(min_hits=1))
    play(watched, room((400, 160)), 5)
    assert not watched.still


def test_a_face_refused_by_a_bad_first_reading_appears_with_the_next() -> None:
    judge = Judge([-0.5, 3.0])
    pipeline = bright_pipeline(classifier=judge, refuse=True, rules=TrackRules(min_hits=1))
    assert play(pipeline, room((100, 250)), 3) == [0, 1, 1]


def test_a_face_that_was_one_five_times_stays_one() -> None:
    known = FaceEvidence()
    for _ in range(5):
        known.update(0.1)
    for _ in range(50):
        known.update(-9.0)
    assert known.is_face


def test_one_reading_however_strong_does_not_decide_alone() -> None:
    found = FaceEvidence()
    found.update(-100.0)
    assert not found.is_face
    for _ in range(2):
        found.update(2.5)
    assert found.is_face


@pytest.mark.parametrize(
    ("setting", "name", "refused"),
    [("auto", "haar", True), ("auto", "yunet", False), ("on", "yunet", True), ("off", "haar", False)],
)
def test_whose_finds_are_refused_is_a_setting(setting: str, name: str, refused: bool) -> None:
    detector = BrightDetector()
    detector.name = name
    config: Config = validate({"model": {"refusal": setting}}, "test")
    assert refuses(config, detector) is refused
