from __future__ import annotations

import numpy as np
import pytest

from edge.config import PrimaryConfig, SmoothingConfig, TrackerConfig
from edge.types import Box, Emotion, Face, Frame, Scores
from edge.vision.pipeline import Pipeline, mark_primary
from edge.vision.scripted import BrightDetector, ScriptedClassifier

MS = 1_000_000


def scene(*boxes: tuple[int, int, int], width: int = 640, height: int = 480, level: int = 230) -> np.ndarray:
    image = np.zeros((height, width, 3), np.uint8)
    for x, y, side in boxes:
        image[y : y + side, x : x + side] = level
    return image


def pipeline(
    detector: BrightDetector | None = None,
    classifier: ScriptedClassifier | None = None,
    *,
    memory: bool = True,
    mode: str = "central",
    width: int = 320,
    read_every_s: float = 0.0,
) -> Pipeline:
    return Pipeline(
        detector or BrightDetector(),
        classifier or ScriptedClassifier(),
        detect_width=width,
        detect_interval_s=0.2,
        scan_s=2.0,
        classify_interval_s=read_every_s,
        tracker=TrackerConfig(),
        smoothing=SmoothingConfig(),
        primary=PrimaryConfig(mode=mode),
        memory=memory,
        seed=1,
    )


def test_boxes_are_in_pixels_of_the_full_frame() -> None:
    (face,) = pipeline(memory=False).step(Frame(scene((200, 100, 80)), 0, 0)).faces
    assert face.box.iou(Box(200, 100, 80, 80)) > 0.95
    assert face.emotion is Emotion.HAPPY
    assert face.raw_scores == face.scores


def test_detection_runs_at_its_interval_and_tracks_in_between() -> None:
    detector = BrightDetector()
    vision = pipeline(detector)
    observations = [vision.step(Frame(scene((200 + 2 * i, 100, 80)), i * 33 * MS, i)) for i in range(31)]
    assert detector.calls == 6  # two in a row to be sure, then every 0.2 s
    assert sum(observation.detect_ms is not None for observation in observations) == 6
    assert [len(observation.faces) for observation in observations[-20:]] == [1] * 20
    assert [observation.faces[0].detected for observation in observations[-3:]].count(True) <= 1


def test_a_face_is_read_at_its_interval_and_keeps_its_label_in_between() -> None:
    classifier = ScriptedClassifier()
    vision = pipeline(classifier=classifier, read_every_s=0.1)
    observations = [vision.step(Frame(scene((200, 100, 80)), i * 33 * MS, i)) for i in range(1, 31)]
    read = [observation.faces[0].raw_scores is not None for observation in observations if observation.faces]
    assert read[:9] == [True, False, False, False] * 2 + [True]
    assert classifier.crops_seen == sum(read) == sum(o.classify_ms is not None for o in observations)
    assert {face.emotion for observation in observations for face in observation.faces} == {Emotion.HAPPY}
    assert all(sum(face.scores) == pytest.approx(1) for observation in observations for face in observation.faces)


def test_the_same_frames_give_the_same_observations() -> None:
    def play() -> list[object]:
        vision = pipeline()
        return [vision.step(Frame(scene((100 + 3 * i, 80, 90)), i * 40 * MS, i)) for i in range(40)]

    assert play() == play()


def test_fifty_faces_in_one_picture_are_all_classified() -> None:
    boxes = [(20 + 120 * column, 20 + 130 * row, 80) for row in range(5) for column in range(10)]
    image = scene(*boxes, width=1280, height=720)
    faces = pipeline(memory=False, width=1024).step(Frame(image, 0, 0)).faces
    assert len(faces) == 50
    assert all(face.emotion is Emotion.HAPPY for face in faces)


def test_pictures_without_memory_do_not_touch_each_other() -> None:
    vision = pipeline(memory=False)
    bright = vision.step(Frame(scene((200, 100, 80), level=250), 0, 0)).faces[0]
    dim = vision.step(Frame(scene((200, 100, 80), level=140), 0, 1)).faces[0]
    assert dim.confidence < bright.confidence - 0.3
    assert vision.step(Frame(scene(), 0, 2)).faces == ()


def test_a_face_mostly_out_of_view_is_left_out() -> None:
    vision = pipeline()
    for index in range(12):
        observation = vision.step(Frame(scene((max(0, 60 - 20 * index), 100, 80)), index * 100 * MS, index))
    assert len(observation.faces) == 1  # it stopped at the border
    gone = vision.step(Frame(scene(), 1150 * MS, 12))
    assert len(gone.faces) <= 1


def test_a_clock_that_steps_back_detects_again() -> None:
    detector = BrightDetector()
    vision = pipeline(detector)
    vision.step(Frame(scene(), 10_000 * MS, 0))
    vision.step(Frame(scene(), 1 * MS, 1))
    assert detector.calls == 2


@pytest.mark.parametrize("size", [(1, 1), (3, 2000), (2000, 3)])
def test_odd_shapes_of_picture_pass(size: tuple[int, int]) -> None:
    frame = Frame(np.zeros((*size, 3), np.uint8), 0, 0)
    assert pipeline().step(frame).faces == ()


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
