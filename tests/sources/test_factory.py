from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from edge.config import SourceConfig
from edge.core.errors import ConfigError
from edge.sources.factory import create
from edge.sources.uri import masked

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("uri", "kind"),
    [
        ("picamera", "PiCamera"),
        ("picamera:1", "PiCamera"),
        ("usb", "UsbCamera"),
        ("usb:0", "UsbCamera"),
        ("usb:HD Pro Webcam C920", "UsbCamera"),
        ("/dev/video0", "UsbCamera"),
        ("/dev/v4l/by-id/usb-046d_HD_Pro_Webcam_C920-video-index0", "UsbCamera"),
        ("/dev/v4l/by-path/pci-0000:01:00.0-usb-0:1.1:1.0-video-index0", "UsbCamera"),
        ("/dev/shm/clip.mp4", "VideoFile"),
        ("rtsp://camera.local/stream", "NetworkStream"),
        ("https://camera.local/stream.mjpg", "NetworkStream"),
        ("images:holiday", "Images"),
        ("picture.JPG", "Images"),
        ("clip.mp4", "VideoFile"),
        ("/some/where/clip", "VideoFile"),
        ("replay:clip.mp4", "Replay"),
        ("replay:clip.mp4?pace=real", "Playback"),
        ("virtual", "VirtualCamera"),
        ("virtual:crowd?pace=fast&frames=3", "VirtualCamera"),
    ],
)
def test_a_uri_chooses_its_backend(uri: str, kind: str) -> None:
    assert type(create(SourceConfig(uri=uri))).__name__ == kind


def test_a_folder_is_read_as_pictures(tmp_path: Path) -> None:
    assert type(create(SourceConfig(uri=str(tmp_path)))).__name__ == "Images"


@pytest.mark.parametrize(
    ("uri", "says"),
    [
        ("picamra", "did you mean 'picamera'"),
        ("nonsense", "expected picamera"),
        ("picamera:x", "expected a number"),
        ("virtual:disco", "no scene 'disco'"),
        ("virtual?frames=many", "expected a whole number"),
        ("replay:x.mp4?pace=slow", "expected fast or real"),
        ("replay:x.mp4?speed=2", "unknown option 'speed'"),
        ("rtsp:///stream", "names no host"),
        ("rtsp://camera:99999/x", "malformed host or port"),
        ("http://[bad/x", "malformed host or port"),
        ("htp://camera/x", "did you mean 'http'"),
        ("USB:0", "did you mean 'usb'"),
        ("", "expected picamera"),
        ("replay:", "names no file"),
        ("images:", "names no file"),
    ],
)
def test_a_bad_uri_is_one_line_that_helps(uri: str, says: str) -> None:
    with pytest.raises(ConfigError, match=r"source\.uri") as caught:
        create(SourceConfig(uri=uri))
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("uri", "shown"),
    [
        ("rtsp://admin:secret@camera.local:554/x", "rtsp://***@camera.local:554/x"),
        ("rtsp://admin:se/cr@et#1@camera.local/x", "rtsp://***@camera.local/x"),
        ("http://camera.local/x?fps=5&access_token=abc&w=3", "http://camera.local/x?fps=5&access_token=***&w=3"),
        ("rtsp://cam/user=me_password=abc", "rtsp://cam/user=me_password=***"),
        ("http://camera.local/x", "http://camera.local/x"),
        ("replay:clip@home.mp4?pace=real", "replay:clip@home.mp4?pace=real"),
    ],
)
def test_credentials_are_masked(uri: str, shown: str) -> None:
    assert masked(uri) == shown


@pytest.mark.parametrize(
    "uri",
    [
        "rtsp://admin:secret@camera.local:554/x",
        "htp://admin:secret@camera.local/x",
        "http://admin:secret@[bad/x",
        "http://admin:secret@/x",
        "http://admin:secret@camera:port/x",
    ],
)
def test_no_message_shows_the_password(uri: str) -> None:
    try:
        shown = create(SourceConfig(uri=uri)).uri
    except ConfigError as error:
        shown = str(error)
    assert "***@" in shown
    assert "secret" not in shown


def test_importing_the_package_loads_no_heavy_library() -> None:
    code = (
        "import sys, edge, edge.sources.factory; "
        "print(*[m for m in ('cv2', 'numpy', 'picamera2', 'gpiozero', 'pydantic', 'paho') if m in sys.modules])"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == ""


def test_a_name_that_no_file_can_have_is_one_line() -> None:
    with pytest.raises(ConfigError, match="is not a source") as raised:
        create(SourceConfig(uri="x" * 5000))
    assert len(str(raised.value)) < 400
