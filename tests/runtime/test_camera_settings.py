"""What the running device makes of a camera's settings: grey pictures, faces to aim at, controls that it has not."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import pytest

from edge import config as configuration
from edge.core.errors import ConfigError
from edge.core.types import Frame, Observation
from edge.kiosk.picture import _encode
from edge.runtime import build
from edge.sinks.memory import MemorySink
from edge.sources.orient import without_colour
from edge.sources.virtual import VirtualCamera

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from edge.config import Config
    from edge.core.protocols import FrameSource
    from edge.core.types import Box


def settings(tmp_path: Path, **flags: Any) -> Config:
    base: dict[str, Any] = {"node.id": "test", "node.state_dir": tmp_path, "source.width": 640, "source.height": 480}
    return configuration.load(environment={}, flags=base | {"mqtt.broker": "off"} | flags)


def play(config: Config, source: FrameSource | None = None) -> MemorySink:
    sink = MemorySink()
    wiring = build.device(config, extra_sinks=[sink], source=source)
    with wiring.resources:
        wiring.device.run()
    return sink


@pytest.mark.parametrize("rotation", [0, 180])
def test_a_grey_picture_is_read_as_a_colour_one_is(tmp_path: Path, rotation: int) -> None:
    uri = "virtual:portrait?pace=fast&frames=60"
    seen = []
    for grey in (False, True):
        sink = play(settings(tmp_path, **{"source.uri": uri, "source.grey": grey, "source.rotation": rotation}))
        seen.append([len(message.faces) for message in sink.messages if isinstance(message, Observation)])
    assert seen[0] == seen[1]


def test_a_grey_picture_is_shown_on_the_page() -> None:
    image = np.zeros((480, 640, 3), np.uint8)
    image[:, 320:] = (20, 200, 90)
    shown = cv2.imdecode(np.frombuffer(_encode(without_colour(Frame(image, 0, 0))), np.uint8), cv2.IMREAD_COLOR)
    assert shown is not None
    assert np.ptp(shown, axis=2).max() == 0, "colour got in"
    assert shown[:, -1].mean() > 100


class Aimed(VirtualCamera):
    """The drawn portrait, which remembers what it was aimed at."""

    def __init__(self, config: Config) -> None:
        super().__init__(config.source)
        self.aims: list[tuple[tuple[Box, ...], float | None]] = []

    def aim(self, faces: Sequence[Box], brightness: float | None) -> None:
        self.aims.append((tuple(faces), brightness))


def test_a_live_source_learns_where_the_faces_are(tmp_path: Path) -> None:
    config = settings(tmp_path, **{"source.uri": "virtual:portrait?frames=45", "source.fps": 15})
    source = Aimed(config)
    started_s = time.monotonic()
    sink = play(config, source)
    seconds = time.monotonic() - started_s
    assert 1 <= len(source.aims) <= seconds + 1, "at most once a second"
    (face,), brightness = next(aim for aim in source.aims if aim[0])
    assert brightness is not None
    assert 40 < brightness < 220
    boxes = [seen.box for message in sink.messages if isinstance(message, Observation) for seen in message.faces]
    # of observations only the newest waits for a sink, so the very one may be missing
    assert any(face.iou(box) > 0.8 for box in boxes)


def test_a_control_that_the_camera_has_not_ends_the_device_with_that_line(tmp_path: Path, picamera2: Any) -> None:
    config = settings(tmp_path, **{"source.uri": "picamera", "source.controls": {"AfMod": 2}})
    with pytest.raises(ConfigError, match=r"source\.controls\.AfMod: picamera:0 has no such control") as caught:
        play(config)
    assert caught.value.exit_code == 3, "at which the service is not started again, and shows a fault"
    assert picamera2.instances[-1].calls == ["stop", "close"]


def test_a_camera_changed_for_one_without_the_control_ends_it_too(tmp_path: Path, picamera2: Any) -> None:
    config = settings(
        tmp_path,
        **{
            "source.uri": "picamera",
            "source.controls": {"AfMode": 1},
            "source.read_timeout_s": 0.1,
            "source.backoff_max_s": 0.05,
        },
    )
    sink = MemorySink()
    wiring = build.device(config, extra_sinks=[sink])
    with wiring.resources, ThreadPoolExecutor() as pool:
        running = pool.submit(wiring.device.run)
        assert sink.wait_for(Observation)
        picamera2.listed = {}
        picamera2.instances[-1].dead = True
        with pytest.raises(ConfigError, match="AfMode"):
            running.result(20)
