"""Appearance of each emotion and state in one table for all displays; models may add classes of their own.

Emotions are steady, each in its own color; other states blink, breathe or are dim, so that the two cannot be confused
on a display without color. The colors are shares of LED light (linear, like a PWM duty), chosen so that any two differ
by at least 25 CIELAB units, also for people with protanopia, deuteranopia or tritanopia.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, TypeAlias

from edge.core.events import LookKind
from edge.core.labels import Label
from edge.core.types import EMOTIONS, Emotion

if TYPE_CHECKING:
    from edge.core.events import Look

Mien: TypeAlias = Emotion | LookKind | Label
"""Key of the table: an emotion, a class of a model with its own labels, or another state."""

KINDS: tuple[LookKind, ...] = tuple(kind for kind in LookKind if kind is not LookKind.EMOTION)
MIENS: tuple[Mien, ...] = (*EMOTIONS, *KINDS)


@dataclass(frozen=True, slots=True)
class Pattern:
    """Light over time, repeated: ``points`` are ``(seconds, level 0..1)`` joined by straight lines.

    Two points at the same second make a step. A single point is steady light.
    """

    points: tuple[tuple[float, float], ...]

    @property
    def steady(self) -> bool:
        """True if the light never changes."""
        return len(self.points) == 1

    @property
    def period_s(self) -> float:
        """Period in seconds, 0 for steady light."""
        return self.points[-1][0]

    def level(self, elapsed_s: float) -> float:
        """Return the light 0..1 at ``elapsed_s`` seconds after the look appeared."""
        if self.steady:
            return self.points[0][1]
        time_s = elapsed_s % self.period_s
        for (start_s, start), (end_s, end) in pairwise(self.points):
            if start_s <= time_s < end_s:
                return start + (end - start) * (time_s - start_s) / (end_s - start_s)
        return self.points[-1][1]


@dataclass(frozen=True, slots=True)
class Appearance:
    """One row of the table: ``colour`` is ``(red, green, blue)``, each 0..1 of full light."""

    label: str
    colour: tuple[float, float, float]
    pattern: Pattern
    emoji: str
    emoticon: str


_STEADY = Pattern(((0, 1),))
_DIM = Pattern(((0, 0.08),))
_BLINK = Pattern(((0, 1), (0.5, 1), (0.5, 0), (1, 0)))
_WAVER = Pattern(((0, 0.15), (0.5, 0.5), (1, 0.15)))
_BREATHE = Pattern(((0, 0), (2, 0.8), (4, 0)))
_DOUBLE_BLINK = Pattern(((0, 1), (0.1, 1), (0.1, 0), (0.2, 0), (0.2, 1), (0.3, 1), (0.3, 0), (1, 0)))

APPEARANCES: dict[Mien, Appearance] = {
    Emotion.ANGRY: Appearance("angry", (0.8, 0, 0), _STEADY, "😠", ">:("),
    Emotion.DISGUST: Appearance("disgust", (0, 0.25, 0.1), _STEADY, "🤢", ":-&"),
    Emotion.FEAR: Appearance("fear", (0.9, 0.1, 0.8), _STEADY, "😨", "D-:"),
    Emotion.HAPPY: Appearance("happy", (1, 0.5, 0), _STEADY, "😀", ":-)"),
    Emotion.SAD: Appearance("sad", (0, 0, 0.7), _STEADY, "😢", ":-("),
    Emotion.SURPRISE: Appearance("surprise", (0, 0.9, 0.75), _STEADY, "😮", ":-O"),
    Emotion.NEUTRAL: Appearance("neutral", (1, 0.95, 0.55), _STEADY, "😐", ":-|"),
    LookKind.STARTING: Appearance("starting", (1, 1, 1), _BLINK, "⏳", "..."),
    LookKind.NO_FACE: Appearance("no face", (1, 1, 1), _DIM, "🔍", "[ ]"),
    LookKind.UNCERTAIN: Appearance("uncertain", (1, 1, 1), _WAVER, "🤔", ":-?"),
    LookKind.PAUSED: Appearance("paused", (0.3, 0.3, 1), _BREATHE, "🙈", "||"),
    LookKind.FAULT: Appearance("fault", (1, 0, 0), _DOUBLE_BLINK, "❌", "(X)"),
}


def mien(look: Look) -> Mien:
    """Return the key of ``look`` in the table, or its class if that has no row."""
    if look.emotion is None:
        return look.kind
    return Emotion(look.emotion) if look.label is None else look.label


def appearance(look: Look) -> Appearance:
    """Return the appearance of ``look`` from the table or the model's manifest."""
    row = mien(look)
    if not isinstance(row, Label):
        return APPEARANCES[row]
    return Appearance(row.word, row.light, _STEADY, row.emoji, row.emoticon)
