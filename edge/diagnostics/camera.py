"""Whether the configured source of frames is there."""

from __future__ import annotations

import os
import socket
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from edge.diagnostics.finding import fail, ok
from edge.diagnostics.probe import Outcome, probe
from edge.errors import ConfigError
from edge.sources.factory import create
from edge.sources.uri import number

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
    try:
        create(config.source)
    except ConfigError as error:
        return fail("camera", str(error), "mend source.uri")
    except ImportError as error:
        return fail("camera", f"{uri} cannot be used: {error}", "see the libraries above")
    return _look_for(uri, root)


def _look_for(uri: str, root: Path) -> Finding:
    match uri.partition(":")[0]:
        case "picamera":
            return picamera(probe(_PICAMERA, timeout_s=20), number(uri))
        case "usb":
            return usb(uri, root)
        case scheme if scheme in _PORTS:
            return _stream(uri)
        case "virtual":
            return ok("camera", f"{uri}: a drawn scene, needs no camera")
        case _:
            return _files(uri)


def picamera(outcome: Outcome, wanted: int) -> Finding:
    """Judges what picamera2 said."""
    if outcome.answer is None:
        return fail(
            "camera",
            f"picamera2 cannot be used: {outcome.reason}",
            "sudo apt install python3-picamera2, and make the environment with: python3 -m venv --system-site-packages",
        )
    found = outcome.answer["cameras"]
    if wanted >= len(found):
        message = f"camera {wanted} is not there, found: {', '.join(found) or 'none'}"
        return fail("camera", message, "check the ribbon cable; rpicam-hello --list-cameras shows what the board sees")
    return ok("camera", f"{found[wanted]} through picamera2")


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


def _files(uri: str) -> Finding:
    text = uri.removeprefix("replay:").partition("?")[0] if uri.startswith("replay:") else uri
    names = text.removeprefix("images:").split(",") if text.startswith("images:") else [text]
    for path in map(Path, names):
        if not path.exists():
            return fail("camera", f"{path} is not there", "check source.uri")
        if not os.access(path, os.R_OK):
            return fail("camera", f"{path} may not be read", "check its permissions")
    return ok("camera", ", ".join(names))
