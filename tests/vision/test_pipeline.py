from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from edge.core.contrast import Contrast
from edge.core.types import Box, Detection, Emotion, Face, Frame, Light, Scores
from edge.inference.preprocess import crop_face
from edge.vision import pipeline as pipeline_module
from edge.vision.findings import SearchResult
from edge.vision.pipeline import _in_view, _is_inside, mark_primary
from edge.vision.pose import roll_of
from edge.vision.scripted import ScriptedClassifier
from edge.vision.track import TrackRules
from tests.fixtures.room import WatchedDetector
from tests.fixtures.scripted_vision import bright_pipeline

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from edge.core.types import Landmarks, Observation
    from edge.vision.pipeline import Pipeline

MS = 1_000_000


def scene(*boxes: tuple[int, int, int], width: int = 640, height: int = 480, level: int = 230) -> np.ndarray:
    image = np.zeros((height, width, 3), np.uint8)
    for x, y, side in boxes:
        image[y : y + side, x : x + side] = level
    return image


def textured(x: int, y: int, side: int = 80) -> np.ndarray:
    """Return a scene with one face that can be followed by how it looks."""
    wave = np.cos(np.arange(side) * (4 * np.pi / side))
    image = np.full((480, 640, 3), 110, np.uint8)
    image[y : y + side, x : x + side] = (195 + 55 * wave[:, None] * wave[None, :])[..., None]
    return image


def play(vision: Pipeline, images: list[np.ndarray], *, every_ms: int = 33, start_ms: int = 0) -> list[Observation]:
    return [vision.step(Frame(image, (start_ms + i * every_ms) * MS, i)) for i, image in enumerate(images)]


def test_boxes_are_in_pixels_of_the_full_frame() -> None:
    (face,) = bright_pipeline(still=True).step(Frame(scene((200, 100, 80)), 0, 0)).faces
    assert face.box.iou(Box(200, 100, 80, 80)) > 0.95
    assert face.emotion is Emotion.HAPPY
    assert face.raw_scores == face.scores
    assert face.facing


def test_faces_are_detected_now_and_then_and_followed_in_between() -> None:
    detector = WatchedDetector()
    vision = bright_pipeline(detector=detector, interval_s=0.2, scan_s=2.0)
    observations = play(vision, [textured(200 + 2 * i, 100) for i in range(31)])
    searched = [observation.detect_ms is not None for observation in observations]
    assert 3 <= sum(searched) <= 8
    assert searched[:2] == [True, True], "at once again, to be sure"
    for index, observation in enumerate(observations[2:], 2):
        (face,) = observation.faces
        assert face.box.iou(Box(200 + 2 * index, 100, 80, 80)) > 0.85
        assert face.detected is searched[index]
    assert len({face.track_id for observation in observations for face in observation.faces}) == 1


def test_a_face_that_does_not_move_stays_where_it_is() -> None:
    observations = play(bright_pipeline(interval_s=0.2, scan_s=60.0), [textured(200, 100)] * 40)
    assert len({face.box for observation in observations for face in observation.faces}) == 1


def test_a_face_that_the_detector_misses_is_shown_while_it_looks_like_itself() -> None:
    detector = WatchedDetector()
    rules = TrackRules(held_s=1.0, max_age_s=0.8, min_hits=2)
    vision = bright_pipeline(detector=detector, interval_s=0.1, rules=rules)
    play(vision, [textured(200 + 2 * i, 100) for i in range(10)], every_ms=100)
    detector.blind = True
    missed = play(vision, [textured(220 + 2 * i, 100) for i in range(30)], every_ms=100, start_ms=1000)
    shown = [len(observation.faces) for observation in missed]
    assert shown[:9] == [1] * 9
    assert shown[12:] == [0] * 18, "but not for ever"
    assert all(face.box.iou(Box(220 + 2 * i, 100, 80, 80)) > 0.8 for i in range(9) for face in missed[i].faces)


