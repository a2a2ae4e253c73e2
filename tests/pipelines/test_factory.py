"""What a configuration makes: the detector, its search and the rules of the tracker."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import pytest

from edge import config as configuration
from edge.core.errors import ModelError
from edge.core.types import Box, Emotion, Frame, Light
from edge.inference.manifest import packaged_model
from edge.models.store import models_dir
from edge.pipelines import detection, factory
from edge.vision import yunet
from edge.vision.haar import HaarDetector
from edge.vision.local_search import LocalSearch
from edge.vision.pipeline import Pipeline
from edge.vision.whole_search import WholeSearch
from edge.vision.yunet import YuNetDetector
from tests.fixtures.room import WatchedDetector

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray

    from edge.config import Config
    from edge.core.types import Observation

MS = 1_000_000


@pytest.fixture
def config(tmp_path: Path) -> Callable[..., Config]:
    """``config(**{"detector.kind": …})``: a device without models of its own."""
    return lambda **flags: configuration.load(environment={}, flags={"node.state_dir": tmp_path, **flags})


def install_yunet(settings: Config, file: Path) -> None:
    models_dir(settings).mkdir(parents=True)
    shutil.copy(file, models_dir(settings) / yunet.FILE)


def test_auto_is_yunet_where_its_file_is_and_haar_elsewhere(config: Any, yunet_file: Path) -> None:
    assert detection.detector_kind(config()) == "haar"
    install_yunet(config(), yunet_file)
    assert detection.detector_kind(config()) == "yunet"
    assert detection.detector_kind(config(**{"detector.kind": "haar"})) == "haar"
    assert detection.detector_kind(config(**{"detector.kind": "blazeface"})) == "blazeface"


def test_yunet_without_its_file_and_with_a_wrong_one_says_how_to_get_it(config: Any) -> None:
    with pytest.raises(ModelError, match=yunet.COMMAND):
        detection.detector(config(**{"detector.kind": "yunet"}))
    models_dir(config()).mkdir(parents=True)
    (models_dir(config()) / yunet.FILE).write_bytes(b"not a network")
    with pytest.raises(ModelError, match=yunet.COMMAND):
        detection.detector(config(**{"detector.kind": "yunet"}))
    assert detection.detector(config()).name == "haar"


def test_haar_looks_close_by_and_yunet_at_whole_pictures(config: Any, yunet_file: Path) -> None:
    haar = detection.detector(config())
    assert haar.name == "haar"
    assert isinstance(detection.search(config(), haar), LocalSearch)
    install_yunet(config(), yunet_file)
    found = detection.detector(config())
    assert found.name == "yunet"
    assert isinstance(detection.search(config(), found), WholeSearch)


@pytest.mark.parametrize("still", [False, True])
def test_the_profile_says_how_wide_the_picture_is_searched(config: Any, still: bool) -> None:
    def width(**flags: Any) -> int:
        settings = config(**flags)
        return detection.search(settings, detection.detector(settings), still=still).grey_width(3840, 2160)

    by_profile = [width(**{"detector.profile": profile}) for profile in ("near", "room", "crowd")]
    if still:
        assert len(set(by_profile)) == 1, "single pictures have a setting of their own"
        assert width(**{"analyze.min_face": 0.1}) < by_profile[0]
        assert width(**{"analyze.width": 512}) == 512
    else:
        assert by_profile == sorted(by_profile)
        assert by_profile[0] < by_profile[1] < by_profile[2]
        assert width(**{"detector.min_face": 0.1}) == by_profile[0], "a number wins over the profile"
        assert width(**{"detector.width": 512}) == 512


def test_single_pictures_ask_for_surer_faces_than_tracks_do(config: Any, yunet_file: Path) -> None:
    live, still = (detection.detector(config(), still=still) for still in (False, True))
    assert isinstance(still, HaarDetector)
    live_search, still_search = (detection.search(config(), still, still=single) for single in (False, True))
    assert isinstance(live_search, LocalSearch)
    assert isinstance(still_search, LocalSearch)
    in_light, in_the_dark = still_search._scan._least
    assert live_search._scan._least == (0.0, 0.0)
    assert in_light > in_the_dark > 0, "noise takes hits away"
    install_yunet(config(), yunet_file)
    live, still = (detection.detector(config(), still=still) for still in (False, True))
    strict = detection.detector(config(**{"detector.confidence": 0.95}), still=True)
    assert isinstance(live, YuNetDetector)
    assert isinstance(still, YuNetDetector)
    assert isinstance(strict, YuNetDetector)
    assert live._confidence < still._confidence < strict._confidence == 0.95


@pytest.mark.parametrize("name", ["yunet", "haar"])
def test_a_face_must_score_more_to_be_shown_than_to_be_looked_at_again(config: Any, name: str) -> None:
    detector = WatchedDetector()
    detector.name = name
    rules = detection.rules(config(), detector)
    assert 0 < rules.begins < rules.confirms < rules.sure <= 1


def test_rules_follow_the_configuration(config: Any) -> None:
    detector = WatchedDetector()
    settings = config(**{"tracker.min_hits": 3, "tracker.max_age_s": 1.5, "tracker.memory_s": 1.0})
    rules = detection.rules(settings, detector)
    assert (rules.min_hits, rules.max_age_s) == (3, 1.5)
    assert rules.memory_s == 1.5, "who is shown is remembered"
    assert detection.rules(config(**{"tracker.max_faces": 7}), detector).max_faces == 7
    detector.name = "yunet"
    strict = detection.rules(config(**{"detector.confidence": 0.95}), detector)
    assert strict.begins < strict.confirms == 0.95 <= strict.sure
    detector.name = "haar"
    few, many = (detection.rules(config(**{"detector.min_neighbors": hits}), detector).confirms for hits in (2, 6))
    assert few < many


def test_a_live_camera_is_searched_within_its_budget_and_a_recording_as_asked(config: Any) -> None:
    detector = WatchedDetector()
    settings = config(**{"detector.profile": "crowd"})
    clock = iter(range(0, 10**12, 10**9))
    image = np.full((720, 1280, 3), 110, np.uint8)
    shown = []
    for clock_ns in (None, lambda: next(clock)):
        detector.shown.clear()
        search = detection.search(settings, detector, clock_ns=clock_ns)
        vision = Pipeline(
            search,
            factory.classifier(settings),
            rules=detection.rules(settings, detector),
            smoothing=settings.smoothing,
            primary=settings.primary,
        )
        vision.step(Frame(image, 0, 0))
        shown.append(detector.shown[0][1])
    recording, live = shown
    assert live < recording


# The product's own pipeline on a real face. ---------------------------------------------------------------------------


def play(settings: Config, picture: NDArray[np.uint8], *, frames: int = 8, every_ms: int = 66) -> list[Observation]:
    vision = factory.pipeline_of(settings, factory.network(settings, packaged_model()), still=False, seed=1)
    try:
        return [vision.step(Frame(picture, index * every_ms * MS, index)) for index in range(frames)]
    finally:
        vision.close()


@pytest.fixture
def seeing(config: Any, request: pytest.FixtureRequest) -> Config:
    """The configuration of a device with the detector that the test names."""
    if request.param == "yunet":
        install_yunet(config(), request.getfixturevalue("yunet_file"))
    made: Config = config(**{"detector.kind": request.param})
    return made


@pytest.fixture(scope="module")
def colour(portrait_path: Path) -> NDArray[np.uint8]:
    picture = cv2.imread(str(portrait_path))
    assert picture is not None
    return picture.astype(np.uint8)


def in_light(picture: NDArray[np.uint8], light: float, *, noise: float = 0.0) -> NDArray[np.uint8]:
    """Return what a camera gives in so much of the light, with noise of that many grey levels."""
    chance = np.random.default_rng(1).normal(0, noise, picture.shape)
    levels: NDArray[np.uint8] = np.clip(np.rint(picture * light + chance), 0, 255).astype(np.uint8)
    return levels


@pytest.mark.parametrize("seeing", ["haar", "yunet"], indirect=True)
@pytest.mark.parametrize(("light", "noise"), [(1.0, 0.0), (0.05, 0.0), (0.05, 0.7)])
def test_a_portrait_in_the_dark_is_seen_as_in_good_light(
    seeing: Config, colour: NDArray[np.uint8], portrait_face: Box, light: float, noise: float
) -> None:
    last = play(seeing, in_light(colour, light, noise=noise))[-1]
    assert last.light is (Light.NORMAL if light == 1 else Light.DARK)
    best = max(last.faces, key=lambda face: face.box.iou(portrait_face))
    assert best.box.iou(portrait_face) > 0.5
    assert best.emotion is Emotion.HAPPY
    assert best.confidence > 0.6


@pytest.mark.parametrize("seeing", ["yunet"], indirect=True)
@pytest.mark.parametrize("tilt", [-30, 30])
@pytest.mark.parametrize("light", [1.0, 0.05])
def test_a_tilted_portrait_is_seen_as_an_upright_one(
    seeing: Config, colour: NDArray[np.uint8], portrait_face: Box, tilt: int, light: float
) -> None:
    turn = cv2.getRotationMatrix2D(portrait_face.centre, -tilt, 1.0)
    tilted = cv2.warpAffine(colour, turn, colour.shape[1::-1], borderMode=cv2.BORDER_REPLICATE)
    large = cv2.resize(tilted, None, fx=2, fy=2, interpolation=cv2.INTER_CUBIC)
    last = play(seeing, in_light(large.astype(np.uint8), light))[-1]
    best = max(last.faces, key=lambda face: face.box.iou(portrait_face.scaled(2)))
    assert best.box.iou(portrait_face.scaled(2)) > 0.5
    assert best.emotion is Emotion.HAPPY


@pytest.mark.parametrize("seeing", ["haar", "yunet"], indirect=True)
def test_the_same_frames_give_the_same_observations(seeing: Config, colour: NDArray[np.uint8]) -> None:
    first, again = play(seeing, colour, frames=12), play(seeing, colour, frames=12)
    assert first == again
    assert first[-1].faces


@pytest.mark.parametrize("seeing", ["haar", "yunet"], indirect=True)
def test_a_real_face_is_shown_by_the_second_frame_and_is_one_person(
    seeing: Config, colour: NDArray[np.uint8], portrait_face: Box
) -> None:
    observations = play(seeing, colour, frames=12)
    shown = [
        [face.track_id for face in observation.faces if face.box.iou(portrait_face) > 0.5]
        for observation in observations
    ]
    assert all(len(ids) == 1 for ids in shown[1:])
    assert len({ids[0] for ids in shown[1:]}) == 1
