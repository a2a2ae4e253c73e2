from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.core.types import Box, Detection
from edge.vision.track import Track, Tracker, TrackRules

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from edge.core.types import Landmarks

MS = 1_000_000
RULES = TrackRules(
    iou_threshold=0.25,
    begins=0.0,
    confirms=0.0,
    sure=2.0,
    min_hits=2,
    misses=2,
    max_age_s=0.8,
    held_s=3.0,
    memory_s=2.5,
    max_faces=100,
)
FACE = Box(100, 100, 40, 40)
WEAK, SURE = 0.6, 0.9


def right(pixels: float, box: Box = FACE) -> Box:
    return replace(box, x=box.x + pixels)


def found(*boxes: Box, score: float = 1.0) -> list[Detection]:
    return [Detection(box, score) for box in boxes]


class Clip:
    """A tracker and what happens to it after its first frame, in which there was nobody."""

    def __init__(self, *, first_ms: int = -100, **changes: Any) -> None:
        self.tracker = Tracker(replace(RULES, **changes), seed=1)
        self.frame(first_ms, [])

    def frame(
        self,
        at_ms: int,
        detections: Sequence[Detection] | None = None,
        *,
        followed: dict[str, Box] | None = None,
        looked_for: Collection[str] | None = None,
    ) -> list[Track]:
        """Take in one frame; ``None`` for detections: nothing is looked for. Return the faces that are shown."""
        self.now_ns = at_ms * MS
        self.tracker.tick(self.now_ns)
        self.tracker.follow(followed or {}, self.now_ns)
        if detections is not None:
            self.tracker.update(detections, self.now_ns, looked_for=looked_for, followed=(followed or {}).keys())
        return self.shown

    @property
    def shown(self) -> list[Track]:
        return [track for track, _ in self.tracker.faces(self.now_ns)]

    @property
    def places(self) -> list[Box]:
        return [box for _, box in self.tracker.faces(self.now_ns)]


def seen_long(clip: Clip, *boxes: Box, hits: int = 10, every_ms: int = 100) -> list[Track]:
    """Detect faces in ``hits`` frames; the last one is at ``(hits - 1) * every_ms``."""
    for index in range(hits):
        clip.frame(index * every_ms, found(*boxes))
    return clip.shown


def test_a_face_counts_from_its_second_detection_on() -> None:
    clip = Clip()
    assert clip.frame(0, found(FACE)) == []
    (track,) = clip.frame(200, found(right(2)))
    assert clip.places == [right(2)]
    assert len(track.id) == 8


def test_a_sure_one_counts_at_once_and_stays_one() -> None:
    clip = Clip(sure=0.85)
    assert clip.frame(0, found(FACE, score=WEAK)) == []
    clip = Clip(sure=0.85)
    (track,) = clip.frame(0, found(FACE, score=SURE))
    (again,) = clip.frame(100, found(FACE, score=WEAK))
    assert again.id == track.id
    assert again.best == SURE


def test_what_never_scores_enough_is_never_a_face() -> None:
    clip = Clip(confirms=0.8)
    for index in range(20):
        assert clip.frame(index * 100, found(FACE, score=WEAK)) == []
    assert len(clip.frame(2000, found(FACE, score=0.8))) == 1
    assert len(clip.frame(2100, found(FACE, score=WEAK))) == 1, "once is enough"


def test_weak_detections_continue_a_track_and_do_not_begin_one() -> None:
    clip = Clip(begins=0.7)
    clip.frame(0, found(FACE, score=WEAK))
    assert clip.tracker.tracks() == []
    clip.frame(100, found(FACE, score=0.7))
    (track,) = clip.frame(200, found(right(4), score=WEAK))
    assert clip.places == [right(4)]
    assert track.hits == 2


def test_what_was_not_confirmed_disappears_after_two_misses() -> None:
    clip = Clip()
    clip.frame(0, found(FACE))
    clip.frame(50, [])
    assert len(clip.tracker.tracks()) == 1
    clip.frame(100, [])
    assert clip.tracker.tracks() == []
    clip = Clip()
    clip.frame(0, found(FACE))
    for at_ms in range(100, 900, 100):
        clip.frame(at_ms)
    assert len(clip.tracker.tracks()) == 1
    clip.frame(900)
    assert clip.tracker.tracks() == [], "too old, though nobody looked"


