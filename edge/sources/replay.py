"""A recorded clip instead of a camera: as fast as possible, or at its own pace like a live one."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING

from edge.errors import ConfigError
from edge.sources.passive import PassiveSource
from edge.sources.uri import options
from edge.sources.video import VideoFile

if TYPE_CHECKING:
    from edge.config import SourceConfig
    from edge.types import Frame

_NS = 1_000_000_000
_LATE_NS = _NS // 4


class Replay(PassiveSource):
    """``replay:FILE`` gives every frame; with ``?pace=real`` frames come when they would have come from a camera."""

    def __init__(self, config: SourceConfig) -> None:
        path, found = options(config.uri, {"pace": ("fast", "real")})
        if not path:
            msg = "source.uri: replay: names no file (expected such as replay:clip.mp4)"
            raise ConfigError(msg)
        self._real = found.get("pace") == "real"
        self._path = path
        self._file = VideoFile(config.model_copy(update={"uri": path}))
        self._started_ns: int | None = None
        self.lossless = not self._real
        self.epoch_ns = None if self._real else 0

    @property
    def uri(self) -> str:
        """``replay:FILE``."""
        return f"replay:{self._path}"

    def open(self) -> None:
        """Open the file from its beginning.

        Raises:
            SourceError: it is missing, not readable, empty, or no video.
        """
        self._started_ns = None
        self._file.open()

    def read(self) -> Frame:
        """The next frame, at its time.

        Raises:
            SourceEnded: that was the last.
            SourceError: the file is damaged or not open.
        """
        frame = self._file.read()
        if not self._real:
            return frame
        now_ns = time.monotonic_ns()
        if self._started_ns is None:
            self._started_ns = now_ns - frame.monotonic_ns
        due_ns = self._started_ns + frame.monotonic_ns
        if now_ns - due_ns > _LATE_NS:  # decoding cannot keep up: its clock must not fall ever further behind ours
            self._started_ns += now_ns - due_ns
            due_ns = now_ns
        time.sleep(max(0, due_ns - now_ns) / _NS)
        return replace(frame, monotonic_ns=due_ns)

    def close(self) -> None:
        """Close the file."""
        self._file.close()
