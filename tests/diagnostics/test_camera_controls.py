"""What doctor says of a camera's focus, light and controls."""

from __future__ import annotations

import json
import threading
from typing import TYPE_CHECKING, Any

import pytest

from edge.config import SourceConfig, load
from edge.core.errors import ConfigError
from edge.diagnostics import camera, camera_controls
from edge.diagnostics.camera_controls import picamera_words, usb_words
from edge.diagnostics.finding import Status
from edge.sandbox.probe import Outcome
from tests.fixtures.media import CAMERA_MODULE_3
from tests.fixtures.v4l2 import FakeControl, FakeIoctl

if TYPE_CHECKING:
    from pathlib import Path

LIMITS = json.loads(json.dumps(CAMERA_MODULE_3))
"""As they come from the process that asked the camera."""


@pytest.fixture
def device(tmp_path: Path) -> Path:
    path = tmp_path / "dev" / "video0"
    path.parent.mkdir()
    path.touch()
    return path


def source(uri: str = "picamera", **settings: Any) -> SourceConfig:
    return SourceConfig(uri=uri, **settings)


def test_a_pi_camera_is_described_in_a_line() -> None:
    finding = camera.picamera(Outcome({"cameras": ["imx708_wide"], "controls": LIMITS}), source())
    assert finding.message == (
        "imx708_wide through picamera2; continuous autofocus; 15 frames a second, in the dark down to 8.33; "
        "exposure follows faces"
    )


PICAMERA2 = """
class Picamera2:
    def __init__(self, number):
        if IN_USE:
            raise RuntimeError("Failed to acquire camera: Device or resource busy")
    def __enter__(self): return self
    def __exit__(self, *_): print("closed")
    @staticmethod
    def global_camera_info(): return [{"Model": "imx708"}]
    def create_video_configuration(self, main): return main
    def configure(self, configuration): assert configuration == {"size": (1280, 720)}
    @property
    def camera_controls(self): return {"AfMode": (0, 2, 0), "ScalerCrop": ((0, 0, 1, 1), (0, 0, 9, 9), None)}
"""


@pytest.mark.parametrize(("in_use", "says"), [(False, "continuous autofocus"), (True, "in use, so that")])
def test_the_camera_is_asked_in_a_process_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, in_use: bool, says: str
) -> None:
    (tmp_path / "picamera2.py").write_text(PICAMERA2.replace("IN_USE", str(in_use)))
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    finding = camera.camera(load(environment={}, flags={"source.uri": "picamera"}))
    assert finding.status is Status.OK, finding.message
    assert finding.message == f"imx708 through picamera2; {says}" + " its controls cannot be listed now" * in_use


def test_a_wrong_setting_of_a_pi_camera_is_a_finding(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "picamera2.py").write_text(PICAMERA2.replace("IN_USE", "False"))
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    finding = camera.camera(load(environment={}, flags={"source.uri": "picamera", "source.controls": {"AfMod": 2}}))
    assert finding.status is Status.FAIL
    assert finding.message == "source.controls.AfMod: picamera has no such control; did you mean 'AfMode'?"


def test_what_is_set_by_hand_is_named() -> None:
    chosen = {"LensPosition": 1.5, "ExposureTime": 20000}
    words = picamera_words(LIMITS, source(controls=chosen, min_fps=15, power_line="50"))
    assert words == "focus set by hand; 15 frames a second; set: LensPosition, ExposureTime, power_line 50"
    assert picamera_words({}, source()) == "no autofocus"


def test_rectangles_are_known_for_what_they_are() -> None:
    words = picamera_words(LIMITS, source(controls={"ScalerCrop": [0, 0, 640, 480], "AfWindows": [[0, 0, 9, 9]]}))
    assert words.endswith("set: ScalerCrop, AfWindows")


def test_a_usb_camera_is_described_in_a_line(device: Path) -> None:
    words = usb_words(device, source("usb:0"), FakeIoctl())
    assert words == "continuous autofocus; its rate may fall in the dark; finds out the mains frequency"
    words = usb_words(device, source("usb:0", controls={"focus_absolute": 3}, power_line=60), FakeIoctl())
    assert words == "focus set by hand; its rate may fall in the dark; set: focus_absolute, power_line 60"
    assert usb_words(device, source("usb:0"), FakeIoctl((FakeControl(0x980900, "Brightness"),))) == "no autofocus"


@pytest.mark.parametrize("uri", ["usb:0", "usb"])
def test_a_wrong_setting_is_found_without_a_frame(device: Path, uri: str) -> None:
    root = device.parent.parent
    with pytest.raises(ConfigError, match=r"source\.controls\.gain: usb:0 has no such control"):
        camera.usb(source("usb:0", controls={"gain": 1}), root)
    assert camera.usb(source(uri), root).status is Status.OK


def test_a_driver_that_does_not_answer_is_a_finding(device: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    answer = threading.Event()

    def hang(*_: Any) -> None:
        answer.wait(60)

    monkeypatch.setattr(camera_controls, "_TIMEOUT_S", 0.05)
    with pytest.raises(TimeoutError):
        usb_words(device, source("usb:0"), hang)
    answer.set()
    gone = FakeIoctl()
    gone.gone = True
    with pytest.raises(OSError, match="No such device"):
        usb_words(device, source("usb:0"), gone)