def test_a_face_that_is_not_detected_is_shown_until_the_second_miss() -> None:
    clip = Clip()
    seen_long(clip, FACE)
    assert len(clip.frame(950, [])) == 1
    (track,) = clip.frame(980, found(FACE))
    assert track.missed == 0, "a look that succeeds begins the count anew"
    assert len(clip.frame(1000, [])) == 1
    assert clip.frame(1050, []) == []
    assert len(clip.tracker.tracks()) == 1, "but remembered"


def test_who_was_not_looked_for_was_not_missed() -> None:
    clip = Clip()
    near, far = Box(0, 0, 100, 100), Box(300, 0, 20, 20)
    first, second = seen_long(clip, near, far)
    for at_ms in (950, 1000, 1050):
        clip.frame(at_ms, [], looked_for={first.id})
    assert [track.id for track in clip.shown] == [second.id]


def test_a_face_that_nobody_looks_for_is_shown_for_its_age() -> None:
    clip = Clip()
    seen_long(clip, FACE)
    assert len(clip.frame(1700)) == 1
    assert clip.frame(1701) == []


@pytest.mark.parametrize(("away_ms", "same"), [(2000, True), (3000, False)])
def test_who_looks_away_for_two_seconds_keeps_the_id(away_ms: int, same: bool) -> None:
    clip = Clip(memory_s=2.5)
    (before,) = seen_long(clip, FACE)
    for at_ms in range(1000, 900 + away_ms, 100):
        clip.frame(at_ms, [])
    assert clip.shown == []
    for at_ms in (900 + away_ms, 1000 + away_ms):
        clip.frame(at_ms, found(right(10)))
    (after,) = clip.shown
    assert (after.id == before.id) is same


def test_a_moving_face_keeps_its_id_and_is_predicted_between_detections() -> None:
    clip = Clip()
    for index in range(10):
        clip.frame(index * 200, found(right(20 * index)))
    (track,) = clip.shown
    assert track.hits == 10
    clip.frame(1900)
    assert clip.places[0].x == pytest.approx(100 + 180 + 10, abs=1)
    assert clip.places[0].y == pytest.approx(100)


def test_a_face_that_is_not_seen_does_not_run_on_for_long() -> None:
    clip = Clip(max_age_s=5.0)
    for index in range(10):
        clip.frame(index * 100, found(right(10 * index)))
    clip.frame(1900)
    soon = clip.places[0].x
    clip.frame(2900)
    assert clip.places[0].x == soon < 190 + 50


def test_a_detection_in_the_frame_of_a_follow_step_does_not_change_the_speed() -> None:
    clip = Clip()
    (track,) = seen_long(clip, FACE)
    for index in range(1, 21):
        followed = right(4, track.box)
        jitter = 3 * (-1) ** index
        (track,) = clip.frame(900 + 100 * index, found(right(jitter, followed)), followed={track.id: followed})
        assert track.box == right(jitter, followed), "where it was detected"
    assert track.speed_x == pytest.approx(40, abs=1)
    assert track.detected_ns == track.seen_ns == clip.now_ns


def test_a_followed_face_is_seen_without_being_detected() -> None:
    clip = Clip()
    (track,) = seen_long(clip, FACE)
    for at_ms in range(1000, 4000, 100):
        clip.frame(at_ms, followed={track.id: right(0.01 * (at_ms - 900))})
    (track,) = clip.shown
    assert track.box.x == pytest.approx(130)
    assert (track.detected_ns, track.seen_ns) == (900 * MS, 3900 * MS)


def test_two_faces_that_pass_each_other_stay_two() -> None:
    clip = Clip()
    ids: set[str] = set()
    for index in range(10):
        clip.frame(index * 100, found(right(10 * index), Box(190 - 10 * index, 150, 30, 30)))
        ids |= {track.id for track in clip.shown}
    assert len(ids) == 2


@pytest.mark.parametrize("hidden", [0, 1, 2])
def test_two_faces_that_cross_keep_their_ids(hidden: int) -> None:
    """They walk towards each other at one height; where they meet, the one behind is not found in some frames."""
    clip = Clip()
    middle = 12
    for index in range(2 * middle + 1):
        front, behind = Box(100 + 10 * index, 100, 40, 40), Box(340 - 10 * index, 104, 40, 40)
        is_hidden = abs(index - middle) < hidden
        clip.frame(index * 66, found(front) if is_hidden else found(front, behind))
        if index == 5:
            by_side = {round(track.box.y): track.id for track in clip.shown}
    assert {round(track.box.y): track.id for track in clip.shown} == by_side
    assert set(by_side) == {100, 104}


