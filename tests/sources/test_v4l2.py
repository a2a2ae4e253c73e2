from __future__ import annotations

import errno
import fcntl
import os
from pathlib import Path
from typing import Any

import pytest

from edge.config import SourceConfig
from edge.core.errors import ConfigError, SourceError
from edge.sources import v4l2
from edge.sources.controls import Kind
from edge.sources.newest import NewestFrame
from edge.sources.usb import UsbCamera
from edge.sources.usb_controls import adjust
from tests.fixtures.v4l2 import Control, FakeControl, FakeIoctl, QueryCtrl, QueryMenu, request


@pytest.fixture
def device(tmp_path: Path) -> Path:
    path = tmp_path / "video0"
    path.touch()
    return path


def config(**settings: Any) -> SourceConfig:
    return SourceConfig(uri="usb:0", **settings)


def named(ioctl: FakeIoctl) -> dict[str, int]:
    """What was set, by the names that v4l2-ctl prints."""
    return {v4l2.variable_name(ioctl.controls[number].name.encode()): value for number, value in ioctl.values.items()}


def test_the_numbers_are_those_of_the_kernels_header() -> None:
    # printed by a C program with linux/videodev2.h on x86-64; the header has no type of another size on ARM
    assert (request(36, QueryCtrl), request(37, QueryMenu), request(28, Control)) == (
        0xC0445624,
        0xC02C5625,
        0xC008561C,
    )


def test_controls_are_listed_by_the_names_of_v4l2_ctl(device: Path, webcam_controls: FakeIoctl) -> None:
    with v4l2.Device(device, webcam_controls) as opened:
        listed = opened.controls()
    assert list(listed) == [
        "brightness",
        "power_line_frequency",
        "backlight_compensation",
        "auto_exposure",
        "exposure_time_absolute",
        "exposure_dynamic_framerate",
        "focus_absolute",
        "focus_automatic_continuous",
        "privacy",
    ]
    brightness = listed["brightness"].control
    assert (brightness.kind, brightness.minimum, brightness.maximum) == (Kind.INTEGER, -64, 64)
    assert listed["backlight_compensation"].control.step == 2
    assert listed["auto_exposure"].control.choices == {1: "Manual Mode", 3: "Aperture Priority Mode"}
    assert listed["focus_automatic_continuous"].control.kind is Kind.FLAG
    assert listed["privacy"].control.read_only


def test_a_file_that_is_no_camera_has_no_controls_and_that_is_no_error(device: Path) -> None:
    with v4l2.Device(device) as opened:
        assert opened.controls() == {}
    adjust(device, config(), "usb:0")


def test_the_device_is_closed_again(device: Path, webcam_controls: FakeIoctl) -> None:
    before = len(list(Path("/proc/self/fd").iterdir()))
    adjust(device, config(), "usb:0", webcam_controls)
    webcam_controls.gone = True
    with pytest.raises(SourceError):
        adjust(device, config(), "usb:0", webcam_controls)
    assert len(list(Path("/proc/self/fd").iterdir())) == before


def test_focus_exposure_and_mains_are_set_without_being_asked_for(device: Path, webcam_controls: FakeIoctl) -> None:
    adjust(device, config(), "usb:0", webcam_controls)
    assert named(webcam_controls) == {
        "focus_automatic_continuous": 1,
        "exposure_dynamic_framerate": 1,
        "power_line_frequency": 3,
    }


def test_a_rate_that_must_not_fall_is_kept(device: Path, webcam_controls: FakeIoctl) -> None:
    adjust(device, config(fps=15, min_fps=15), "usb:0", webcam_controls)
    assert named(webcam_controls)["exposure_dynamic_framerate"] == 0


def test_a_camera_that_cannot_find_the_mains_out_is_left_alone(device: Path) -> None:
    menu = {0: "Disabled", 1: "50 Hz", 2: "60 Hz"}
    ioctl = FakeIoctl((FakeControl(v4l2.POWER_LINE_FREQUENCY, "Power Line Frequency", 3, maximum=2, menu=menu),))
    adjust(device, config(), "usb:0", ioctl)
    adjust(device, config(power_line="unset"), "usb:0", ioctl)
    assert ioctl.values == {}
    adjust(device, config(power_line="50"), "usb:0", ioctl)
    assert named(ioctl) == {"power_line_frequency": 1}
    adjust(device, config(power_line="off"), "usb:0", ioctl)
    assert named(ioctl) == {"power_line_frequency": 0}


