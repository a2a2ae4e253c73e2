"""Detection of events in a stream of observations: presence, changes of expression, peaks, and the paced state.

Pure: the only clock is the observations' own time, so that a recorded clip always gives the same events.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from edge.audience.group_state import GroupState, summarise
from edge.core.events import Event, EventType, Look, LookKind, Pacer, Stamp, State
from edge.core.types import SEVEN
from edge.vision.smooth import EmotionSelector

if TYPE_CHECKING:
    from edge.config import EventsConfig, PrivacyConfig, SmoothingConfig
    from edge.core.events import Session
    from edge.core.types import Observation, Scores

_NS = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Update:
    """Result of one observation: the look for displays, the state if one is due, and the events."""

    look: Look
    state: State | None = None
    events: tuple[Event, ...] = ()


class EventDetector:
    """Turns observations into looks, states and events; calls must be in order of time."""

    def __init__(
        self, stamp: Stamp, *, events: EventsConfig, smoothing: SmoothingConfig, privacy: PrivacyConfig
    ) -> None:
        self._stamp = stamp
        self._settings = events
        self._k = privacy.k
        self._smoothing = smoothing
        self._pacer = Pacer(
            min_interval_ns=int(events.state_interval_s * _NS), heartbeat_ns=int(events.heartbeat_s * _NS)
        )
        self._paused = False
        self._present = False
        self._people = 0
        self._session: str | None = None
        self._begin_absence()

    def _begin_absence(self) -> None:
        self._opposite_since_ns: int | None = None
        self._selector: EmotionSelector | None = None
        self._reported_emotion: str | None = None
        self._peaked: set[str] = set()

    def smooth(self, smoothing: SmoothingConfig) -> None:
        """Use other smoothing settings for the group's emotion from now on."""
        self._smoothing = smoothing
        self._selector = None

    def observe(self, observation: Observation) -> Update:
        """Process the observation of one frame."""
        now_ns = observation.monotonic_ns
        group = summarise(observation.faces, k=self._k)
        self._people = group.people
        events = self._presence(group.people, now_ns)
        emotion = self._label(group, now_ns)
        if self._present and group.scores is not None:
            events += self._change(group, group.scores, emotion, now_ns)
            events += self._peaks(group, group.scores, now_ns)
        state = self._pacer.offer(self._state(group, emotion, now_ns), now_ns)
        return Update(_look(group, emotion, now_ns), state, tuple(events))

    def tick(self, now_ns: int) -> State | None:
        """Return the held-back state or heartbeat that is due while no frame arrives."""
        return self._pacer.tick(now_ns)

    def flush(self) -> State | None:
        """Return the last state if it was not published yet."""
        return self._pacer.flush()

    def pause(self, now_ns: int) -> Update:
        """Begin privacy mode."""
        events = self._toggle(EventType.PRIVACY_ON, now_ns) if not self._paused else ()
        self._paused = True
        return Update(Look(LookKind.PAUSED), self._empty_state(now_ns), events)

    def resume(self, now_ns: int) -> Update:
        """End privacy mode."""
        events = self._toggle(EventType.PRIVACY_OFF, now_ns) if self._paused else ()
        self._paused = False
        return Update(Look(LookKind.STARTING), self._empty_state(now_ns), events)

    def lose_sight(self, now_ns: int) -> Update:
        """Handle the loss of the camera: presence is unknown and ends."""
        events = self._leave(now_ns) if self._present else []
        return Update(Look(LookKind.FAULT), self._empty_state(now_ns), tuple(events))

    def end(self, now_ns: int) -> Update:
        """Handle the end of a recording: nobody is in view any more."""
        events = self._leave(now_ns) if self._present else []
        return Update(Look(LookKind.NO_FACE), self._empty_state(now_ns), tuple(events))

    def mark(self, label: str, now_ns: int) -> Event:
        """Return the event of a marker at this moment."""
        return self._event(EventType.MARKER, now_ns, people=self._people, label=label or None)

    def start_session(self, session: Session, now_ns: int) -> Event:
        """Assign what follows to ``session``; return its event."""
        self._session = session.id
        return self._event(EventType.SESSION_START, now_ns, people=self._people, label=session.title or None)

    def resume_session(self, session: Session) -> None:
        """Assign what follows to ``session``, which began before the device was started."""
        self._session = session.id

    def end_session(self, title: str, now_ns: int) -> Event:
        """Assign what follows to no session; return the event of the session's end."""
        event = self._event(EventType.SESSION_END, now_ns, people=self._people, label=title or None)
        self._session = None
        return event

    def _toggle(self, kind: EventType, now_ns: int) -> tuple[Event, ...]:
        left = self._leave(now_ns) if self._present else []
        return (*left, self._event(kind, now_ns, people=0))

    def _empty_state(self, now_ns: int) -> State | None:
        self._people = 0
        return self._pacer.offer(self._state(summarise(()), None, now_ns), now_ns)

    def _presence(self, people: int, now_ns: int) -> list[Event]:
        """Debounce presence: people must be in view, or absent, for ``presence_hold_s`` before it changes."""
        if (people > 0) == self._present:
            self._opposite_since_ns = None
            return []
        if self._opposite_since_ns is None:
            self._opposite_since_ns = now_ns
        if now_ns - self._opposite_since_ns < self._settings.presence_hold_s * _NS:
            return []
        if self._present:
            return self._leave(now_ns)
        self._present = True
        self._opposite_since_ns = None
        return [self._event(EventType.PRESENCE_START, now_ns, people=people)]

    def _leave(self, now_ns: int) -> list[Event]:
        self._present = False
        self._begin_absence()
        return [self._event(EventType.PRESENCE_END, now_ns, people=0)]

    def _label(self, group: GroupState, now_ns: int) -> str | None:
        if group.scores is None:
            return None
        if self._selector is None:
            settings = self._smoothing
            self._selector = EmotionSelector(
                lead=settings.lead, hold_s=settings.hold_s, min_confidence=settings.min_confidence
            )
        return self._selector.update(group.scores, now_ns)

    def _change(self, group: GroupState, scores: Scores, emotion: str | None, now_ns: int) -> list[Event]:
        """Report a new emotion, but not the same one after a phase of uncertainty."""
        if emotion is None or emotion == self._reported_emotion:
            return []
        previous, self._reported_emotion = self._reported_emotion, emotion
        figures = {"emotion": emotion, "previous": previous, "confidence": scores[emotion]}
        return [
            self._event(EventType.EXPRESSION_CHANGED, now_ns, people=group.people, valence=group.valence, **figures)
        ]

    def _peaks(self, group: GroupState, scores: Scores, now_ns: int) -> list[Event]:
        """Report a strong emotion once, and again only after its score has fallen below ``peak_rearm``."""
        events = []
        for label, score in zip(scores.labels.labels, scores, strict=True):
            emotion = label.name
            if score < self._settings.peak_rearm:
                self._peaked.discard(emotion)
            elif score >= self._settings.peak_threshold and not label.resting and emotion not in self._peaked:
                self._peaked.add(emotion)
                figures = {"emotion": emotion, "confidence": score, "valence": group.valence}
                events.append(self._event(EventType.PEAK, now_ns, people=group.people, **figures))
        return events

    def _event(self, kind: EventType, now_ns: int, **figures: Any) -> Event:
        identity, seq, ts = self._stamp.next(now_ns)
        return Event(id=identity, seq=seq, ts=ts, type=kind, session=self._session, **figures)

    def _state(self, group: GroupState, emotion: str | None, now_ns: int) -> State:
        scores = group.scores
        return State(
            ts=self._stamp.time(now_ns),
            people=group.people,
            emotion=emotion,
            confidence=None if scores is None or emotion is None else round(scores[emotion], 3),
            uncertain=scores is not None and emotion is None,
            scores=None if scores is None else {name: round(score, 3) for name, score in scores.by_name().items()},
            valence=None if group.valence is None else round(group.valence, 3),
            suppressed=group.suppressed,
            session=self._session,
        )


def _look(group: GroupState, emotion: str | None, now_ns: int) -> Look:
    if group.people == 0:
        return Look(LookKind.NO_FACE, frame_ns=now_ns)
    if emotion is None or group.scores is None:
        return Look(LookKind.UNCERTAIN, people=group.people, frame_ns=now_ns)
    labels = group.scores.labels
    label = None if labels == SEVEN else labels.label(emotion)
    return Look(LookKind.EMOTION, emotion, group.scores[emotion], group.people, frame_ns=now_ns, label=label)
