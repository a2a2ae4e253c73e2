"""Sets of classes that a model distinguishes: names in the order of its outputs, and the appearance of each class.

A model's manifest defines its set, which travels with :class:`edge.core.types.Scores`. Attributes that the manifest
omits come from :data:`KNOWN`; a class that is unknown there is shown by its initial and a colour by position.
"""

from __future__ import annotations

import re
import string
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

NAME = r"^[a-z][a-z0-9_]{0,23}$"
"""Pattern of class names in the feed, in columns and in settings."""
COLOUR = r"^#[0-9a-fA-F]{6}$"
FEWEST, MOST = 2, 12
RESERVED = frozenset({
    *("starting", "no_face", "uncertain", "emotion", "paused", "fault", "suppressed", "ended", "lost", "status"),
    *("path", "frame", "time_s", "width", "height", "faces", "face", "confidence", "primary", "x", "y", "w", "h"),
})  # fmt: skip
"""Names with another meaning on displays, on the page, as an LED's role or as a column."""
FACES = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral", "contempt")
"""Available drawings of faces; a class without one is shown by its initial."""


@dataclass(frozen=True, slots=True)
class Label:
    """One class.

    ``word`` completes "faces looked …". ``face`` is one of :data:`FACES`, or empty: displays then draw ``sign``, one
    character. ``colour`` is ``#rrggbb``. ``valence`` is -1 unpleasant to 1 pleasant. ``resting`` is true for a face at
    rest, which causes no peak and no highlight.
    """

    name: str
    word: str
    emoji: str
    emoticon: str
    colour: str
    valence: float = 0.0
    face: str = ""
    resting: bool = False
    sign: str = ""

    @property
    def title(self) -> str:
        """Return the word with a capital letter, as at the beginning of a line."""
        return self.word[:1].upper() + self.word[1:]

    @property
    def initial(self) -> str:
        """Return the character that displays draw if there is no face."""
        return self.sign or self.title[:1]

    @property
    def rgb(self) -> tuple[int, int, int]:
        """Return ``colour`` as levels of red, green and blue, 0 to 255."""
        red, green, blue = (int(self.colour[at : at + 2], 16) for at in (1, 3, 5))
        return red, green, blue

    @property
    def light(self) -> tuple[float, float, float]:
        """Return ``colour`` as linear shares of red, green and blue light, 0 to 1 (IEC 61966-2-1)."""
        channels = (level / 255 for level in self.rgb)
        red, green, blue = (channel / 12.92 if channel <= 0.04045 else ((channel + 0.055) / 1.055) ** 2.4
                            for channel in channels)  # fmt: skip
        return round(red, 3), round(green, 3), round(blue, 3)


KNOWN: Mapping[str, Label] = {
    label.name: label
    for label in (
        Label("angry", "angry", "😠", ">:(", "#d8372f", -1, "angry"),
        Label("disgust", "disgusted", "🤢", ":-&", "#4d8b31", -1, "disgust"),
        Label("fear", "fearful", "😨", "D-:", "#9a45c8", -1, "fear"),
        Label("happy", "happy", "😀", ":-)", "#e69a00", 1, "happy"),
        Label("sad", "sad", "😢", ":-(", "#2f6fd6", -1, "sad"),
        Label("surprise", "surprised", "😮", ":-O", "#00958a", 0, "surprise"),
        Label("neutral", "neutral", "😐", ":-|", "#93877a", 0, "neutral", resting=True),
        Label("contempt", "contemptuous", "😏", ":-/", "#8a5a2b", -1, "contempt"),
        Label("positive", "positive", "🙂", ":-)", "#e69a00", 1, "happy"),
        Label("negative", "negative", "🙁", ":-(", "#2f6fd6", -1, "sad"),
    )
}
_DISCS = ("🟣", "🟢", "🟠", "🔵", "🟡", "🔴", "🟤", "⚪", "🟪", "🟩", "🟧", "🟦")
_COLOURS = (
    *("#9a45c8", "#4d8b31", "#c2541d", "#2f6fd6", "#a88200", "#c9424f"),
    *("#7a4a2a", "#8a94a1", "#5b3f8c", "#2f7d63", "#b3672d", "#1f5fa8"),
)


