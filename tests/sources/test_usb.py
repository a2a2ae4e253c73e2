from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING, Any

import cv2
import pytest

from edge.config import SourceConfig
from edge.core.errors import SourceError
from edge.sources.bounded import hanging
from edge.sources.newest import NewestFrame
from edge.sources.usb import UsbCamera

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

CONFIG = SourceConfig(uri="usb:0", read_timeout_s=0.2, open_timeout_s=0.2, backoff_max_s=0.05)


@pytest.fixture
def camera(usb_driver: Any, tmp_path: Path) -> UsbCamera:
    (tmp_path / "video0").touch()
    return UsbCamera(CONFIG, devices=tmp_path, capture=usb_driver)


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline, "never came true"
        time.sleep(0.005)


def test_frames_come_and_the_device_is_released(camera: UsbCamera, usb_driver: Any) -> None:
    for _ in range(2):
        camera.open()
        assert camera.read().image.shape == (4, 6, 3)
        camera.close()
        camera.close()
        assert usb_driver.held == 0


def test_a_frame_that_goes_by_is_counted_and_its_loss_is_an_error(camera: UsbCamera, usb_driver: Any) -> None:
    with pytest.raises(SourceError, match="not open"):
        camera.skip()
    camera.open()
    assert camera.read().index == 0
    camera.skip()
    camera.skip()
    assert camera.read().index == 3
    usb_driver.plugged.clear()
    with pytest.raises(SourceError, match=r"no frame for 0\.2 s"):
        camera.skip()
    usb_driver.plugged.set()


def test_a_read_that_hangs_is_an_error_at_the_read_timeout(camera: UsbCamera, usb_driver: Any, stopwatch: Any) -> None:
    camera.open()
    usb_driver.plugged.clear()
    with stopwatch() as took:
        with pytest.raises(SourceError, match=r"usb:0: no frame for 0\.2 s; check its connection"):
            camera.read()
        camera.close()
    assert took.seconds < 0.6
    with pytest.raises(SourceError, match="not open"):
        camera.read()
    with pytest.raises(SourceError, match="still hangs"):
        camera.open()
    assert usb_driver.held == 1, "released under the driver's feet"
    usb_driver.plugged.set()
    wait_until(lambda: usb_driver.held == 0)
    assert len(usb_driver.threads) == 1, "released on another thread than the one that reads"
    wait_until(lambda: opens(camera))
    assert usb_driver.most_held == 1
    camera.close()


def opens(camera: UsbCamera) -> bool:
    try:
        camera.open()
    except SourceError:
        return False
    return True


def test_an_opening_that_hangs_is_an_error_and_what_it_opens_too_late_is_released(
    camera: UsbCamera, usb_driver: Any
) -> None:
    usb_driver.opens_slowly = True
    usb_driver.plugged.clear()
    with pytest.raises(SourceError, match=r"took longer than 0\.2 s"):
        camera.open()
    usb_driver.plugged.set()
    wait_until(lambda: usb_driver.most_held == 1 and usb_driver.held == 0)
    with pytest.raises(SourceError, match="not open"):
        camera.read()


def test_a_busy_camera_and_a_failing_one_are_told(camera: UsbCamera, usb_driver: Any) -> None:
    usb_driver.refuses = True
    with pytest.raises(SourceError, match="cannot be opened; another program may be using it"):
        camera.open()
    usb_driver.refuses = False
    camera.open()
    usb_driver.fault = cv2.error("boom")
    with pytest.raises(SourceError, match="cannot be decoded"):
        camera.read()
    camera.close()
    assert usb_driver.held == 0


def test_a_camera_without_permission_says_what_to_do(tmp_path: Path, usb_driver: Any) -> None:
    (tmp_path / "video0").touch(mode=0)
    if os.access(tmp_path / "video0", os.R_OK):
        pytest.skip("this user may read everything")
    with pytest.raises(SourceError, match="usermod -aG video"):
        UsbCamera(CONFIG, devices=tmp_path, capture=usb_driver).open()


def test_a_camera_that_was_unplugged_comes_back_by_itself(camera: UsbCamera, usb_driver: Any) -> None:
    frames = NewestFrame(camera, CONFIG)
    frames.start()
    wait_until(lambda: frames.captured > 3)
    usb_driver.plugged.clear()
    wait_until(lambda: frames.failing)
    before = frames.captured
    usb_driver.plugged.set()
    wait_until(lambda: frames.captured > before and not frames.failing)
    assert usb_driver.most_held == 1
    frames.stop()
    assert usb_driver.held == 0


def test_stopping_takes_under_a_second_while_the_driver_hangs(
    camera: UsbCamera, usb_driver: Any, stopwatch: Any
) -> None:
    others = set(threading.enumerate())  # calls that earlier tests left hanging are no business of this one
    frames = NewestFrame(camera, CONFIG)
    frames.start()
    wait_until(lambda: frames.captured > 0)
    usb_driver.plugged.clear()
    assert usb_driver.hung.wait(60)
    with stopwatch() as took:
        frames.stop()
    assert took.seconds < 1.0
    assert hanging()
    usb_driver.plugged.set()
    wait_until(lambda: usb_driver.held == 0)
    wait_until(lambda: not set(threading.enumerate()) - others)


def test_a_process_that_leaves_a_call_hanging_can_end_cleanly() -> None:
    code = """
import os, socket, sys
from edge.config import SourceConfig
from edge.sources import bounded
from edge.sources.factory import create
from edge.sources.bounded import hanging
from edge.sources.newest import NewestFrame

server = socket.create_server(("127.0.0.1", 0))  # takes the call and says nothing
config = SourceConfig(uri=f"http://127.0.0.1:{server.getsockname()[1]}/x")
frames = NewestFrame(create(config), config)
frames.start()
caller, _ = server.accept()  # it waits for an answer from now on
frames.stop()
assert bounded.hanging()
os._exit(7)
"""
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert ended.returncode == 7, ended.stderr
    assert "terminate called" not in ended.stderr