def test_when_the_camera_moves_faces_that_cannot_be_followed_move_along() -> None:
    clip = Clip()
    places = [Box(100 * column, 50, 40 - column, 40 - column) for column in range(4)]
    for index in range(10):
        clip.frame(index * 100, found(*places[:3], right(10 * index, places[3])))
    *others, last = clip.shown
    assert last.speed_x > 90
    moved = {track.id: replace(track.box, x=track.box.x + 30, y=track.box.y - 4) for track in others}
    clip.frame(1000, followed=moved)
    assert clip.tracker.tracks()[3].id == last.id
    assert clip.places[3] == Box(390 + 30, 50 - 4, 37, 37)
    clip.frame(1050)
    assert clip.places[3].x == pytest.approx(420 + 15), "it goes on as the camera does"


def test_a_face_that_begins_while_the_camera_moves_is_expected_to_move_as_well() -> None:
    clip = Clip(min_hits=1)
    places = [Box(100 * column, 50, 40, 40) for column in range(3)]
    tracks = seen_long(clip, *places)
    newcomer = Box(150, 300, 40, 40)
    moved = {track.id: right(30, track.box) for track in tracks}
    clip.frame(1000, found(*moved.values(), newcomer), followed=moved)
    clip.frame(1100)
    (place,) = [box for box in clip.places if box.y == 300]
    assert place.x == pytest.approx(180)


def test_a_face_that_is_found_where_the_camera_moved_it_is_seen() -> None:
    clip = Clip()
    places = [Box(100 * column, 50, 40 - column, 40 - column) for column in range(4)]
    *others, last = seen_long(clip, *places)
    moved = {track.id: right(30, track.box) for track in others}
    clip.frame(1000, found(right(31, last.box)), followed=moved, looked_for={last.id})
    assert clip.shown[3].seen_ns == clip.now_ns


def test_faces_that_are_followed_grow_as_the_camera_zooms() -> None:
    clip = Clip(min_hits=1)
    corners = [Box(x, y, 40, 40) for x in (100, 500) for y in (80, 380)]
    tracks = seen_long(clip, *corners)
    zoom = 1.05
    apart = {track.id: Box(zoom * track.box.x + 1, zoom * track.box.y + 1, 40, 40) for track in tracks}
    clip.frame(1000, followed=apart)
    assert [box.width for box in clip.places] == pytest.approx([zoom * 40] * 4)
    for track, box in clip.tracker.faces(clip.now_ns):
        assert box.centre == pytest.approx(apart[track.id].centre)


def test_two_people_who_move_do_not_move_a_third() -> None:
    clip = Clip()
    places = [Box(100 * column, 50, 40 - column, 40 - column) for column in range(3)]
    *others, last = seen_long(clip, *places)
    clip.frame(1000, followed={track.id: right(30, track.box) for track in others})
    assert {track.id: track.box for track in clip.tracker.tracks()}[last.id] == places[-1]


def test_a_face_that_looks_like_itself_is_held_though_it_is_not_found_but_not_for_ever() -> None:
    clip = Clip(held_s=2.0)
    (track,) = seen_long(clip, FACE)
    lasted_ms = 0
    for at_ms in range(1000, 6000, 100):
        is_shown = bool(clip.frame(at_ms, [], followed={track.id: FACE}))
        lasted_ms = at_ms if is_shown else lasted_ms
    assert lasted_ms == 900 + 2000 + 100, "the second miss after two seconds hides it"


def test_one_that_is_hardly_known_is_held_for_less_long() -> None:
    clip = Clip(held_s=3.0, max_age_s=0.5)
    (track,) = seen_long(clip, FACE, hits=2)
    for at_ms in range(200, 1100, 100):
        assert clip.frame(at_ms, [], followed={track.id: FACE})
    clip.frame(1200, [], followed={track.id: FACE})
    assert clip.frame(1300, [], followed={track.id: FACE}) == []


def test_what_was_never_confirmed_is_not_held() -> None:
    clip = Clip()
    clip.frame(0, found(FACE))
    (track,) = clip.tracker.tracks()
    for at_ms in (50, 100):
        clip.frame(at_ms, [], followed={track.id: FACE})
    assert clip.tracker.tracks() == []


