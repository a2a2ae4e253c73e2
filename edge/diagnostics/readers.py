"""Versions of the libraries that read untrusted data, and of the native libraries they contain.

An advisory names libjpeg-turbo, libwebp or FFmpeg, not the Python package that carries a copy of it: a support
archive has to name these.
"""

from __future__ import annotations

import ssl
import sys
from importlib import metadata
from typing import TYPE_CHECKING, Any

from edge.sandbox.probe import probe

if TYPE_CHECKING:
    from collections.abc import Mapping

READS: Mapping[str, str] = {
    "opencv": "uploaded pictures, frames of visitors' cameras, network cameras",
    "pyav": "uploaded videos, and a session's film",
    "pillow": "the fonts of displays; nothing that is uploaded",
    "numpy": "the pixels of all of these",
    "runtime": "models that were added",
    "sqlite": "the state folder",
    "openssl": "TLS of the page, the broker and network cameras",
}
"""What each reads; the keys of :func:`versions`."""
PACKAGES = ("h11", "uvicorn", "starlette", "paho-mqtt", "amqtt", "websockets", "cryptography", "pydantic", "imagesize")
"""Parsers of what the network sends, and of the sizes in pictures' headers, that have no native library of note."""
_OPENCV = """
import json, cv2
wanted = ("JPEG", "PNG", "WEBP", "AVIF", "TIFF", "JPEG 2000", "OpenEXR", "ZLib", "GStreamer", "v4l/v4l2")
wanted += tuple(f"av{name}" for name in ("codec", "format", "util", "device")) + ("swscale", "swresample")
pairs = (line.strip().partition(":") for line in cv2.getBuildInformation().splitlines())
found = {name: value.strip() for name, _, value in pairs if name in wanted and value.strip()}
print(json.dumps({"version": cv2.__version__, "libraries": found}))
"""
_PYAV = """
import json, av
libraries = {name: ".".join(map(str, numbers)) for name, numbers in av.library_versions.items()}
libraries["ffmpeg"] = getattr(av, "ffmpeg_version_info", "not named by this PyAV")
print(json.dumps({"version": av.__version__, "libraries": libraries}))
"""
_PILLOW = """
import json, PIL
from PIL import features
libraries = {name: features.version(name) for name in features.get_supported()}
print(json.dumps({"version": PIL.__version__, "libraries": libraries}))
"""
_NUMPY = "import json, numpy; print(json.dumps({'version': numpy.__version__, 'libraries': {}}))"
_SQLITE = "import json, sqlite3; print(json.dumps({'version': sqlite3.sqlite_version, 'libraries': {}}))"
_PROBES = {"opencv": _OPENCV, "pyav": _PYAV, "pillow": _PILLOW, "numpy": _NUMPY, "sqlite": _SQLITE}
_RUNTIMES = ("ai-edge-litert", "tflite-runtime")


def versions() -> dict[str, Any]:
    """Return the version, contained libraries and input of each reader, or the reason why it cannot be loaded.

    Each is loaded in a separate process, so that a crash is reported.
    """
    found = {name: _probed(code) for name, code in _PROBES.items()}
    found["runtime"] = {"version": _installed(*_RUNTIMES), "libraries": {}}
    found["openssl"] = {"version": ssl.OPENSSL_VERSION, "libraries": {}}
    return {
        "readers": {name: {**found[name], "reads": what} for name, what in READS.items()},
        "packages": {name: _installed(name) for name in PACKAGES},
        "python": sys.version.split()[0],
    }


def _probed(code: str) -> dict[str, Any]:
    outcome = probe(code)
    return {"version": None, "fault": outcome.reason} if outcome.answer is None else outcome.answer


def _installed(*names: str) -> str | None:
    """Return the version of the first installed package, with its name if there are several; ``None`` for none."""
    for name in names:
        try:
            version = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
        return version if len(names) == 1 else f"{name} {version}"
    return None