def test_a_face_that_is_missed_is_forgotten_although_nothing_changes() -> None:
    detector = WatchedDetector()
    rules = TrackRules(held_s=0.5, max_age_s=0.4, memory_s=1.0, min_hits=2)
    vision = bright_pipeline(detector=detector, interval_s=0.1, rules=rules)
    before = play(vision, [textured(200, 100)] * 10, every_ms=100)
    detector.blind = True
    play(vision, [textured(200, 100)] * 30, every_ms=100, start_ms=1000)
    assert vision.still, "what does not change is not seen thereby"
    detector.blind = False
    after = play(vision, [textured(200, 100)] * 10, every_ms=100, start_ms=4000)
    (old,), (new,) = before[-1].faces, after[-1].faces
    assert new.track_id != old.track_id


def test_a_face_that_left_is_not_shown_for_long() -> None:
    vision = bright_pipeline(interval_s=0.1)
    play(vision, [textured(200, 100)] * 10, every_ms=100)
    gone = play(vision, [scene()] * 10, every_ms=100, start_ms=1000)
    assert [len(observation.faces) for observation in gone][2:] == [0] * 8


def test_a_face_is_read_at_its_interval_and_keeps_its_label_in_between() -> None:
    classifier = ScriptedClassifier()
    vision = bright_pipeline(classifier=classifier, read_every_s=0.1, interval_s=0.2, scan_s=2.0)
    observations = play(vision, [scene((200, 100, 80))] * 31)[1:]
    read = [observation.faces[0].raw_scores is not None for observation in observations if observation.faces]
    assert read[:9] == [True, False, False, False] * 2 + [True]
    assert classifier.crops_seen == sum(read) == sum(o.classify_ms is not None for o in observations)
    assert {face.emotion for observation in observations for face in observation.faces} == {Emotion.HAPPY}
    assert all(sum(face.scores) == pytest.approx(1) for observation in observations for face in observation.faces)


def test_in_a_crowd_each_face_is_read_less_often_but_read() -> None:
    classifier = ScriptedClassifier()
    boxes = [(20 + 120 * column, 20 + 130 * row, 80) for row in range(5) for column in range(10)]
    image = scene(*boxes, width=1280, height=720)
    vision = bright_pipeline(classifier=classifier, read_every_s=0.1, width=1024, rules=TrackRules(min_hits=1))
    observations = play(vision, [image] * 40, every_ms=100)
    first, later = observations[:2], observations[2:]
    assert all(len(observation.faces) == 50 for observation in observations)
    assert all(face.raw_scores is not None for face in first[0].faces), "a new face is read at once"
    read = sum(face.raw_scores is not None for observation in later for face in observation.faces)
    assert read / 3.8 <= 1.1 * pipeline_module._MOST_READINGS
    assert read >= 100, "and each again"


def test_the_same_frames_give_the_same_observations() -> None:
    def once() -> list[Observation]:
        vision = bright_pipeline(interval_s=0.2, scan_s=2.0, seed=1)
        return play(vision, [textured(100 + 3 * i, 80) for i in range(40)], every_ms=40)

    first = once()
    assert first == once()
    assert sum(len(observation.faces) for observation in first) > 30


def test_fifty_faces_in_one_picture_are_all_classified() -> None:
    boxes = [(20 + 120 * column, 20 + 130 * row, 80) for row in range(5) for column in range(10)]
    image = scene(*boxes, width=1280, height=720)
    faces = bright_pipeline(still=True, width=1024).step(Frame(image, 0, 0)).faces
    assert len(faces) == 50
    assert all(face.emotion is Emotion.HAPPY for face in faces)


def test_pictures_without_memory_do_not_touch_each_other() -> None:
    vision = bright_pipeline(still=True)
    bright = vision.step(Frame(scene((200, 100, 80), level=250), 0, 0)).faces[0]
    dim = vision.step(Frame(scene((200, 100, 80), level=140), 0, 1)).faces[0]
    assert dim.confidence < bright.confidence - 0.3
    assert vision.step(Frame(scene(), 0, 2)).faces == ()


