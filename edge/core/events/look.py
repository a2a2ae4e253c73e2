"""Content of the displays."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from edge.core.labels import Label


class LookKind(StrEnum):
    """States that a display distinguishes at a glance."""

    STARTING = "starting"
    NO_FACE = "no_face"
    UNCERTAIN = "uncertain"
    EMOTION = "emotion"
    PAUSED = "paused"
    FAULT = "fault"


@dataclass(frozen=True, slots=True)
class Look:
    """Current content of the displays; ``emotion`` is set if and only if ``kind`` is ``EMOTION``.

    ``label`` describes the appearance of a class that is not one of the seven of FER2013. ``frame_ns`` is the time of
    the originating frame by the loop's clock, ``None`` if there is none.
    """

    kind: LookKind
    emotion: str | None = None
    confidence: float = 0.0
    people: int = 0
    frame_ns: int | None = field(default=None, compare=False)
    label: Label | None = field(default=None, compare=False)

    def __post_init__(self) -> None:
        if (self.kind is LookKind.EMOTION) != (self.emotion is not None):
            msg = f"a look of kind {self.kind.value} cannot have emotion {self.emotion}"
            raise ValueError(msg)
