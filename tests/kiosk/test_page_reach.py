"""What operators are told of how far the camera reaches."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from edge import config as configuration
from edge.config import DetectorConfig
from edge.core.commands import CommandQueue
from edge.core.events import CameraStatus
from edge.core.types import Light, Observation
from edge.kiosk.api import OPERATOR_TOPICS, VIEWER_TOPICS
from edge.kiosk.pages import texts
from edge.kiosk.sink import KioskSink
from edge.vision.reach import PI_LENSES, WEBCAM_LENSES

if TYPE_CHECKING:
    from pathlib import Path

    from edge.kiosk.topic_cache import TopicCache

pytest.importorskip("starlette", reason="the extra `kiosk` is not installed")


def seen(width: int, height: int) -> Observation:
    return Observation(0, 0, width, height, ())


def told(board: TopicCache) -> list[Any]:
    return [json.loads(text) for _, text in board.newer_than(0, {"reach"})[1]]


def test_the_real_frame_and_the_detector_in_use_decide(tmp_path: Path) -> None:
    flags = {"node.id": "n1", "node.state_dir": tmp_path, "source.uri": "usb:0", "source.width": 1920}
    sink = KioskSink(configuration.load(environment={}, flags=flags), CommandQueue())
    sink.handle(seen(1280, 720))
    assert told(sink.board) == []
    sink.see_with(DetectorConfig(), "haar")
    sink.handle(seen(1280, 720))
    assert told(sink.board) == [{"pixels": 36, "metres": {"webcam70": 4.1, "webcam78": 3.5}}]
    sink.handle(seen(640, 480))
    assert told(sink.board)[0]["pixels"] == 24
    sink.see_with(DetectorConfig(profile="near"), "yunet")
    sink.handle(seen(640, 480))
    assert told(sink.board)[0]["pixels"] == 48
    sink.close()


def test_it_is_for_operators_alone_and_has_words_for_everything() -> None:
    assert "reach" in OPERATOR_TOPICS - VIEWER_TOPICS
    assert "health" in OPERATOR_TOPICS - VIEWER_TOPICS
    assert set(texts()["reach"]["lens"]) == {lens.key for lens in (*PI_LENSES, *WEBCAM_LENSES)}
    assert set(texts()["device"]["lights"]) == set(Light)


def test_every_status_of_the_camera_has_its_words() -> None:
    assert set(texts()["status"]["camera"]) == set(CameraStatus)