@pytest.mark.parametrize(
    ("box", "seen"),
    [
        (Box(-40, 100, 80, 80), True),
        (Box(-41, 100, 80, 80), False),
        (Box(600, 100, 80, 80), True),
        (Box(601, 100, 80, 80), False),
        (Box(100, -40, 80, 80), True),
        (Box(100, -41, 80, 80), False),
        (Box(100, 440, 80, 80), True),
        (Box(100, 441, 80, 80), False),
        (Box(-20, -20, 80, 80), True),
        (Box(-30, -30, 80, 80), False),
        (Box(-300, -300, 80, 80), False),
        (Box(900, 700, 80, 80), False),
        (Box(-50, -50, 740, 580), True),
        (Box(-400, -400, 1600, 1600), False),
    ],
)
def test_a_face_is_in_view_where_at_least_half_of_its_box_is(box: Box, seen: bool) -> None:
    frame = Frame(scene(), 0, 0)
    assert _in_view(box, frame) is seen
    detector = WatchedDetector()
    detector.only = [Detection(box.scaled(0.5))]
    assert bool(bright_pipeline(detector=detector, still=True).step(frame).faces) is seen


@pytest.mark.parametrize(
    ("centre", "inside"),
    [
        ((0, 0), True),
        ((639, 479), True),
        ((-1, 100), False),
        ((640, 100), False),
        ((100, -1), False),
        ((100, 480), False),
    ],
)
def test_a_face_is_inside_where_its_centre_is(centre: tuple[int, int], *, inside: bool) -> None:
    frame = Frame(np.zeros((480, 640), np.uint8), 0, 0)
    assert _is_inside(Box(centre[0] - 20, centre[1] - 30, 40, 60), frame) is inside


def test_a_face_that_was_not_looked_for_is_not_missed(monkeypatch: pytest.MonkeyPatch) -> None:
    vision = bright_pipeline(interval_s=0.1, rules=TrackRules(held_s=0.5, max_age_s=0.4, min_hits=2))
    (before,) = play(vision, [textured(200, 100)] * 10, every_ms=100)[-1].faces
    elsewhere = SearchResult((), frozenset())
    monkeypatch.setattr(vision._search, "look", lambda *_: elsewhere)
    later = play(vision, [textured(200, 100)] * 30, every_ms=100, start_ms=1000)
    assert [face.track_id for face in later[-1].faces] == [before.track_id]
    assert [track.missed for track in vision._tracker.tracks()] == [0]


def test_who_walks_out_of_the_picture_is_not_shown_outside() -> None:
    vision = bright_pipeline(interval_s=0.1, rules=TrackRules(max_age_s=5.0, misses=50))
    play(vision, [textured(10 + 40 * i, 100) for i in range(14)], every_ms=66)
    for observation in play(vision, [scene()] * 10, every_ms=66, start_ms=14 * 66):
        for face in observation.faces:
            assert face.box.x + face.box.width / 2 <= 640


@pytest.mark.parametrize(
    ("brightness", "light"), [(1.0, Light.NORMAL), (0.2, Light.DARK), (0.01, Light.TOO_DARK), (0.0, Light.TOO_DARK)]
)
@pytest.mark.parametrize("still", [False, True])
def test_an_observation_says_how_well_the_camera_sees(brightness: float, light: Light, still: bool) -> None:
    image = (scene((200, 100, 80)) * brightness).astype(np.uint8)
    assert bright_pipeline(still=still).step(Frame(image, 0, 0)).light is light


def test_a_dark_scene_is_seen_as_a_bright_one_is() -> None:
    bright, dark = (
        bright_pipeline(still=True).step(Frame((scene((200, 100, 80)) * factor).astype(np.uint8), 0, 0)).faces
        for factor in (1.0, 0.05)
    )
    assert len(bright) == 1
    assert [face.box for face in dark] == [face.box for face in bright]


def test_a_face_turned_away_is_said_to_be_so() -> None:
    away = Detection(Box(100, 50, 40, 40), 1.0, ((110, 60), (130, 60), (138, 70), (112, 80), (130, 80)))
    front = replace(away, landmarks=((110, 60), (130, 60), (120, 70), (112, 80), (130, 80)))
    detector = WatchedDetector()
    vision = bright_pipeline(detector=detector, rules=TrackRules(min_hits=1))
    facing = []
    for index, found in enumerate((front, away, away, front)):
        detector.only = [found]
        facing.append(vision.step(Frame(scene((200, 100, 80)), index * 33 * MS, index)).faces[0].facing)
    assert facing == [True, False, False, True]


