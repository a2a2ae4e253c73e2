"""A USB camera is found by number, name and path, and again where it comes back under another number."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest

from edge.config import SourceConfig
from edge.core.errors import SourceError
from edge.diagnostics import camera as diagnosis
from edge.sources.newest import NewestFrame
from edge.sources.usb import UsbCamera
from edge.sources.usb_devices import CameraFinder, cameras
from tests.fixtures.video4linux import Video4Linux, Webcam

if TYPE_CHECKING:
    from collections.abc import Callable

C920 = Webcam()
TWIN = Webcam(serial="")
OTHER = Webcam("Microscope", "0ac8:3420", "")


def finder(uri: str, machine: Video4Linux) -> CameraFinder:
    return CameraFinder(uri.replace("/dev", str(machine.devices)), machine.devices, machine.system)


def opened(uri: str, machine: Video4Linux) -> CameraFinder:
    """A finder whose camera was open once."""
    made = finder(uri, machine)
    made.opened(made.find())
    return made


def number(found: CameraFinder) -> str:
    return found.find().resolve().name


@pytest.mark.parametrize(
    "uri",
    [
        "usb:0",
        "/dev/video0",
        "usb:HD Pro Webcam C920",
        "usb:c920",
        "usb:046d:082d",
        "usb:A1B2C3",
        "usb:/dev/v4l/by-id/usb-HD_Pro_Webcam_C920_A1B2C3-video-index0",
        "/dev/v4l/by-id/usb-HD_Pro_Webcam_C920_A1B2C3-video-index0",
        "/dev/v4l/by-path/pci-0-usb-0:1-1:1.0-video-index0",
    ],
)
def test_every_form_finds_the_camera_and_finds_it_again_under_another_number(
    uri: str, video4linux: Video4Linux
) -> None:
    video4linux.connect(C920)
    found = opened(uri, video4linux)
    assert number(found) == "video0"
    video4linux.held = {0, 1}
    video4linux.disconnect()
    with pytest.raises(SourceError, match="plug the camera in") as caught:
        found.find()
    assert "\n" not in str(caught.value)
    video4linux.connect(C920)
    assert number(found) == "video2"
    found.opened(found.find())
    video4linux.held = {2, 3}
    video4linux.disconnect()
    video4linux.connect(C920)
    assert number(found) == "video0"


def test_a_number_follows_its_camera_to_another_port(video4linux: Video4Linux) -> None:
    video4linux.connect(C920, "1-1")
    found = opened("usb:0", video4linux)
    video4linux.disconnect("1-1")
    video4linux.connect(OTHER, "1-1")
    assert video4linux.connect(C920, "1-4") == 2
    assert number(found) == "video2"


def test_another_camera_that_was_there_all_along_is_never_taken_for_it(video4linux: Video4Linux) -> None:
    video4linux.connect(TWIN, "1-1")
    video4linux.connect(TWIN, "1-2")
    found = opened("usb:0", video4linux)
    video4linux.disconnect("1-1")
    with pytest.raises(SourceError, match=r"HD Pro Webcam C920 is not connected; .*connected: usb:2"):
        found.find()
    video4linux.disconnect("1-2")  # and comes back under the number of ours
    assert video4linux.connect(TWIN, "1-2") == 0
    with pytest.raises(SourceError, match="is not connected"):
        found.find()
    assert video4linux.connect(TWIN, "1-1") == 2
    assert number(found) == "video2"


def test_a_camera_put_in_the_place_of_a_broken_one_takes_its_number(video4linux: Video4Linux) -> None:
    video4linux.connect(C920)
    found = opened("usb:0", video4linux)
    video4linux.disconnect()
    video4linux.connect(OTHER)
    assert number(found) == "video0"


def test_a_new_process_finds_the_only_camera_under_the_number_that_it_has_now(video4linux: Video4Linux) -> None:
    video4linux.held = {0, 1}
    video4linux.connect(C920)
    assert number(finder("usb:0", video4linux)) == "video2"
    with pytest.raises(SourceError, match=r"video1 does not exist; .*connected: usb:2 \(HD Pro Webcam C920\)"):
        finder("usb:1", video4linux).find()
    video4linux.connect(OTHER, "1-2")
    with pytest.raises(SourceError, match=r"connected: usb:2 \(HD Pro Webcam C920\), usb:4 \(Microscope\)"):
        finder("usb:0", video4linux).find()


def test_a_name_that_several_cameras_have_is_refused_and_one_of_them_is_followed(video4linux: Video4Linux) -> None:
    video4linux.connect(TWIN, "1-1")
    found = opened("usb:c920", video4linux)
    video4linux.connect(TWIN, "1-2")
    with pytest.raises(SourceError, match=r"several cameras have this name; .*by-path.*usb:0 .*usb:2"):
        finder("usb:c920", video4linux).find()
    assert number(found) == "video0"
    with pytest.raises(SourceError, match="no camera has this name"):
        finder("usb:Brio", video4linux).find()


def test_without_the_kernels_list_numbers_are_all_there_is(video4linux: Video4Linux) -> None:
    video4linux.connect(C920)
    (video4linux.system / "video7").mkdir()  # its file is gone already
    assert [camera.node.name for camera in cameras(video4linux.devices, video4linux.system)] == ["video0", "video1"]
    blind = CameraFinder("usb:0", video4linux.devices, video4linux.system / "none")
    blind.opened(blind.find())
    assert number(blind) == "video0"
    video4linux.disconnect()
    with pytest.raises(SourceError, match=r"video0 does not exist; plug the camera in, or .*none is connected"):
        blind.find()


def test_doctor_names_the_camera_or_those_connected(video4linux: Video4Linux, monkeypatch: pytest.MonkeyPatch) -> None:
    root = video4linux.devices.parent
    video4linux.connect(OTHER)
    monkeypatch.setattr(diagnosis, "usb_words", lambda *_: "no autofocus")
    found = diagnosis.usb(SourceConfig(uri="usb:microscope"), root)
    assert found.message == f"{video4linux.devices}/video0 (Microscope); no autofocus"
    missing = diagnosis.usb(SourceConfig(uri="usb:C920"), root)
    assert "no camera has this name" in missing.message
    assert "connected: usb:0 (Microscope)" in missing.message


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline, "never came true"
        time.sleep(0.005)


@pytest.mark.parametrize("uri", ["usb:0", "usb:C920"])
def test_a_camera_that_comes_back_under_another_number_delivers_again(
    uri: str, video4linux: Video4Linux, usb_driver: Any, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    config = SourceConfig(uri=uri, read_timeout_s=600.0, open_timeout_s=5.0, backoff_max_s=0.05)
    video4linux.connect(C920)
    camera = UsbCamera(config, devices=video4linux.devices, system=video4linux.system, capture=usb_driver)
    frames = NewestFrame(camera, config)
    frames.start()
    try:
        wait_until(lambda: frames.captured > 3)
        usb_driver.plugged.clear()
        video4linux.held = {0, 1}  # the device file is open while the driver is bound anew
        video4linux.disconnect()
        video4linux.connect(C920)
        # at once, not at the read timeout
        wait_until(lambda: frames.failing)
        assert "was disconnected" in str(frames.error)
        before = frames.captured
        usb_driver.plugged.set()  # the driver lets go of its callers
        wait_until(lambda: frames.captured > before and not frames.failing)
    finally:
        usb_driver.plugged.set()
        frames.stop()
    assert {path.name for path in usb_driver.opened} == {"video0", "video2"}
    assert f"{uri}: HD Pro Webcam C920 is now at {video4linux.devices}/video2" in caplog.text
    assert usb_driver.most_held == 1


def test_a_camera_gets_its_rights_a_moment_after_its_file(
    video4linux: Video4Linux, usb_driver: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    video4linux.connect(C920)
    camera = UsbCamera(
        SourceConfig(uri="usb:0"), devices=video4linux.devices, system=video4linux.system, capture=usb_driver
    )
    answers = iter([False, False, True])
    monkeypatch.setattr("edge.sources.usb.os.access", lambda *_: next(answers))
    camera.open()
    assert camera.read().index == 0
    camera.close()
    monkeypatch.setattr("edge.sources.usb.os.access", lambda *_: False)
    monkeypatch.setattr("edge.sources.usb._SETTLE_S", 0.0)
    with pytest.raises(SourceError, match=r"no permission for .*usermod -aG video"):
        camera.open()
