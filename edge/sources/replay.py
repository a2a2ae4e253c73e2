"""Replay of a recorded clip instead of a camera, as fast as possible or in real time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edge.core.errors import ConfigError
from edge.sources.looped import Looped
from edge.sources.playback import Playback
from edge.sources.uri import options
from edge.sources.video import VideoFile

if TYPE_CHECKING:
    from edge.config import SourceConfig
    from edge.core.protocols import FrameSource


class Replay(VideoFile):
    """Source ``replay:FILE``: every frame of a video, as fast as it is read."""

    def __init__(self, config: SourceConfig, path: str) -> None:
        super().__init__(config.model_copy(update={"uri": path}))

    @property
    def uri(self) -> str:
        """``replay:FILE``."""
        return f"replay:{super().uri}"


def replay(config: SourceConfig) -> FrameSource:
    """Return the source for ``replay:FILE``; with ``?pace=real`` it plays in real time.

    Raises:
        ConfigError: no file is named, or an option is unknown.
    """
    path, found = options(config.uri, {"pace": ("fast", "real")})
    if not path:
        msg = "source.uri: replay: names no file (expected such as replay:clip.mp4)"
        raise ConfigError(msg)
    clip = Replay(config, path)
    if found.get("pace") != "real":
        return clip
    return Playback(Looped(clip) if config.loop else clip)