@pytest.mark.parametrize("interval_ms", [1000, 5000, 60_000])
def test_rare_frames_never_hide_a_face(interval_ms: int) -> None:
    clip = Clip(first_ms=-interval_ms)
    shown = [len(clip.frame(index * interval_ms, found(FACE) if index else [])) for index in range(6)]
    assert shown == [0, 1, 1, 1, 1, 1]
    assert len({track.id for track in clip.shown}) == 1
    assert clip.shown[0].hits == 5
    assert len(clip.frame(6 * interval_ms, [])) == 1, "one miss is no proof"
    assert clip.frame(7 * interval_ms, []) == []


def test_one_late_frame_is_no_slow_source() -> None:
    clip = Clip()
    assert clip.frame(0, []) == []
    assert clip.frame(600, found(FACE)) == [], "it has to be found once more"
    assert clip.frame(700, []) == []


def test_a_clock_that_steps_back_moves_nobody() -> None:
    clip = Clip()
    clip.frame(0, found(FACE))
    clip.frame(100, found(replace(FACE, x=FACE.x + 5)))
    (track,) = clip.tracker.tracks()
    assert track.speed_x > 0
    assert track.at(-8000 * MS) == track.box


def test_roll_and_facing_are_those_of_the_last_detection() -> None:
    tilted: Landmarks = ((0, 0), (30, 20), (14, 12), (0, 30), (20, 40))
    away: Landmarks = ((0, 0), (20, 0), (25, 10), (5, 30), (20, 30))
    clip = Clip(sure=0.5)
    (track,) = clip.frame(0, [Detection(FACE, 1.0, tilted)])
    assert track.roll == pytest.approx(33.7, abs=0.1)
    assert track.facing
    (track,) = clip.frame(100, [Detection(FACE, 1.0, away)])
    assert track.roll == 0
    assert not track.facing
    (track,) = clip.frame(200, followed={track.id: right(2)})
    assert not track.facing, "holds until it is looked for again"


def test_update_says_which_detection_went_where() -> None:
    clip = Clip(begins=0.5)
    clip.frame(0, found(FACE))
    (known,) = clip.tracker.tracks()
    continued, begun, weak = right(3), right(200), right(400)
    matched = clip.tracker.update([*found(begun, continued), *found(weak, score=0.2)], 100 * MS)
    assert matched[known.id].box == continued
    assert sorted(each.box.x for each in matched.values()) == [continued.x, begun.x]
    assert set(matched) == {track.id for track in clip.tracker.tracks()}


def test_only_the_largest_are_kept() -> None:
    clip = Clip(min_hits=1, max_faces=3)
    clip.frame(0, found(*(Box(100 * i, 0, 10 + i, 10 + i) for i in range(8))))
    assert [box.width for box in clip.places] == [17, 16, 15]


def test_the_same_seed_gives_the_same_ids() -> None:
    first, second = Clip(min_hits=1), Clip(min_hits=1)
    for each in (first, second):
        each.frame(0, found(FACE, right(200)))
    assert [track.id for track in first.shown] == [track.id for track in second.shown]


def test_after_a_reset_everybody_is_new_and_the_pause_was_no_slow_source() -> None:
    clip = Clip()
    (before,) = seen_long(clip, FACE)
    clip.tracker.reset()
    assert clip.tracker.tracks() == []
    clip.frame(60_000, [])
    assert clip.frame(60_100, found(FACE)) == []
    (after,) = clip.frame(60_200, found(FACE))
    assert after.id != before.id


boxes = st.builds(Box, st.floats(0, 600), st.floats(0, 400), st.floats(10, 200), st.floats(10, 200))


@settings(deadline=None)
@given(st.lists(st.lists(boxes, max_size=6), min_size=1, max_size=8))
def test_every_detection_is_one_track_and_ids_are_unique(rounds: list[list[Box]]) -> None:
    clip = Clip(min_hits=1)
    for index, detections in enumerate(rounds):
        shown = clip.frame(index * 100, found(*detections))
        assert len({track.id for track in shown}) == len(shown)
        fresh = [track.box for track in shown if track.detected_ns == clip.now_ns]
        assert sorted(map(str, fresh)) == sorted(map(str, detections))