def test_a_face_that_was_just_missed_is_not_said_to_face_the_camera() -> None:
    detector = WatchedDetector()
    vision = bright_pipeline(detector=detector, rules=TrackRules(min_hits=1, misses=5))
    play(vision, [scene((200, 100, 80))] * 5)
    (face,) = vision.step(Frame(scene(), 5 * 33 * MS, 5)).faces
    assert not face.detected
    assert not face.facing
    assert face.raw_scores is None, "and its expression is not read where it is not"
    assert face.emotion is Emotion.HAPPY


def test_rare_frames_hide_no_face() -> None:
    empty, there = scene(), scene((200, 100, 80))
    observations = play(bright_pipeline(interval_s=0.2), [empty, empty, there, there, empty, there], every_ms=1000)
    assert [len(observation.faces) for observation in observations] == [0, 0, 1, 1, 1, 1]


def test_crops_are_turned_upright_and_their_contrast_corrected() -> None:
    crops: list[NDArray[np.uint8]] = []

    class Watching(ScriptedClassifier):
        contrast: Contrast | None = Contrast()

        def classify(self, crops_: Sequence[NDArray[np.uint8]]) -> list[Scores]:
            crops.extend(crops_)
            return super().classify(crops_)

    eyes: Landmarks = ((105, 60), (130, 75), (118, 75), (108, 80), (128, 84))
    box = Box(100, 50, 40, 40)
    detector = WatchedDetector()
    detector.only = [Detection(box, 1.0, eyes)]
    dark = (textured(200, 100) * 0.2).astype(np.uint8)
    bright_pipeline(detector=detector, classifier=Watching(), still=True).step(Frame(dark, 0, 0))
    (crop,) = crops
    assert roll_of(eyes) > 20
    whole = box.scaled(2)
    expected = crop_face(dark, whole, margin=0.0, size=48, roll=roll_of(eyes), contrast=Contrast())
    assert np.array_equal(crop, expected)
    assert not np.array_equal(crop, crop_face(dark, whole, margin=0.0, size=48, contrast=Contrast()))
    assert not np.array_equal(crop, crop_face(dark, whole, margin=0.0, size=48, roll=roll_of(eyes)))


def test_who_is_forgotten_is_forgotten_everywhere() -> None:
    vision = bright_pipeline(interval_s=0.1, rules=TrackRules(max_age_s=0.5, memory_s=1.0))
    play(vision, [textured(200, 100)] * 10, every_ms=100)
    still = [vision.still]
    assert len(vision._follower._faces) == 1
    play(vision, [scene()] * 80, every_ms=100, start_ms=1000)
    assert [*still, vision.still] == [False, True]
    assert not vision._follower._faces


def test_a_clock_that_steps_back_detects_again() -> None:
    detector = WatchedDetector()
    vision = bright_pipeline(detector=detector, interval_s=0.2, scan_s=2.0)
    vision.step(Frame(scene(), 10_000 * MS, 0))
    vision.step(Frame(scene(), 1 * MS, 1))
    assert detector.calls == 2


def test_after_a_reset_nobody_is_known() -> None:
    vision = bright_pipeline(interval_s=0.2, scan_s=2.0)
    before = play(vision, [textured(200, 100)] * 5)[-1].faces[0].track_id
    still = [vision.still]
    vision.reset()
    assert [*still, vision.still] == [False, True]
    after = play(vision, [textured(200, 100)] * 2, start_ms=200)
    assert [len(observation.faces) for observation in after] == [0, 1]
    assert after[1].faces[0].track_id != before


@pytest.mark.parametrize("size", [(1, 1), (3, 2000), (2000, 3)])
def test_odd_shapes_of_picture_pass(size: tuple[int, int]) -> None:
    frame = Frame(np.zeros((*size, 3), np.uint8), 0, 0)
    assert bright_pipeline().step(frame).faces == ()


def face(x: float, y: float, side: float) -> Face:
    scores = Scores.of([1] * 7)
    return Face("x", Box(x, y, side, side), scores, None, scores.confidence)


def test_the_primary_face_is_the_central_one_or_the_largest_or_none() -> None:
    corner, centre = face(0, 0, 140), face(270, 190, 100)
    central = mark_primary([corner, centre], 640, 480, "central")
    largest = mark_primary([corner, centre], 640, 480, "largest")
    assert [f.primary for f in central] == [False, True]
    assert [f.primary for f in largest] == [True, False]
    assert not any(f.primary for f in mark_primary([corner, centre], 640, 480, "off"))
