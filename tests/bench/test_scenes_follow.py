"""Tracking figures on made-up sequences: each fault is counted once, and nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from edge.core.types import Box, Emotion, Face, Scores
from tests.bench.scenes.clip_score import ClipScore
from tests.bench.scenes.figures import of_clips
from tests.bench.scenes.follow import Follower
from tests.bench.scenes.scene_clip import FPS, TruthFace, Visibility

if TYPE_CHECKING:
    from collections.abc import Iterable

EVEN = Scores.of([1.0] * 7)
LEFT, RIGHT, NOWHERE = Box(100, 100, 100, 100), Box(600, 100, 100, 100), Box(1000, 500, 100, 100)
Frame = tuple[list[TruthFace], list[Face]]


def there(number: int, box: Box, presence: Visibility = Visibility.VISIBLE, share: float = 0.14) -> TruthFace:
    return TruthFace(number, box, share, presence)


def shown(track: str, box: Box, emotion: Emotion | None = Emotion.HAPPY) -> Face:
    return Face(track_id=track, box=box, scores=EVEN, emotion=emotion, confidence=0.5)


def followed(frames: Iterable[Frame], smallest: float = 0.1) -> ClipScore:
    follower = Follower(smallest)
    for index, (truth, faces) in enumerate(frames):
        follower.add(truth, faces, index / FPS, cpu_ns=2_000_000)
    return follower.score()


def faults(score: ClipScore) -> tuple[int, int, int]:
    return score.lost, score.switches, score.ghosts


def seconds(time_s: float, truth: list[TruthFace], faces: list[Face]) -> list[Frame]:
    return [(truth, faces)] * round(time_s * FPS)


A, B = there(0, LEFT), there(1, RIGHT)
A_SEEN, B_SEEN = shown("a", LEFT), shown("b", RIGHT)


def test_two_faces_followed_from_start_to_end() -> None:
    score = followed(seconds(3, [A, B], [A_SEEN, B_SEEN]))
    assert faults(score) == (0, 0, 0)
    assert (score.frames, score.scored_frames, score.face_frames) == (45, 30, 90)
    assert (score.promised_hits, score.promised_total, score.published, score.count_error) == (60, 60, 60, 0)
    assert score.hits == score.totals == (0, 0, 0, 60, 0)
    assert list(score.waits_s) == [0, 0]
    figures = {figure.key: figure.value for figure in of_clips(score, "still")}
    assert (figures["recall"], figures["count"], figures["labels"], figures["never"]) == (1, 1, 0, 0)
    assert figures["cpu_ms"] == 2.0
    assert figures["core"] == pytest.approx(0.03)


def test_a_gap_of_more_than_half_a_second_is_a_loss_a_shorter_one_is_none() -> None:
    seen: Frame = ([A], [A_SEEN])
    missing: Frame = ([A], [])
    assert followed([seen] * 15 + [missing] * 7 + [seen] * 15).lost == 0
    assert followed([seen] * 15 + [missing] * 8 + [seen] * 15).lost == 1
    assert followed([seen] * 15 + [missing] * 40).lost == 1


def test_a_new_id_is_a_loss_once_also_after_a_gap() -> None:
    seen: Frame = ([A], [A_SEEN])
    missing: Frame = ([A], [])
    again: Frame = ([A], [shown("c", LEFT)])
    assert faults(followed([seen] * 15 + [again] * 15)) == (1, 0, 0)
    assert faults(followed([seen] * 15 + [missing] * 3 + [again] * 15)) == (1, 0, 0)
    assert faults(followed([seen] * 15 + [missing] * 20 + [again] * 15)) == (1, 0, 0)


def test_each_face_that_gets_another_s_id_is_a_switch() -> None:
    swapped = ([A, B], [shown("b", LEFT), shown("a", RIGHT)])
    assert faults(followed(seconds(1, [A, B], [A_SEEN, B_SEEN]) + [swapped] * 15)) == (2, 2, 0)


def test_a_newcomer_with_another_s_id_is_a_switch() -> None:
    score = followed(seconds(1, [A], [A_SEEN]) + seconds(1, [B], [shown("a", RIGHT)]))
    assert faults(score) == (0, 1, 0)


def test_neighbours_whose_boxes_overlap_both_keep_their_own() -> None:
    near = there(1, Box(140, 100, 100, 100))
    one, two = shown("a", Box(100, 100, 100, 100)), shown("b", Box(140, 100, 100, 100))
    moved = shown("a", Box(125, 100, 100, 100)), shown("b", Box(115, 100, 100, 100))
    frames = [([A, near], [one, two])] * 15 + [([A, near], list(moved))] * 2 + [([A, near], [one, two])] * 15
    assert faults(followed(frames)) == (0, 0, 0)


def test_who_leaves_the_view_is_not_lost() -> None:
    gone: Frame = ([], [])
    score = followed(seconds(1, [A], [A_SEEN]) + [gone] * 15 + seconds(1, [A], [shown("c", LEFT)]))
    assert faults(score) == (0, 0, 0)
    half = there(0, LEFT, Visibility.IGNORED)
    score = followed(seconds(1, [A], [A_SEEN]) + seconds(1, [half], []) + seconds(1, [A], [shown("c", LEFT)]))
    assert faults(score) == (0, 0, 0)


def test_a_ghost_matches_nothing_in_four_fifths_of_its_frames() -> None:
    ghost = shown("g", NOWHERE)
    assert faults(followed(seconds(2, [A], [A_SEEN, ghost]))) == (0, 0, 1)
    late = seconds(1, [A], [shown("a", LEFT)]) + seconds(3, [A], [shown("a", NOWHERE)])
    assert followed(late).ghosts == 0  # it was somebody for a quarter of its time
    assert followed(seconds(2, [there(5, NOWHERE, Visibility.IGNORED)], [ghost])).ghosts == 0


def test_ghosts_and_false_faces_count_a_minute_and_a_frame() -> None:
    score = followed(seconds(2, [], [shown("g", NOWHERE)]) + seconds(2, [], []))
    figures = {figure.key: figure.value for figure in of_clips(score, "empty")}
    assert figures == {
        "ghosts": pytest.approx(15), "false_faces": pytest.approx(1 / 3), "cpu_ms": 2.0, "core": pytest.approx(0.03)
    }  # fmt: skip


def test_a_box_too_many_on_a_face_is_a_ghost() -> None:
    score = followed(seconds(2, [A], [A_SEEN, shown("d", LEFT)]))
    assert score.ghosts == 1
    assert score.published == 2 * score.promised_total


def test_label_changes_count_within_a_track_and_none_is_a_label() -> None:
    labels = [Emotion.HAPPY] * 10 + [None] * 10 + [Emotion.HAPPY] * 10
    score = followed([([A], [shown("a", LEFT, label)]) for label in labels])
    assert (score.label_changes, score.label_frames) == (2, 30)
    other = followed(seconds(1, [A], [A_SEEN]) + seconds(1, [A], [shown("c", LEFT, Emotion.SAD)]))
    assert other.label_changes == 0
    figures = {figure.key: figure.value for figure in of_clips(score, "still")}
    assert figures["labels"] == pytest.approx(2 / (30 / FPS / 60))


def test_smaller_faces_than_promised_count_by_size_alone() -> None:
    small = there(0, LEFT, share=0.06)
    score = followed(seconds(2, [small], [A_SEEN]))
    assert score.hits == score.totals == (0, 15, 0, 0, 0)
    assert (score.promised_total, score.published, score.false_faces, score.face_frames) == (0, 0, 0, 0)
    assert followed(seconds(2, [small], [A_SEEN]), smallest=0.05).promised_hits == 15


def test_the_wait_for_a_face_is_from_its_coming_into_view() -> None:
    score = followed(seconds(1, [], []) + seconds(0.4, [A], []) + seconds(1, [A], [A_SEEN]))
    assert list(score.waits_s) == pytest.approx([0.4])
    assert score.never == 0
    assert followed(seconds(3, [A], [])).never == 1
    assert followed(seconds(1, [A], [])).never == 0  # too short to say
    assert followed(seconds(3, [A], []) + seconds(1, [], [])).never == 1


def test_a_covered_face_is_not_missing_and_should_come_back_as_itself() -> None:
    covered = there(0, LEFT, Visibility.COVERED)
    away = seconds(1, [A], [A_SEEN]) + seconds(2, [covered], [])
    same = followed(away + seconds(1, [A], [A_SEEN]))
    assert (same.returns, same.same_id, same.lost) == (1, 1, 0)
    other = followed(away + seconds(1, [A], []) + seconds(1, [A], [shown("c", LEFT)]))
    assert (other.returns, other.same_id, other.lost) == (1, 0, 1)
    held = followed(seconds(1, [A], [A_SEEN]) + seconds(2, [covered], [A_SEEN]) + seconds(1, [A], [A_SEEN]))
    assert (held.false_faces, held.ghosts, held.same_id) == (0, 0, 1)
    unknown = followed(seconds(1, [A], []) + seconds(2, [covered], []) + seconds(1, [A], [A_SEEN]))
    assert (unknown.returns, unknown.same_id) == (0, 0)


def test_sums_of_clips_add_up() -> None:
    one, two = followed(seconds(2, [A], [A_SEEN])), followed(seconds(2, [A, B], [A_SEEN]))
    both = one + two
    assert (both.clips, both.frames, both.promised_total) == (2, 60, 45)
    assert both.hits == (0, 0, 0, 30, 0)
    assert list(both.waits_s) == [0, 0]
    assert both + ClipScore() == both
