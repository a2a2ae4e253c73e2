"""Values of a recorded session, all frozen; times are seconds since the session's start."""

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
"""Number of decimals of stored shares and scores."""


@dataclass(frozen=True, slots=True)
class ExpressionFigures:
    """Expression figures of one second: means over person-seconds, from 0 to 1 (``valence``: -1 to 1).

    ``scores`` are mean probabilities and sum to 1. ``shares`` are the parts of the person-seconds that showed each
    emotion; ``shares`` and ``uncertain`` sum to 1. Both follow the order of ``labels``. ``person_s`` is the number of
    person-seconds that the figures cover.
    """

    person_s: float
    scores: tuple[float, ...]
    shares: tuple[float, ...]
    uncertain: float
    valence: float
    attention: float
    labels: LabelSet = SEVEN

    def share(self, emotion: str) -> float:
        """Return the part of the person-seconds that showed ``emotion``."""
        return self.shares[self.labels.index(emotion)]


@dataclass(frozen=True, slots=True)
class Second:
    """One second of a session in which the camera delivered frames.

    ``second`` is its index, starting at 0. ``observed_s`` is the time covered by frames, ``people`` the mean number of
    faces in that time. ``figures`` is ``None`` without faces, and where too few faces were in view; ``suppressed`` is
    true in the second case.
    """

    second: int
    observed_s: float
    people: float
    people_max: int
    person_s: float
    suppressed: bool = False
    figures: ExpressionFigures | None = None


@dataclass(frozen=True, slots=True)
class RecordedEvent:
    """An event or marker ``at_s`` seconds after the session's start; ``id`` is the event's own, a ULID."""

    at_s: float
    id: str
    type: str
    people: int
    label: str | None = None
    emotion: str | None = None


@dataclass(frozen=True, slots=True)
class MediaPoint:
    """Position ``media_s`` of the film ``at_s`` seconds after the session's start.

    ``state`` is ``playing``, ``paused`` or ``ended``, and applies until the next point.
    """

    at_s: float
    media_s: float
    state: str


@dataclass(frozen=True, slots=True)
class SessionRecord:
    """Metadata of a session, without its seconds and events.

    ``end`` and ``ended_by`` (``stop``, ``plan``, ``media`` or ``interruption``) are ``None`` while the session runs.
    ``about`` describes the device: node, software, model, detector and the model's accuracy. ``number`` is the
    position in the order in which the file's sessions started, from 1; 0 if the record was not read from a file. ``k``
    is the number of faces that figures require, fixed at the start; ``agreed`` is true if the people in view agreed to
    a smaller ``k`` than usual.
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
        """Classes of the figures: those of the model at the session's start.

        Raises:
            ValueError: the stored classes are not valid.
        """
        classes = self.about.get("classes")
        return LabelSet.from_json(classes) if classes else SEVEN

    @property
    def name(self) -> str:
        """Title, or the id if there is none."""
        return self.title or self.id

    @property
    def running(self) -> bool:
        """True until the session has ended."""
        return self.end is None

    def interrupted(self) -> SessionRecord:
        """Return the record as it stands when no device runs: a session without an end was interrupted."""
        if not self.running:
            return self
        return replace(self, end=self.start + timedelta(seconds=self.lasted_s), ended_by="interruption")


@dataclass(frozen=True, slots=True)
class SessionSummary:
    """Short summary of a session: mean and maximum number of faces, mean valence over person-seconds.

    ``figures_s`` is the number of seconds with figures, ``withheld_s`` the number of withheld ones.
    """

    people: float | None
    people_max: int
    valence: float | None
    figures_s: int
    withheld_s: int


@dataclass(frozen=True, slots=True)
class Recording:
    """A whole session: its record, seconds, events and film positions, in order of time."""

    record: SessionRecord
    seconds: tuple[Second, ...] = ()
    events: tuple[RecordedEvent, ...] = ()
    media: tuple[MediaPoint, ...] = ()
