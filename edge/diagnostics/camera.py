"""Whether the configured source of frames is there."""

from __future__ import annotations

import os
import socket
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from edge.diagnostics.finding import fail, ok
from edge.diagnostics.probe import Outcome, probe

if TYPE_CHECKING:
    from edge.config import Config
    from edge.diagnostics.finding import Finding

_STREAM_TIMEOUT_S = 3.0
_PORTS = {"rtsp": 554, "rtsps": 322, "http": 80, "https": 443}
_PICAMERA = """
import json
from picamera2 import Picamera2
print(json.dumps({"cameras": [camera.get("Model", "?") for camera in Picamera2.global_camera_info()]}))
"""


def camera(config: Config, root: Path = Path("/")) -> Finding:
    """Looks at the source without taking a frame, so that a running device is not disturbed."""
    uri = config.source.uri
    scheme = uri.partition(":")[0]
    if scheme == "picamera":
        _, _, number = uri.partition(":")
        return picamera(probe(_PICAMERA, timeout_s=20), int(number or 0) if (number or "0").isdigit() else 0)
    if scheme == "usb":
        return usb(uri, root)
    if scheme in _PORTS:
        return _stream(uri)
    if scheme == "virtual":
        return ok("camera", f"{uri}: a drawn scene, needs no camera")
    return _file(uri)


def picamera(outcome: Outcome, number: int) -> Finding:
    """Judges what picamera2 said."""
    if outcome.answer is None:
        return fail(
            "camera",
            f"picamera2 cannot be used: {outcome.reason}",
            "sudo apt install python3-picamera2, and make the environment with: python3 -m venv --system-site-packages",
        )
    found = outcome.answer["cameras"]
    if number >= len(found):
        message = f"camera {number} is not there, found: {', '.join(found) or 'none'}"
        return fail("camera", message, "check the ribbon cable; rpicam-hello --list-cameras shows what the board sees")
    return ok("camera", f"{found[number]} through picamera2")


def usb(uri: str, root: Path) -> Finding:
    """Whether ``/dev/videoN`` is there and may be opened."""
    device = root / "dev" / f"video{uri.partition(':')[2]}"
    if not device.exists():
        there = ", ".join(sorted(f"usb:{path.name[5:]}" for path in (root / "dev").glob("video*"))) or "none"
        return fail("camera", f"{device} is not there; there are: {there}", "plug the camera in, or set source.uri")
    if not os.access(device, os.R_OK | os.W_OK):
        return fail("camera", f"{device} may not be opened", "sudo usermod -aG video $USER, then log in again")
    return ok("camera", str(device))


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


def _file(uri: str) -> Finding:
    path = Path(uri.removeprefix("images:").removeprefix("replay:").partition("?")[0]).expanduser()
    if not path.exists():
        return fail("camera", f"{path} is not there", "check source.uri")
    if not os.access(path, os.R_OK):
        return fail("camera", f"{path} may not be read", "check its permissions")
    return ok("camera", str(path))
