"""Base class of sources without controllable focus and exposure that decode every frame."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from edge.core.types import Box


class PassiveSource:
    """A source whose focus and exposure cannot be set: files, streams, drawn scenes, most USB cameras."""

    lossless: bool

    @property
    def recorded(self) -> bool:
        """True for files and similar sources; a source of which every frame counts is one."""
        return self.lossless

    def aim(self, faces: Sequence[Box], brightness: float | None) -> None:
        """Do nothing: focus and exposure are fixed."""

    def skip(self) -> bool:
        """Return False: a frame cannot pass without being decoded."""
        return False
