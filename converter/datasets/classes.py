"""What folders of an emotion are called."""

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
"""What folders of a class are called, in small letters."""
CONTEMPT = "contempt"
LEFT_OUT = frozenset({CONTEMPT})
"""Classes that are none of the seven: counted, not taken."""


@dataclass(frozen=True, slots=True)
class ClassNames:
    """What folders of a data set may be called, in small letters.

    ``labels`` gives the number of a folder's class, ``left_out`` are known classes whose pictures are not taken,
    ``classes`` the names of the numbers.
    """

    labels: Mapping[str, int]
    left_out: frozenset[str]
    classes: tuple[str, ...] = EMOTIONS

    def __contains__(self, name: object) -> bool:
        return name in self.labels or name in self.left_out

    def known(self) -> str:
        """The names, those of the emotions first."""
        own = [emotion.value for emotion in EMOTIONS if emotion.value in self.labels]
        own += [name for name in self.labels if name not in CLASSES]
        others = [name for name in self.labels if name not in own]
        return f"{', '.join(own)} (or {', '.join(others)})" if others else ", ".join(own)

    def suggestion(self, name: str) -> str:
        """What ``name`` may be a misspelling of, as the end of a sentence; empty where nothing is like it."""
        close = get_close_matches(name.lower(), self.labels, n=1)
        return f"; did you mean {close[0]}?" if close else ""


SEVEN_NAMES = ClassNames(CLASSES, LEFT_OUT)
"""Those of the usual seven."""
