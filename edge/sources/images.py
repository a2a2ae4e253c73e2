"""Pictures from files, upright, as BGR; bad ones are told in one line before anything large is allocated."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING, cast

import cv2
import imagesize
import numpy as np

from edge.errors import ConfigError, InputError, SourceEnded, SourceError
from edge.sources import opencv, regular
from edge.sources.factory import PICTURE_SUFFIXES
from edge.sources.passive import PassiveSource
from edge.stderr import lines_dropped
from edge.types import Frame

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from edge.config import SourceConfig

_LOG = logging.getLogger(__name__)
_NS = 1_000_000_000
MAX_MEGAPIXELS = 120
COMPLAINTS = (b"libpng ", b"Corrupt JPEG data", b"Premature end of JPEG", b"Invalid SOS", b"Unsupported marker")
"""Lines that the decoders write past OpenCV's log level; whoever reads standard error gets our one line instead."""
_BYTES_PER_MEGAPIXEL = 8_000_000
"""Four channels of 16 bits, not compressed."""
_HEADERS = 16_000_000


def read_image(path: Path, *, max_megapixels: int = MAX_MEGAPIXELS) -> NDArray[np.uint8]:
    """The picture in ``path`` as it is meant to be seen: ``(height, width, 3)`` uint8 BGR.

    EXIF orientation is applied, transparency dropped, 16 bits reduced to 8, grey made colour.

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
    _check_whole(path, data)
    try:
        with lines_dropped(*COMPLAINTS):
            image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    except cv2.error:
        image = None
    if image is None:
        msg = f"{path}: is no picture that can be decoded; it may be damaged or of another kind"
        raise InputError(msg)
    return cast("NDArray[np.uint8]", image)


def _check_size(path: Path, max_megapixels: int) -> None:
    """Refuse by size and header alone: reading or decoding a bomb first would be too late."""
    if path.stat().st_size > max_megapixels * _BYTES_PER_MEGAPIXEL + _HEADERS:
        msg = f"{path}: is larger than any picture of {max_megapixels} megapixels; it is probably of another kind"
        raise InputError(msg)
    try:
        width, height = imagesize.get(str(path))
    except (ValueError, OSError, IndexError, KeyError):
        return  # not a header it knows: the decoder will say
    except Exception as error:  # struct.error and the like of a cut-off header
        msg = f"{path}: is damaged: its header cannot be read"
        raise InputError(msg) from error
    if width * height > max_megapixels * 1_000_000:
        msg = (
            f"{path}: {width}x{height} is {width * height / 1e6:.0f} megapixels, the limit is {max_megapixels}; "
            "make it smaller, or raise analyze.max_megapixels"
        )
        raise InputError(msg)


def _check_whole(path: Path, data: bytes) -> None:
    """Refuse a cut-off file: decoders fill the missing part with grey and say nothing."""
    whole = True
    if data.startswith(b"\xff\xd8"):
        # the end marker must come after the last scan began: an embedded preview has markers of its own
        whole = data.rfind(b"\xff\xd9") > data.rfind(b"\xff\xda") >= 0
    elif data.startswith(b"\x89PNG\r\n\x1a\n"):
        whole = b"IEND" in data[-64:]
    elif data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        whole = len(data) >= int.from_bytes(data[4:8], "little") + 8
    elif data[:2] == b"BM" and len(data) >= 6:
        whole = len(data) >= int.from_bytes(data[2:6], "little")
    if not whole:
        msg = f"{path}: is cut off: the end of the picture is missing"
        raise InputError(msg)


def find_pictures(path: Path) -> list[Path]:
    """``path`` itself, or the pictures in this folder by name.

    Raises:
        SourceError: it does not exist, or the folder holds no picture.
    """
    if not path.exists():
        msg = f"{path}: no such file or folder"
        raise SourceError(msg)
    if not path.is_dir():
        return [path]
    found = sorted(each for each in path.iterdir() if each.suffix.lower() in PICTURE_SUFFIXES and each.is_file())
    if not found:
        msg = f"{path}: holds no picture ({', '.join(sorted(PICTURE_SUFFIXES))})"
        raise SourceError(msg)
    return found


class Images(PassiveSource):
    """``images:PATH[,PATH…]``: every picture once, ``1/fps`` apart in time; a bad one is logged and left out."""

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

    @property
    def uri(self) -> str:
        """``images:PATH``."""
        return "images:" + ",".join(map(str, self._paths))

    def open(self) -> None:
        """Look the pictures up.

        Raises:
            SourceError: a path does not exist, or there is no picture.
        """
        self._left = [picture for path in self._paths for picture in find_pictures(path)][::-1]
        self._index, self._bad = 0, 0

    def read(self) -> Frame:
        """The next picture that can be read.

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
        """Forget the list."""
        self._left = None