@dataclass(frozen=True, slots=True)
class LabelSet:
    """Classes in the order of a model's outputs; iterating gives their names."""

    labels: tuple[Label, ...]
    names: tuple[str, ...] = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "names", tuple(label.name for label in self.labels))
        problem = problem_with(self.names)
        if problem:
            raise ValueError(problem)

    @classmethod
    def of(cls, names: Iterable[str], details: Mapping[str, Mapping[str, Any]] | None = None) -> LabelSet:
        """Make the set of ``names``; ``details`` by name override the defaults of a class.

        Remaining attributes are chosen so that no two classes look alike.

        Raises:
            ValueError: a name is malformed, reserved or given twice, or there are too few or too many.
        """
        details, labels = details or {}, list[Label]()
        for name in names:
            labels.append(replace(_apart(_known(name), labels), **details.get(name, {})))
        return cls(tuple(labels))

    @classmethod
    def from_json(cls, classes: Iterable[Mapping[str, Any]]) -> LabelSet:
        """Make the set from the result of :meth:`as_json`.

        Raises:
            ValueError: ``classes`` is malformed.
        """
        try:
            labels = tuple(Label(**label) for label in classes)
            is_whole = all(map(_is_whole, labels))
        except TypeError as error:
            msg = f"classes cannot be read: {error}"
            raise ValueError(msg) from error
        if not is_whole:
            msg = "classes cannot be read: a value is of the wrong kind"
            raise ValueError(msg)
        return cls(labels)

    def as_json(self) -> list[dict[str, Any]]:
        """Return plain values, one dictionary per class."""
        return [asdict(label) for label in self.labels]

    def index(self, name: str) -> int:
        """Return the position of the class ``name``.

        Raises:
            ValueError: the set has no such class.
        """
        return self.names.index(name)

    def label(self, name: str) -> Label:
        """Return the class ``name``, or a generated one for an unknown name, as in a file of another model."""
        return self.labels[self.names.index(name)] if name in self.names else _apart(_known(name), ())

    def valence(self, scores: Iterable[float]) -> float:
        """Return the sum of ``scores``, in the set's order, weighted by the classes' valence, -1 to 1."""
        weighed = [(label.valence, score) for label, score in zip(self.labels, scores, strict=True)]
        pleasant = sum(weight * score for weight, score in weighed if weight > 0)
        return pleasant - sum(-weight * score for weight, score in weighed if weight < 0)

    def __len__(self) -> int:
        return len(self.labels)

    def __iter__(self) -> Iterator[str]:
        return iter(self.names)

    def __contains__(self, name: object) -> bool:
        return name in self.names


def problem_with(names: tuple[str, ...]) -> str:
    """Return one line that explains why ``names`` cannot be a set, empty if they can."""
    if not FEWEST <= len(names) <= MOST:
        return f"a set has {FEWEST} to {MOST} classes, not {len(names)}"
    for name in names:
        if not re.fullmatch(NAME, name):
            return f"{name!r} is not a valid class name: use a-z, 0-9 and _, begin with a letter, 24 characters at most"
        if name in RESERVED:
            return f"a class cannot be called {name!r}: the name is reserved"
        if names.count(name) > 1:
            return f"class {name!r} is listed twice"
    return ""


def _is_whole(label: Label) -> bool:
    words = (label.name, label.word, label.emoji, label.emoticon, label.colour, label.face, label.sign)
    return (
        all(isinstance(word, str) for word in words)
        and re.fullmatch(COLOUR, label.colour) is not None
        and label.face in {"", *FACES}
        and isinstance(label.valence, int | float)
        and -1 <= label.valence <= 1
        and isinstance(label.resting, bool)
    )


def _known(name: str) -> Label:
    known = KNOWN.get(name)
    if known is not None:
        return replace(known, name=name)  # keeps the type of an enumeration's member
    return Label(name, name.replace("_", " "), "", "", "")


def _apart(label: Label, others: Iterable[Label]) -> Label:
    """Return ``label``, with a generated appearance if it has none or one of ``others`` looks the same."""
    used = list(others)
    if label.face and all(other.face != label.face and other.colour != label.colour for other in used):
        return label
    sign = _free((label.name[:1].upper(), *string.digits[1:], *string.ascii_uppercase), [other.sign for other in used])
    return replace(
        label,
        emoji=_free(_DISCS, [other.emoji for other in used]),
        emoticon=f"({sign})",
        colour=_free(_COLOURS, [other.colour for other in used]),
        face="",
        sign=sign,
    )


def _free(choices: Iterable[str], used: Sequence[str]) -> str:
    """Return the first of ``choices`` that is not used, or the first of all if every one is."""
    choices = list(choices)
    return next((choice for choice in choices if choice not in used), choices[0])
