"""Transition probabilities of a simulated room; weights, not measurements."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edge.core.events import EventType
from edge.core.types import Emotion

if TYPE_CHECKING:
    from collections.abc import Mapping

# what usually follows what; the rest is rare. Rooms are neutral most of the time, and glad more often than not.
NEXT: Mapping[Emotion, Mapping[Emotion, float]] = {
    Emotion.NEUTRAL: {Emotion.HAPPY: 5, Emotion.SURPRISE: 2, Emotion.SAD: 1.5, Emotion.ANGRY: 1},
    Emotion.HAPPY: {Emotion.NEUTRAL: 6, Emotion.SURPRISE: 2},
    Emotion.SURPRISE: {Emotion.HAPPY: 4, Emotion.NEUTRAL: 4, Emotion.FEAR: 1},
}
CALM_DOWN: Mapping[Emotion, float] = {Emotion.NEUTRAL: 6, Emotion.SAD: 1}
RARE = 0.2
# likelihood of what happens next
EMPTY = {EventType.PRESENCE_START: 94, EventType.SESSION_START: 4, EventType.PRIVACY_ON: 2}
PRESENT = {
    EventType.EXPRESSION_CHANGED: 64,
    EventType.PEAK: 14,
    EventType.PRESENCE_END: 16,
    EventType.SESSION_START: 3,
    EventType.PRIVACY_ON: 1,
}
IN_SESSION = {EventType.MARKER: 6, EventType.SESSION_END: 4}
