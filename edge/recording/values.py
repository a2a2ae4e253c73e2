"""What is kept of a session: frozen values, seconds counted from its start."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from edge.core.events import SessionKind
from edge.core.labels import LabelSet
from edge.core.types import SEVEN

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

DIGITS = 4
"""Decimals of every share and score that is kept."""


@dataclass(frozen=True, slots=True)
class Figures:
    """How the faces of one second looked; means over person-seconds, each 0 to 1 but ``valence``, -1 to 1.

    ``scores`` are mean probabilities and sum to 1, ``shares`` the part of the person-seconds that showed each emotion,
    both in the order of ``labels``; ``shares`` and ``uncertain`` sum to 1. ``person_s`` is how many
    person-seconds they cover.
    """

    person_s: float
    scores: tuple[float, ...]
    shares: tuple[float, ...]
    uncertain: float
    valence: float
    attention: float
    labels: LabelSet = SEVEN

    def share(self, emotion: str) -> float:
        """Part of the person-seconds that showed ``emotion``."""
        return self.shares[self.labels.index(emotion)]


@dataclass(frozen=True, slots=True)
class Second:
    """One second of a session in which the camera looked.

    ``second`` counts from the session's start, 0 being the first. ``observed_s`` is how much of it the camera looked,
    ``people`` the mean number of faces in that time. Where too few faces were in view, ``suppressed`` is true and
    ``figures`` are none; they are none without faces too.
    """

    second: int
    observed_s: float
    people: float
    people_max: int
    person_s: float
    suppressed: bool = False
    figures: Figures | None = None


@dataclass(frozen=True, slots=True)
class Happening:
    """An event or marker ``at_s`` seconds after the session's start; ``id`` is the event's own, a ULID."""

    at_s: float
    id: str
    type: str
    people: int
    label: str | None = None
    emotion: str | None = None


@dataclass(frozen=True, slots=True)
class MediaPoint:
    """Where the film was ``at_s`` seconds after the session's start: at its own second ``media_s``.

    ``state`` is ``playing``, ``paused`` or ``ended``, and holds until the next point.
    """

    at_s: float
    media_s: float
    state: str


@dataclass(frozen=True, slots=True)
class SessionRecord:
    """All that is known of a session but its seconds and events.

    ``end`` and ``ended_by`` (``stop``, ``plan``, ``media`` or ``interruption``) are none while it runs. ``about`` is
    what the device said of itself: node, software, model, detector and the model's accuracy. ``number`` is its place in
    the order in which the file's sessions began, from 1 on; 0 for one that was not read from a file. ``k`` is the
    number of faces that figures need, fixed at the start; ``agreed`` is true where the people in view agreed to a
    smaller one than usual.
    """

    id: str
    title: str
    start: datetime
    kind: SessionKind = SessionKind.OTHER
    k: int = 3
    planned_s: float | None = None
    media_name: str | None = None
    media_duration_s: float | None = None
    end: datetime | None = None
    ended_by: str | None = None
    lasted_s: float = 0.0
    about: Mapping[str, Any] = field(default_factory=dict)
    number: int = 0
    agreed: bool = False

    @property
    def labels(self) -> LabelSet:
        """The classes that its figures name: those of the model that it began with.

        Raises:
            ValueError: what is kept of them was never written.
        """
        classes = self.about.get("classes")
        return LabelSet.from_json(classes) if classes else SEVEN

    @property
    def name(self) -> str:
        """The title, or the id where it has none."""
        return self.title or self.id

    @property
    def running(self) -> bool:
        """True while nobody ended it."""
        return self.end is None

    def interrupted(self) -> SessionRecord:
        """Itself as it is where no device runs: over with its last second, unless somebody ended it."""
        if not self.running:
            return self
        return replace(self, end=self.start + timedelta(seconds=self.lasted_s), ended_by="interruption")


@dataclass(frozen=True, slots=True)
class Glance:
    """A session in a line: mean and most faces, mean valence over person-seconds.

    ``figures_s`` is how many seconds have figures, ``withheld_s`` how many were withheld.
    """

    people: float | None
    people_max: int
    valence: float | None
    figures_s: int
    withheld_s: int


@dataclass(frozen=True, slots=True)
class Recording:
    """A whole session as it is read: its record, its seconds, its events and the film's places, in order of time."""

    record: SessionRecord
    seconds: tuple[Second, ...] = ()
    happenings: tuple[Happening, ...] = ()
    media: tuple[MediaPoint, ...] = ()
