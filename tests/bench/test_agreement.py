from __future__ import annotations

from edge.bench.agreement import agreement, matches
from edge.bench.obvious import Sight, Turn
from edge.core.types import Box, Emotion, Face, Observation, Scores

EVEN = Scores.of([1.0] * 7)
LEFT, RIGHT = Box(0, 0, 50, 50), Box(100, 0, 50, 50)


def ours(*faces: tuple[Box, Emotion | None]) -> Observation:
    told = tuple(
        Face(track_id=str(n), box=box, scores=EVEN, emotion=emotion, confidence=0.2)
        for n, (box, emotion) in enumerate(faces)
    )
    return Observation(0, 0, 640, 480, told)


def obvious(*faces: tuple[Box, Emotion | None]) -> Turn:
    return Turn(tuple(Sight(box, EVEN, emotion) for box, emotion in faces), 0, 0)


def test_missed_faces_other_labels_and_extra_faces_are_counted() -> None:
    found = agreement(
        [ours((LEFT, Emotion.HAPPY)), ours((LEFT, Emotion.SAD), (RIGHT, None)), ours((RIGHT, None))],
        [obvious((LEFT, Emotion.HAPPY), (RIGHT, None)), obvious((LEFT, Emotion.HAPPY)), obvious((RIGHT, None))],
        [[LEFT, RIGHT], [LEFT], [LEFT]],
    )
    assert found.faces == 4
    assert found.recall == 3 / 4
    assert found.labels == 2 / 3
    assert (found.recall_drawn, found.recall_drawn_obvious) == (2 / 4, 3 / 4)
    assert (found.extra, found.extra_obvious) == (2 / 3, 1 / 3)


def test_where_there_is_nothing_to_compare_nothing_is_said() -> None:
    found = agreement([ours()], [obvious()], [[]])
    assert (found.recall, found.labels, found.recall_drawn) == (None, None, None)
    assert found.extra == 0


def test_each_face_is_matched_once_and_the_best_first() -> None:
    near = Box(5, 0, 50, 50)
    assert matches([near, LEFT], [LEFT]) == [None, 0]
    assert matches([LEFT], [Box(45, 0, 50, 50)]) == [None]
