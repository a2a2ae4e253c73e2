"""Creation of the configured source: its URI selects the backend, and only that backend is imported."""

from __future__ import annotations

import difflib
import importlib
import re
from pathlib import Path
from typing import TYPE_CHECKING

from edge.core.errors import ConfigError
from edge.sources.uri import is_usb, masked

if TYPE_CHECKING:
    from edge.config import SourceConfig
    from edge.core.protocols import FrameSource

BACKENDS = {
    "picamera": "edge.sources.picamera:PiCamera",
    "usb": "edge.sources.usb:UsbCamera",
    "rtsp": "edge.sources.stream:NetworkStream",
    "rtsps": "edge.sources.stream:NetworkStream",
    "http": "edge.sources.stream:NetworkStream",
    "https": "edge.sources.stream:NetworkStream",
    "images": "edge.sources.images:Images",
    "replay": "edge.sources.replay:replay",
    "virtual": "edge.sources.virtual:VirtualCamera",
}
"""URI schemes and the location of their classes; each takes a :class:`~edge.config.SourceConfig`."""

_SHOWN = 80
FORMS = (
    "picamera[:N], usb:N or usb:NAME, a file, rtsp://…, http://…, images:PATH, replay:FILE[?pace=real], virtual[:SCENE]"
)
PICTURE_SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".bmp", ".webp", ".tif", ".tiff"})


def create(config: SourceConfig) -> FrameSource:
    """Return the source that ``config.uri`` names, not opened yet.

    Raises:
        ConfigError: no source has this form; the message lists those that there are.
    """
    module, _, name = _backend(config.uri).partition(":")
    source: FrameSource = getattr(importlib.import_module(module), name)(config)
    return source


def _backend(uri: str) -> str:
    match = re.match(r"[a-zA-Z][a-zA-Z0-9+.-]*(?=[:?]|$)", uri)
    scheme = match.group() if match else ""
    if scheme in BACKENDS:
        return BACKENDS[scheme]
    if is_usb(uri):
        return BACKENDS["usb"]
    if not uri or ("://" in uri and not uri.startswith("file://")):
        raise _unknown(uri, scheme)
    path = Path(uri)
    try:
        is_folder, is_file = path.is_dir(), path.is_file()
    except OSError:  # the name is longer than any file name can be
        raise _unknown(uri[:_SHOWN], scheme) from None
    if is_folder or path.suffix.lower() in PICTURE_SUFFIXES:
        return BACKENDS["images"]
    if is_file or path.suffix or "/" in uri:
        return "edge.sources.video:VideoFile"
    raise _unknown(uri, scheme)


def _unknown(uri: str, scheme: str) -> ConfigError:
    near = difflib.get_close_matches((scheme or uri).lower(), BACKENDS, n=1)
    hint = f"; did you mean {near[0]!r}?" if near else ""
    return ConfigError(f"source.uri: {masked(uri)!r} is not a source{hint} (expected {FORMS})")
