"""What every frame source keeps to, real, drawn or fake."""

from __future__ import annotations

import itertools
import time
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import pytest

from edge.config import SourceConfig
from edge.core.errors import SourceEnded, SourceError
from edge.core.protocols import FrameSource
from edge.sources.factory import create
from edge.sources.usb import UsbCamera

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

READ_TIMEOUT_S = 20.0
BACKENDS = ["virtual", "video", "replay", "replay-real", "images", "picamera", "usb", "http"]


@pytest.fixture(params=BACKENDS)
def source(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[FrameSource]:
    """Each backend that runs on this machine, with at least four frames to give."""
    if request.param == "usb":
        (tmp_path / "video0").touch()
        config = SourceConfig(uri="usb:0", read_timeout_s=READ_TIMEOUT_S)
        camera = UsbCamera(config, devices=tmp_path, capture=request.getfixturevalue("usb_driver"))
        yield camera
        camera.close()
        return
    makers: dict[str, Callable[[], str]] = {
        "virtual": lambda: "virtual:portrait",
        "video": lambda: str(request.getfixturevalue("make_clip")()),
        "replay": lambda: f"replay:{request.getfixturevalue('make_clip')()}",
        "replay-real": lambda: f"replay:{request.getfixturevalue('make_clip')()}?pace=real",
        "images": lambda: f"images:{pictures(tmp_path)}",
        "picamera": lambda: "picamera" if request.getfixturevalue("picamera2") else "",
        "http": lambda: request.getfixturevalue("camera_server").url,
    }
    uri = makers[request.param]()
    made = create(
        SourceConfig(
            uri=uri, width=320, height=240, fps=30, read_timeout_s=READ_TIMEOUT_S, open_timeout_s=READ_TIMEOUT_S
        )
    )
    yield made
    made.close()


def pictures(folder: Path) -> Path:
    for index in range(5):
        cv2.imwrite(str(folder / f"{index}.png"), np.full((60, 80, 3), 40 * index, np.uint8))
    return folder


def test_it_is_a_frame_source(source: FrameSource) -> None:
    assert isinstance(source, FrameSource)
    assert source.recorded or not source.lossless
    assert source.uri


def test_frames_are_numbered_and_go_forward_in_time(source: FrameSource) -> None:
    source.open()
    frames = [source.read() for _ in range(4)]
    assert [frame.index for frame in frames] == [0, 1, 2, 3]
    assert all(a.monotonic_ns < b.monotonic_ns for a, b in itertools.pairwise(frames))
    assert len({frame.image.shape for frame in frames}) == 1
    assert all(frame.image.dtype == np.uint8 and frame.image.ndim == 3 for frame in frames)


def test_live_frames_carry_the_monotonic_clock_and_clips_their_position(source: FrameSource) -> None:
    source.open()
    frame = source.read()
    if source.lossless:
        assert source.epoch_ns == 0
        assert frame.monotonic_ns < 10**9
    else:
        assert source.epoch_ns is None
        assert abs(time.monotonic_ns() - frame.monotonic_ns) < 5 * 10**9


def test_it_can_be_opened_and_closed_again_and_again(source: FrameSource) -> None:
    source.close()
    for _ in range(2):
        source.open()
        source.read()
        source.close()
        source.close()


def test_opening_what_is_open_begins_anew(source: FrameSource) -> None:
    source.open()
    first = source.read()
    source.open()
    again = source.read()
    assert again.image.shape == first.image.shape


def test_no_frame_takes_longer_than_the_read_timeout(source: FrameSource, stopwatch: Any) -> None:
    source.open()
    for _ in range(4):
        with stopwatch() as took:
            source.read()
        assert took.seconds < READ_TIMEOUT_S


def test_reading_while_closed_is_an_error(source: FrameSource) -> None:
    with pytest.raises(SourceError, match="not open"):
        source.read()
    source.open()
    source.close()
    with pytest.raises(SourceError, match="not open"):
        source.read()


def test_a_finite_source_ends_and_says_so(source: FrameSource) -> None:
    if not source.recorded:
        pytest.skip("without end")
    source.open()
    with pytest.raises(SourceEnded, match="ended after"):
        exhaust(source)


def exhaust(source: FrameSource) -> None:
    for _ in range(100):
        source.read()