def test_a_mains_frequency_that_was_asked_for_and_cannot_be_set_is_one_line(device: Path) -> None:
    with pytest.raises(ConfigError, match=r"source\.power_line: usb:0 cannot be set to '60'; use 'auto'"):
        adjust(device, config(power_line=60), "usb:0", FakeIoctl(()))


def test_what_is_configured_wins_over_what_is_automatic(device: Path, webcam_controls: FakeIoctl) -> None:
    chosen = {"focus_absolute": 10, "focus_automatic_continuous": 0, "power_line_frequency": "60 Hz", "Brightness": -3}
    chosen |= {"exposure_time_absolute": 300, "auto_exposure": 1}
    adjust(device, config(controls=chosen), "usb:0", webcam_controls)
    assert named(webcam_controls) == {
        "focus_absolute": 10,
        "focus_automatic_continuous": 0,
        "power_line_frequency": 2,
        "brightness": -3,
        "exposure_time_absolute": 300,
        "auto_exposure": 1,
    }
    order = webcam_controls.order
    assert order.index(v4l2.EXPOSURE_AUTO) < order.index(v4l2.EXPOSURE_ABSOLUTE), "whatever the order in the file"


def test_a_control_that_an_automatic_mode_holds_is_one_line(device: Path, webcam_controls: FakeIoctl) -> None:
    with pytest.raises(
        ConfigError, match=r"exposure_time_absolute: usb:0 refuses 300: an automatic mode .*auto_exposure"
    ):
        adjust(device, config(controls={"exposure_time_absolute": 300}), "usb:0", webcam_controls)
    webcam_controls.refuses[0x980900] = errno.ERANGE
    with pytest.raises(ConfigError, match=r"brightness: usb:0 refuses 1: refused"):
        adjust(device, config(controls={"brightness": 1}), "usb:0", webcam_controls)


def test_an_automatic_setting_that_the_camera_refuses_is_no_error(device: Path, webcam_controls: FakeIoctl) -> None:
    webcam_controls.refuses[v4l2.FOCUS_AUTO] = errno.EINVAL
    adjust(device, config(), "usb:0", webcam_controls)
    assert "focus_automatic_continuous" not in named(webcam_controls)
    webcam_controls.refuses[v4l2.FOCUS_AUTO] = errno.EIO
    with pytest.raises(SourceError, match="its controls cannot be set"):
        adjust(device, config(), "usb:0", webcam_controls)


def test_the_source_sets_them_when_it_opens_and_lets_go_of_a_camera_that_it_cannot_use(
    device: Path, usb_driver: Any, webcam_controls: FakeIoctl
) -> None:
    camera = UsbCamera(config(), devices=device.parent, capture=usb_driver, ioctl=webcam_controls)
    camera.open()
    assert webcam_controls.values[v4l2.FOCUS_AUTO] == 1
    camera.close()
    camera = UsbCamera(
        config(controls={"brightnes": 1}), devices=device.parent, capture=usb_driver, ioctl=webcam_controls
    )
    with pytest.raises(ConfigError, match="did you mean 'brightness'"):
        camera.open()
    assert usb_driver.held == 0


def test_a_wrong_control_ends_the_source_instead_of_being_tried_again_for_ever(
    device: Path, usb_driver: Any, webcam_controls: FakeIoctl
) -> None:
    settings = config(controls={"brightnes": 1}, backoff_max_s=0.01)
    camera = UsbCamera(settings, devices=device.parent, capture=usb_driver, ioctl=webcam_controls)
    frames = NewestFrame(camera, settings)
    frames.start()
    assert frames.get(60) is None
    assert frames.ended
    assert isinstance(frames.error, ConfigError)
    assert frames.reconnects == 0
    frames.stop()


def real_cameras() -> list[Path]:
    return sorted(path for path in Path("/dev").glob("video*") if os.access(path, os.R_OK | os.W_OK))


def test_a_real_drivers_controls_can_be_listed_and_set_to_what_they_are() -> None:
    if not real_cameras():
        pytest.skip("no /dev/video* here; `modprobe vivid` makes one")
    listed: dict[str, v4l2.DeviceControl] = {}
    for path in real_cameras():
        with v4l2.Device(path) as opened:
            listed = opened.controls()
            if "brightness" not in listed:
                continue
            found = listed["brightness"]
            value = bytearray(Control(found.id, 0))
            with path.open("r+b", buffering=0) as other:
                fcntl.ioctl(other, request(27, Control), value)
                before = Control.from_buffer(value).value
                opened.set(found.id, found.control.maximum)
                fcntl.ioctl(other, request(27, Control), value)
                assert Control.from_buffer(value).value == found.control.maximum
                opened.set(found.id, before)
            return
    assert not any("brightness" in name for name in listed)
