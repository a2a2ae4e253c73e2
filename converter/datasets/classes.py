"""Folder names of emotions."""

from __future__ import annotations

from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING

from edge.core.types import EMOTIONS, Emotion

if TYPE_CHECKING:
    from collections.abc import Mapping

_NAMES = {
    Emotion.ANGRY: ("angry", "anger"),
    Emotion.DISGUST: ("disgust", "disgusted"),
    Emotion.FEAR: ("fear", "fearful", "afraid"),
    Emotion.HAPPY: ("happy", "happiness"),
    Emotion.SAD: ("sad", "sadness"),
    Emotion.SURPRISE: ("surprise", "surprised"),
    Emotion.NEUTRAL: ("neutral",),
}
CLASSES = {name: EMOTIONS.index(emotion) for emotion, names in _NAMES.items() for name in names}
"""Folder names of the classes, in lower case."""
CONTEMPT = "contempt"
LEFT_OUT = frozenset({CONTEMPT})
"""Classes outside the seven: counted, but not loaded."""


@dataclass(frozen=True, slots=True)
class ClassNames:
    """Valid folder names of a data set, in lower case.

    ``labels`` maps a folder name to the number of its class, ``left_out`` are known classes whose pictures are not
    loaded, ``classes`` the names of the numbers.
    """

    labels: Mapping[str, int]
    left_out: frozenset[str]
    classes: tuple[str, ...] = EMOTIONS

    def __contains__(self, name: object) -> bool:
        return name in self.labels or name in self.left_out

    def known(self) -> str:
        """Return the names as text, those of the emotions first."""
        own = [emotion.value for emotion in EMOTIONS if emotion.value in self.labels]
        own += [name for name in self.labels if name not in CLASSES]
        others = [name for name in self.labels if name not in own]
        return f"{', '.join(own)} (or {', '.join(others)})" if others else ", ".join(own)

    def suggestion(self, name: str) -> str:
        """Return a hint at the end of a sentence for a misspelt ``name``, or an empty text without a similar name."""
        close = get_close_matches(name.lower(), self.labels, n=1)
        return f"; did you mean {close[0]}?" if close else ""


SEVEN_NAMES = ClassNames(CLASSES, LEFT_OUT)
"""Names of the usual seven."""
