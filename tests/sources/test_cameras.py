from __future__ import annotations

import socket
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edge.config import SourceConfig
from edge.core.errors import HardwareUnavailable, SourceError
from edge.sources.factory import create


def config(uri: str, **changes: Any) -> SourceConfig:
    settings: dict[str, Any] = {"width": 641, "height": 361, "read_timeout_s": 30.0, "open_timeout_s": 30.0}
    return SourceConfig(uri=uri, **(settings | changes))


def test_the_pis_camera_gives_colour_and_small_grey(picamera2: Any) -> None:
    source = create(config("picamera"))
    source.open()
    frame = source.read()
    assert frame.image.shape == (360, 640, 3)
    assert frame.small_grey is not None
    assert frame.small_grey.shape == (360, 640)
    assert (frame.small_grey == 55).all(), "chroma or padding got in"
    (camera,) = picamera2.instances
    assert camera.configuration["main"]["format"] == "RGB888"
    assert camera.controls[0]["FrameDurationLimits"] == (66_666, 200_000)


def test_every_request_is_released_also_when_its_picture_is_bad(picamera2: Any) -> None:
    source = create(config("picamera"))
    source.open()
    (camera,) = picamera2.instances
    for _ in range(20):
        source.read()
    assert camera.held == 0
    camera.broken_arrays = True
    with pytest.raises(SourceError, match=r"capture failed \(bad buffer\)$"):
        source.read()
    assert camera.held == 0


def test_a_frame_that_goes_by_is_given_back_without_being_copied(picamera2: Any) -> None:
    source: Any = create(config("picamera"))
    with pytest.raises(SourceError, match="not open"):
        source.skip()
    source.open()
    (camera,) = picamera2.instances
    picamera2.broken_arrays = True  # a copy would fail
    for _ in range(10):
        source.skip()
    assert camera.held == 0
    picamera2.broken_arrays = False
    assert source.read().index == 10
    source.close()


def test_a_camera_that_falls_silent_is_an_error_and_its_wait_is_cancelled(picamera2: Any, stopwatch: Any) -> None:
    source = create(config("picamera", read_timeout_s=0.1))
    source.open()
    (camera,) = picamera2.instances
    camera.dead = True
    with stopwatch() as took, pytest.raises(SourceError, match=r"no frame for 0\.1 s"):
        source.read()
    assert took.seconds < 0.5
    source.close()
    assert camera.calls == ["start", "cancel", "stop", "close"]
    assert camera.held == 0


def test_a_request_completed_at_the_last_moment_is_taken_and_given_back(picamera2: Any) -> None:
    source = create(config("picamera", read_timeout_s=0.05))
    source.open()
    (camera,) = picamera2.instances
    camera.at_the_last_moment = True
    assert [source.read().index for _ in range(3)] == [0, 1, 2]
    assert camera.held == 0


def test_the_small_picture_has_the_size_that_the_camera_chose(picamera2: Any) -> None:
    picamera2.aligned_to = 64
    picamera2.channels = 4
    source = create(config("picamera", width=630, height=480))
    source.open()
    frame = source.read()
    assert frame.image.shape == (480, 630, 3), "a fourth channel is dropped"
    assert frame.small_grey is not None
    assert frame.small_grey.shape == (480, 576)
    assert (frame.small_grey == 55).all()


def test_no_camera_a_busy_one_and_no_picamera2_are_told_apart(picamera2: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SourceError, match="1 cameras found"):
        create(config("picamera:1")).open()
    picamera2.refuses = True
    with pytest.raises(SourceError, match=r"cannot be started \(Failed to acquire.*busy\)"):
        create(config("picamera")).open()
    assert picamera2.instances[-1].calls == ["stop", "close"]
    monkeypatch.setitem(sys.modules, "picamera2", None)
    with pytest.raises(HardwareUnavailable, match="sudo apt install python3-picamera2"):
        create(config("picamera")).open()


def test_a_usb_camera_that_is_not_there_says_so() -> None:
    if Path("/dev/video97").exists():
        pytest.skip("this machine has a 98th camera")
    with pytest.raises(SourceError, match="video97 does not exist; plug the camera in"):
        create(config("usb:97")).open()


def test_a_usb_camera_gives_frames() -> None:
    if not Path("/dev/video0").exists():
        pytest.skip("no camera at /dev/video0")
    source = create(config("usb:0"))
    source.open()
    assert source.read().image.ndim == 3
    source.close()


def test_a_network_camera_that_falls_silent_is_an_error_in_time(camera_server: Any, stopwatch: Any) -> None:
    source = create(config(camera_server.url, read_timeout_s=2.0))
    source.open()
    assert source.read().image.shape == (120, 160, 3)
    camera_server.silent.set()
    with stopwatch() as took, pytest.raises(SourceError, match="was interrupted"):
        read_many(source)
    assert took.seconds < 5
    source.close()


def read_many(source: Any) -> None:
    for _ in range(1000):
        source.read()


def test_a_host_that_accepts_and_says_nothing_is_an_error_in_time(stopwatch: Any) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        source = create(config(f"http://user:secret@127.0.0.1:{server.getsockname()[1]}/x", open_timeout_s=1.0))
        with stopwatch() as took, pytest.raises(SourceError, match="gives no video") as caught:
            source.open()
        assert took.seconds < 5
        assert "secret" not in str(caught.value)


def test_nobody_at_the_address_is_an_error() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    with pytest.raises(SourceError, match="gives no video"):
        create(config(f"rtsp://127.0.0.1:{port}/x")).open()


def test_the_virtual_camera_shows_the_same_again() -> None:
    def third() -> np.ndarray:
        source = create(config("virtual:portrait?pace=fast"))
        source.open()
        return [source.read().image for _ in range(3)][2]

    assert np.array_equal(third(), third())
