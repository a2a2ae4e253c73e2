"""Check of the configured source of frames."""

from __future__ import annotations

import os
import socket
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from edge.core.errors import ConfigError, SourceError
from edge.diagnostics.camera_controls import picamera_words, usb_words
from edge.diagnostics.finding import fail, joining, ok
from edge.sandbox.probe import Outcome, probe
from edge.sources.check import check
from edge.sources.factory import create
from edge.sources.uri import is_usb, number
from edge.sources.usb_devices import CameraFinder, cameras
from edge.util.files import may

if TYPE_CHECKING:
    from edge.config import Config, SourceConfig
    from edge.diagnostics.finding import Finding

_STREAM_TIMEOUT_S = 3.0
_PORTS = {"rtsp": 554, "rtsps": 322, "http": 80, "https": 443}
_PICAMERA = """
import json, sys
from picamera2 import Picamera2
answer = {"cameras": [camera.get("Model", "?") for camera in Picamera2.global_camera_info()]}
try:
    with Picamera2(int(sys.argv[1])) as camera:
        camera.configure(camera.create_video_configuration(main={"size": (int(sys.argv[2]), int(sys.argv[3]))}))
        answer["controls"] = camera.camera_controls
except Exception:
    pass  # it is in use, or not there, which the list says
print(json.dumps(answer))
"""


def camera(config: Config, root: Path = Path("/")) -> Finding:
    """Check the source without reading a frame, so that a running device is not disturbed."""
    uri = config.source.uri
    try:
        create(config.source)
    except ConfigError as error:
        return fail("camera", str(error), "mend source.uri")
    except ImportError as error:
        return fail("camera", f"{uri} cannot be used: {error}", "see the libraries above")
    try:
        return _look_for(config.source, root)
    except ConfigError as error:
        return fail("camera", str(error), "mend that setting; docs/cameras.md says what cameras take")


def _look_for(source: SourceConfig, root: Path) -> Finding:
    uri = source.uri
    match "usb" if is_usb(uri) else uri.partition(":")[0]:
        case "picamera":
            arguments = (str(number(uri)), str(source.width // 2 * 2), str(source.height // 2 * 2))
            return picamera(probe(_PICAMERA, *arguments, timeout_s=20), source)
        case "usb":
            return usb(source, root)
        case scheme if scheme in _PORTS:
            return _stream(uri)
        case "virtual":
            return ok("camera", f"{uri}: a drawn scene, needs no camera")
        case _:
            return _files(source)


def picamera(outcome: Outcome, source: SourceConfig) -> Finding:
    """Evaluate the answer of picamera2.

    Raises:
        ConfigError: the camera has no control of a configured name, or the control does not take the value.
    """
    if outcome.answer is None:
        return fail(
            "camera",
            f"picamera2 cannot be used: {outcome.reason}",
            "sudo apt install python3-picamera2, and make the environment with: python3 -m venv --system-site-packages",
        )
    wanted, found = number(source.uri), outcome.answer["cameras"]
    if wanted >= len(found):
        message = f"camera {wanted} is not there, found: {', '.join(found) or 'none'}"
        return fail("camera", message, "check the ribbon cable; rpicam-hello --list-cameras shows what the board sees")
    if "controls" not in outcome.answer:
        return ok("camera", f"{found[wanted]} through picamera2; in use, so that its controls cannot be listed now")
    return ok("camera", f"{found[wanted]} through picamera2; {picamera_words(outcome.answer['controls'], source)}")


def usb(source: SourceConfig, root: Path) -> Finding:
    """Check that the camera exists and may be opened, and describe it.

    Raises:
        ConfigError: the camera has no control of a configured name, or the control does not take the value.
    """
    places = root / "dev", root / "sys/class/video4linux"
    try:
        device = CameraFinder(source.uri, *places).find()
    except SourceError as error:
        return fail("camera", str(error), "plug the camera in, or set source.uri")
    if not may(device, os.R_OK | os.W_OK):
        return fail("camera", f"{device} may not be opened", joining("video"))
    try:
        title = next((camera.title for camera in cameras(*places) if camera.node == device.resolve()), "")
        return ok("camera", f"{device}{title}; {usb_words(device, source)}")
    except OSError as error:
        reason = error.strerror or "its driver does not answer"
        return fail("camera", f"{device}: {reason}", "disconnect the camera and connect it again")


def _stream(uri: str) -> Finding:
    parts = urlsplit(uri)
    try:
        host, port = parts.hostname or "", parts.port or _PORTS[parts.scheme]
        with socket.create_connection((host, port), timeout=_STREAM_TIMEOUT_S):
            return ok("camera", f"{parts.scheme}://{host}:{port} accepts connections")
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else error
        where = f"{parts.scheme}://{parts.hostname or ''}"
        return fail("camera", f"{where}: {reason}", "check source.uri, the camera's power and the network")


def files_of(uri: str) -> list[Path]:
    """Return the files and folders that ``uri`` names; none for a camera, a stream or a scene."""
    scheme = uri.partition(":")[0]
    if is_usb(uri) or scheme in {"picamera", "virtual", *_PORTS}:
        return []
    text = uri.removeprefix("replay:").partition("?")[0] if uri.startswith("replay:") else uri
    names = text.removeprefix("images:").split(",") if text.startswith("images:") else [text.removeprefix("file://")]
    return [Path(name) for name in names if name]


def refusals(source: SourceConfig, root: Path = Path("/")) -> tuple[str, ...]:
    """Return one line for each configured control that a connected camera refuses."""
    if not source.controls and source.power_line in {"auto", "unset"}:
        return ()
    if not (is_usb(source.uri) or source.uri.startswith("picamera")):
        return ()
    try:
        _look_for(source, root)
    except ConfigError as error:
        return error.problems
    return ()


def _files(source: SourceConfig) -> Finding:
    try:
        check(source)
    except SourceError as error:
        return fail("camera", str(error), "check source.uri and the file's permissions")
    return ok("camera", ", ".join(map(str, files_of(source.uri))))
