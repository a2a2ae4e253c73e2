"""Which faces a visitor's page is told of."""

from __future__ import annotations

import pytest

from edge.core.types import EMOTIONS, Box, Emotion, Face, Observation, Scores
from edge.kiosk.visitors.frame_analyzer import tell


def face(name: str, *, detected: bool, facing: bool) -> Face:
    scores = Scores.of(float(emotion is Emotion.HAPPY) for emotion in EMOTIONS)
    return Face(name, Box(10, 10, 50, 50), scores, Emotion.HAPPY, 1.0, detected=detected, facing=facing)


FOUND = face("found", detected=True, facing=True)
FOLLOWED = face("followed", detected=False, facing=True)
MISSED = face("missed", detected=False, facing=False)
TURNED = face("turned", detected=True, facing=False)


@pytest.mark.parametrize(
    ("seen", "told"),
    [
        ((FOUND, FOLLOWED), ["found", "followed"]),
        ((FOUND, MISSED), ["found"]),
        ((FOLLOWED, TURNED), ["followed", "turned"]),
        ((MISSED,), ["missed"]),
    ],
)
def test_only_faces_that_were_looked_for_in_vain_are_left_out(seen: tuple[Face, ...], told: list[str]) -> None:
    answer = tell(Observation(0, 0, 640, 480, seen))
    assert [each["id"] for each in answer["faces"]] == told
