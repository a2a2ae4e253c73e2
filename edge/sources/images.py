"""Pictures from files, upright, as BGR; bad files are refused in one line before any large allocation."""

from __future__ import annotations

import logging
import re
from pathlib import Path
from typing import TYPE_CHECKING, cast

import cv2
import imagesize
import numpy as np

from edge.core.errors import ConfigError, InputError, SourceEnded, SourceError
from edge.core.types import Frame
from edge.sources import opencv, regular
from edge.sources.factory import PICTURE_SUFFIXES
from edge.sources.passive import PassiveSource
from edge.sources.picture_data import ends_early, foreign_format, picture_in
from edge.util.stderr import lines_dropped

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from edge.config import SourceConfig

_LOG = logging.getLogger(__name__)
_NS = 1_000_000_000
MAX_MEGAPIXELS = 120
COMPLAINTS = (b"libpng ", b"Corrupt JPEG data", b"Premature end of JPEG", b"Invalid SOS", b"Unsupported marker")
"""Decoder messages that bypass OpenCV's log level; users get our single line instead."""
_ON_PHONES = " (on an iPhone: Settings, Camera, Formats, Most Compatible)"
_CUT_OFF = "is cut off: the end of the picture is missing"
_PREMATURE = re.compile(rb"premature end|found marker 0xd9 instead of RST")
_EXTRANEOUS = re.compile(rb"(\d+) extraneous bytes before marker 0xd9")
_BYTES_PER_MEGAPIXEL = 8_000_000
"""Bytes per pixel of four uncompressed 16-bit channels."""
_HEADERS = 16_000_000


def read_image(path: Path, *, max_megapixels: int = MAX_MEGAPIXELS) -> NDArray[np.uint8]:
    """Read the picture in ``path`` in its intended orientation: an (h, w, 3) uint8 BGR array.

    EXIF orientation is applied, transparency dropped, 16 bits reduced to 8, grey converted to color.

    Raises:
        InputError: it is missing, unreadable, empty, too large, damaged, or no picture.
    """
    opencv.quiet()
    if fault := regular.fault(path):
        raise InputError(fault)
    _check_size(path, max_megapixels)
    try:
        data = path.read_bytes()
    except OSError as error:
        msg = f"{path}: cannot be read: {error.strerror}"
        raise InputError(msg) from None
    picture = picture_in(data)
    image, complaint = _decode(picture)
    if image is not None and (extra := _EXTRANEOUS.search(complaint)):
        # the decoder reports only the first problem, and this one is harmless
        image, complaint = _decode(picture[: -2 - int(extra[1])] + picture[-2:])
    if image is None:
        msg = f"{path}: {_why_not(data)}"
        raise InputError(msg)
    if _PREMATURE.search(complaint):
        msg = f"{path}: {_CUT_OFF}"
        raise InputError(msg)
    return image


def _decode(data: bytes) -> tuple[NDArray[np.uint8] | None, bytes]:
    """Return the picture and the decoder's complaint."""
    complaints: list[bytes] = []
    try:
        with lines_dropped(*COMPLAINTS) as complaints:
            image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    except cv2.error:
        image = None
    return cast("NDArray[np.uint8] | None", image), b"".join(complaints)


def _why_not(data: bytes) -> str:
    if name := foreign_format(data):
        return f"is {name}, which cannot be read; convert it to JPEG{_ON_PHONES if name == 'HEIC' else ''}"
    if ends_early(data):
        return _CUT_OFF
    return "is no picture that can be decoded; it may be damaged or of another kind"


def _check_size(path: Path, max_megapixels: int) -> None:
    """Refuse by size and header alone, since reading or decoding a decompression bomb would be too late."""
    if path.stat().st_size > max_megapixels * _BYTES_PER_MEGAPIXEL + _HEADERS:
        msg = f"{path}: is larger than any picture of {max_megapixels} megapixels; it is probably not a picture"
        raise InputError(msg)
    try:
        width, height = imagesize.get(str(path))
    except (ValueError, OSError, IndexError, KeyError):
        return  # unknown header: the decoder will report it
    except Exception as error:  # struct.error and others for a truncated header
        msg = f"{path}: is damaged: its header cannot be read"
        raise InputError(msg) from error
    if width * height > max_megapixels * 1_000_000:
        msg = (
            f"{path}: {width}x{height} is {width * height / 1e6:.0f} megapixels, the limit is {max_megapixels}; "
            "make it smaller, or raise analyze.max_megapixels"
        )
        raise InputError(msg)


def find_pictures(path: Path) -> list[Path]:
    """Return ``path`` itself, or the pictures in this folder sorted by name.

    Raises:
        SourceError: it does not exist or cannot be read, or the folder holds no picture.
    """
    try:
        if not path.exists():
            msg = f"{path}: no such file or folder"
            raise SourceError(msg)
        if not path.is_dir():
            return [path]
        # each file is checked when it is read
        found = sorted(each for each in path.iterdir() if each.suffix.lower() in PICTURE_SUFFIXES and not _is_dir(each))
    except OSError as error:
        msg = f"{path}: cannot be read: {error.strerror}; check its permissions"
        raise SourceError(msg) from None
    if not found:
        msg = f"{path}: contains no picture ({', '.join(sorted(PICTURE_SUFFIXES))})"
        raise SourceError(msg)
    return found


def _is_dir(path: Path) -> bool:
    try:
        return path.is_dir()
    except OSError:  # a folder that may be listed but not entered
        return False


class Images(PassiveSource):
    """Source ``images:PATH[,PATH…]``: every picture once, ``1/fps`` seconds apart; bad ones are logged and skipped."""

    lossless = True
    epoch_ns: int | None = 0

    def __init__(self, config: SourceConfig) -> None:
        self._paths = [Path(part) for part in config.uri.removeprefix("images:").split(",") if part]
        if not self._paths:
            msg = "source.uri: images: names no file or folder (expected such as images:pictures)"
            raise ConfigError(msg)
        self._step_ns = round(_NS / config.fps)
        self._left: list[Path] | None = None
        self._index = 0
        self._bad = 0
        self._reported: set[Path] = set()

    @property
    def uri(self) -> str:
        """``images:PATH``."""
        return "images:" + ",".join(map(str, self._paths))

    def open(self) -> None:
        """List the pictures.

        Raises:
            SourceError: a path does not exist, or there is no picture.
        """
        self._left = [picture for path in self._paths for picture in find_pictures(path)][::-1]
        self._index, self._bad = 0, 0

    def read(self) -> Frame:
        """Return the next readable picture.

        Raises:
            SourceEnded: that was the last.
            SourceError: not one of them can be read, or they are not open.
        """
        if self._left is None:
            msg = f"{self.uri}: is not open"
            raise SourceError(msg)
        while self._left:
            path = self._left.pop()
            try:
                image = read_image(path)
            except InputError as error:
                if path not in self._reported:
                    self._reported.add(path)
                    _LOG.warning("%s", error)
                self._bad += 1
                continue
            index, self._index = self._index, self._index + 1
            return Frame(image, index * self._step_ns, index, name=path.name)
        if not self._index:
            msg = f"{self.uri}: not one of its {self._bad} pictures can be read; they may be damaged or of another kind"
            raise SourceError(msg)
        left_out = f", {self._bad} could not be read" if self._bad else ""
        msg = f"{self.uri}: ended after {self._index} pictures{left_out}"
        raise SourceEnded(msg)

    def close(self) -> None:
        """Clear the list."""
        self._left = None
