from __future__ import annotations

import os
import threading
import time
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import pytest

from edge.config import SourceConfig
from edge.errors import SourceError
from edge.sources.newest import NewestFrame
from edge.sources.usb import UsbCamera

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

CONFIG = SourceConfig(uri="usb:0", read_timeout_s=0.2, open_timeout_s=0.2, backoff_max_s=0.05)


class FakeDriver:
    """A V4L2 camera whose calls hang while ``plugged`` is cleared, and that two programs cannot have at once."""

    def __init__(self) -> None:
        self.plugged = threading.Event()
        self.plugged.set()
        self.opens_slowly = False
        self.refuses = False
        self.fault: Exception | None = None
        self.held = 0
        self.most_held = 0
        self.threads: set[int] = set()

    def __call__(self, _device: Path, _config: SourceConfig) -> FakeCapture:
        if self.opens_slowly:
            self.plugged.wait(5)
        return FakeCapture(self)


class FakeCapture:
    def __init__(self, driver: FakeDriver) -> None:
        self.driver = driver
        self.opened = not driver.refuses
        driver.held += self.opened
        driver.most_held = max(driver.most_held, driver.held)

    def isOpened(self) -> bool:  # noqa: N802 - OpenCV's name
        return self.opened

    def read(self) -> tuple[bool, Any]:
        self.driver.threads.add(threading.get_ident())
        self.driver.plugged.wait(5)
        if self.driver.fault is not None:
            raise self.driver.fault
        time.sleep(0.002)
        return True, np.zeros((4, 6, 3), np.uint8)

    def release(self) -> None:
        self.driver.threads.add(threading.get_ident())
        self.driver.held -= self.opened
        self.opened = False


@pytest.fixture
def driver() -> FakeDriver:
    return FakeDriver()


@pytest.fixture
def camera(driver: FakeDriver, tmp_path: Path) -> UsbCamera:
    (tmp_path / "video0").touch()
    return UsbCamera(CONFIG, devices=tmp_path, capture=driver)


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 5
    while not condition():
        assert time.monotonic() < deadline, "never came true"
        time.sleep(0.005)


def test_frames_come_and_the_device_is_released(camera: UsbCamera, driver: FakeDriver) -> None:
    for _ in range(2):
        camera.open()
        assert camera.read().image.shape == (4, 6, 3)
        camera.close()
        camera.close()
        assert driver.held == 0


def test_a_read_that_hangs_is_an_error_at_the_read_timeout(camera: UsbCamera, driver: FakeDriver) -> None:
    camera.open()
    driver.plugged.clear()
    started = time.monotonic()
    with pytest.raises(SourceError, match=r"usb:0: no frame for 0\.2 s; check its connection"):
        camera.read()
    camera.close()
    assert time.monotonic() - started < 0.6
    with pytest.raises(SourceError, match="not open"):
        camera.read()
    with pytest.raises(SourceError, match="still hangs"):
        camera.open()
    assert driver.held == 1, "released under the driver's feet"
    driver.plugged.set()
    wait_until(lambda: driver.held == 0)
    assert len(driver.threads) == 1, "released on another thread than the one that reads"
    wait_until(lambda: opens(camera))
    assert driver.most_held == 1
    camera.close()


def opens(camera: UsbCamera) -> bool:
    try:
        camera.open()
    except SourceError:
        return False
    return True


def test_an_opening_that_hangs_is_an_error_and_what_it_opens_too_late_is_released(
    camera: UsbCamera, driver: FakeDriver
) -> None:
    driver.opens_slowly = True
    driver.plugged.clear()
    with pytest.raises(SourceError, match=r"took longer than 0\.2 s"):
        camera.open()
    driver.plugged.set()
    wait_until(lambda: driver.most_held == 1 and driver.held == 0)
    with pytest.raises(SourceError, match="not open"):
        camera.read()


def test_a_busy_camera_and_a_failing_one_are_told(camera: UsbCamera, driver: FakeDriver) -> None:
    driver.refuses = True
    with pytest.raises(SourceError, match="cannot be opened; another program may be using it"):
        camera.open()
    driver.refuses = False
    camera.open()
    driver.fault = cv2.error("boom")
    with pytest.raises(SourceError, match="cannot be decoded"):
        camera.read()
    camera.close()
    assert driver.held == 0


def test_a_camera_without_permission_says_what_to_do(tmp_path: Path, driver: FakeDriver) -> None:
    (tmp_path / "video0").touch(mode=0)
    if os.access(tmp_path / "video0", os.R_OK):
        pytest.skip("this user may read everything")
    with pytest.raises(SourceError, match="usermod -aG video"):
        UsbCamera(CONFIG, devices=tmp_path, capture=driver).open()


def test_a_camera_that_was_unplugged_comes_back_by_itself(camera: UsbCamera, driver: FakeDriver) -> None:
    frames = NewestFrame(camera, CONFIG)
    frames.start()
    wait_until(lambda: frames.captured > 3)
    driver.plugged.clear()
    wait_until(lambda: frames.failing)
    before = frames.captured
    driver.plugged.set()
    wait_until(lambda: frames.captured > before and not frames.failing)
    assert driver.most_held == 1
    frames.stop()
    assert driver.held == 0


def test_stopping_takes_under_a_second_while_the_driver_hangs(camera: UsbCamera, driver: FakeDriver) -> None:
    frames = NewestFrame(camera, CONFIG)
    frames.start()
    wait_until(lambda: frames.captured > 0)
    driver.plugged.clear()
    started = time.monotonic()
    frames.stop()
    assert time.monotonic() - started < 1.0
    driver.plugged.set()
    wait_until(lambda: driver.held == 0)
