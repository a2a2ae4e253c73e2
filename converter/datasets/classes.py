"""What folders of an emotion are called."""

from __future__ import annotations

from difflib import get_close_matches

from edge.types import EMOTIONS, Emotion

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
LEFT_OUT = frozenset({"contempt"})
"""Classes that are none of the seven: counted, not taken."""


def known_names() -> str:
    """The known names, the emotions' own first."""
    own = [emotion.value for emotion in EMOTIONS]
    others = [name for name in CLASSES if name not in own]
    return f"{', '.join(own)} (or {', '.join(others)})"


def suggestion(name: str) -> str:
    """What ``name`` may be a misspelling of, as the end of a sentence; empty where nothing is like it."""
    close = get_close_matches(name.lower(), CLASSES, n=1)
    return f"; did you mean {close[0]}?" if close else ""
