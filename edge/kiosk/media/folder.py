"""The folder whose films and sounds the wall may play; nothing outside of it can be named."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from edge.core.events.messages import LABEL_MAX
from edge.util.files import may

if TYPE_CHECKING:
    from pathlib import Path

MEDIA_TYPES = {
    ".mp4": "video/mp4",
    ".m4v": "video/mp4",
    ".mov": "video/mp4",
    ".webm": "video/webm",
    ".mkv": "video/webm",
    ".ogv": "video/ogg",
    ".mp3": "audio/mpeg",
    ".m4a": "audio/mp4",
    ".ogg": "audio/ogg",
    ".opus": "audio/ogg",
    ".flac": "audio/flac",
    ".wav": "audio/wav",
}
"""By suffix; Chromium judges the content, and plays QuickTime and Matroska files under their relatives' names."""
_LISTED_MAX = 500


class MediaFolder:
    """Files of a known kind that lie in ``path`` itself; without a path there are none."""

    def __init__(self, path: Path | None) -> None:
        self._path = None if path is None else path.expanduser()

    @property
    def set_up(self) -> bool:
        """True where the configuration names a folder."""
        return self._path is not None

    def fault(self) -> str | None:
        """Why the folder cannot be used, in one line; ``None`` where it can, or where there is none."""
        if self._path is None:
            return None
        try:
            next(self._path.iterdir(), None)
        except OSError as error:
            return f"{self._path}: cannot be read: {error.strerror or error}; the wall has nothing to play"
        return None

    def unreadable(self) -> list[str]:
        """Names of those files that this process may not read."""
        found = ((name, self.find(name)) for name in self.names())
        return [name for name, path in found if path is not None and not may(path, os.R_OK)]

    def names(self) -> list[str]:
        """Return the names in alphabetical order; none for a folder that cannot be read."""
        if self._path is None:
            return []
        try:
            found = [entry.name for entry in self._path.iterdir() if self.find(entry.name) is not None]
        except OSError:
            return []
        return sorted(found, key=str.casefold)[:_LISTED_MAX]

    def find(self, name: str) -> Path | None:
        """Return the file ``name``; ``None`` where it is missing, of another kind or outside the folder."""
        if self._path is None or not 0 < len(name) <= LABEL_MAX or name.startswith(".") or not name.isprintable():
            return None
        if "/" in name or "\\" in name:
            return None
        try:
            root = self._path.resolve()
            real = (root / name).resolve()
            known = real.suffix.lower() in MEDIA_TYPES and real.is_file()
        except OSError:
            return None
        return real if known and real.is_relative_to(root) else None
