"""What one room goes through: people come and go, moods change, sessions are held; told in the product's own models.

No clock and no I/O: time comes in as monotonic nanoseconds, chance from a seed.
"""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

from edge import __version__
from edge.audience import valence_of
from edge.events import Aggregate, Event, EventType, Health, Info, Pacer, Stamp, State
from edge.types import EMOTIONS, Emotion, Scores

if TYPE_CHECKING:
    from collections.abc import Mapping

_NS = 1_000_000_000
_PEOPLE_MAX = 12
_PEAK = 0.8
# what usually follows what; the rest is rare. Rooms are neutral most of the time, and glad more often than not.
_NEXT: Mapping[Emotion, Mapping[Emotion, float]] = {
    Emotion.NEUTRAL: {Emotion.HAPPY: 5, Emotion.SURPRISE: 2, Emotion.SAD: 1.5, Emotion.ANGRY: 1},
    Emotion.HAPPY: {Emotion.NEUTRAL: 6, Emotion.SURPRISE: 2},
    Emotion.SURPRISE: {Emotion.HAPPY: 4, Emotion.NEUTRAL: 4, Emotion.FEAR: 1},
}
_CALM_DOWN: Mapping[Emotion, float] = {Emotion.NEUTRAL: 6, Emotion.SAD: 1}
_RARE = 0.2
# likelihood of what happens next
_EMPTY = {EventType.PRESENCE_START: 94, EventType.SESSION_START: 4, EventType.PRIVACY_ON: 2}
_PRESENT = {
    EventType.EXPRESSION_CHANGED: 64,
    EventType.PEAK: 14,
    EventType.PRESENCE_END: 16,
    EventType.SESSION_START: 3,
    EventType.PRIVACY_ON: 1,
}
_IN_SESSION = {EventType.MARKER: 6, EventType.SESSION_END: 4}


class Story:
    """One node's life. ``next_event`` moves it on; the others tell how it is."""

    def __init__(self, node: str, *, epoch_ns: int, seed: int, window_s: float = 60.0) -> None:
        self.node = node
        self.stamp = Stamp(epoch_ns=epoch_ns, seed=f"{seed}/{node}/{epoch_ns}".encode())
        self._random = random.Random(f"{seed}/{node}")
        self._pacer = Pacer()
        self._window_ns = int(window_s * _NS)
        self._people = 0
        self._emotion = Emotion.NEUTRAL
        self._scores = Scores.of([1] * len(EMOTIONS))
        self._session: str | None = None
        self._paused = False
        self._events = 0
        self._tally = _Tally()

    def next_event(self, now_ns: int) -> Event:
        """The next thing that happens."""
        self._tally.count(now_ns, self._people, self._emotion, self._scores)
        kind = self._draw()
        fields = self._live_through(kind, now_ns)
        identity, seq, ts = self.stamp.next(now_ns)
        self._events += 1
        return Event(id=identity, seq=seq, ts=ts, type=kind, **{"people": self._people, **fields})

    def state(self, now_ns: int, *, changed: bool = True) -> State | None:
        """The state where one is due by the contract's rate rules; ``changed``: there may be news."""
        if changed:
            return self._pacer.offer(self.state_now(now_ns), now_ns)
        return None if self._pacer.tick(now_ns) is None else self.state_now(now_ns)

    def state_now(self, now_ns: int) -> State:
        """The state, due or not."""
        seen = self._people > 0
        return State(
            ts=self.stamp.time(now_ns),
            people=self._people,
            emotion=self._emotion if seen else None,
            confidence=self._scores[self._emotion] if seen else None,
            uncertain=False,
            scores={emotion: self._scores[emotion] for emotion in EMOTIONS} if seen else None,
            valence=valence_of(self._scores) if seen else None,
            suppressed=False,
            session=self._session,
        )

    def window_ends(self, now_ns: int) -> int:
        """When the window that is running now ends: at whole multiples of its length on the wall clock."""
        return self.stamp.boundary(now_ns, self._window_ns)

    def aggregate(self, now_ns: int) -> Aggregate:
        """The window up to now; the next one begins."""
        self._tally.count(now_ns, self._people, self._emotion, self._scores)
        tally, self._tally = self._tally, _Tally(now_ns)
        identity, seq, ts = self.stamp.next(now_ns, "aggregate")
        start = self.stamp.time(now_ns - tally.observed_ns)
        return Aggregate(id=identity, seq=seq, ts=ts, start=start, session=self._session, **tally.figures())

    def health(self, now_ns: int, *, uptime_s: float, queue_depth: int, drops: int, reconnects: int) -> Health:
        """A board in a warm room, with what the device really has to say of its queue."""
        chance = self._random
        detect_ms = chance.uniform(12, 22)
        return Health(
            ts=self.stamp.time(now_ns),
            uptime_s=round(uptime_s, 3),
            cpu_percent=round(chance.uniform(35, 70), 1),
            memory_mb=round(chance.uniform(180, 240), 1),
            temperature_c=round(chance.gauss(58, 4), 1),
            capture_fps=15.0,
            process_fps=round(chance.uniform(12, 15), 2),
            skip_fps=round(chance.uniform(0, 2), 2),
            detect_ms_p50=round(detect_ms, 2),
            detect_ms_p95=round(detect_ms * 1.4, 2),
            infer_ms_p50=2.1,
            infer_ms_p95=2.9,
            last_frame_age_s=0.07,
            queue_depth=queue_depth,
            drops=drops,
            reconnects=reconnects,
        )

    def info(self) -> Info:
        """What the node is."""
        return Info(
            node=self.node,
            software_version=__version__,
            model="simulated",
            model_sha256="0" * 64,
            head="consensus",
            detector="haar",
            runtime="simulated",
            source="simulated",
            privacy={"frames_leave_device": False, "tracks_published": False, "k": 1},
        )

    def _draw(self) -> EventType:
        if self._paused:
            return EventType.PRIVACY_OFF
        if not self._events:
            return EventType.PRESENCE_START
        likely = dict(_PRESENT if self._people else _EMPTY)
        if self._session is not None:
            del likely[EventType.SESSION_START]
            likely |= _IN_SESSION
        return self._random.choices(list(likely), list(likely.values()))[0]

    def _live_through(self, kind: EventType, now_ns: int) -> dict[str, Any]:
        """Change the room; gives the event's fields."""
        session = {"session": self._session}
        match kind:
            case EventType.PRESENCE_START:
                self._people = min(_PEOPLE_MAX, 1 + int(self._random.expovariate(0.6)))
                self._feel(Emotion.NEUTRAL)
            case EventType.PRESENCE_END:
                self._people = 0
            case EventType.EXPRESSION_CHANGED:
                return self._change() | session
            case EventType.PEAK:
                emotion = self._emotion if self._emotion is not Emotion.NEUTRAL else Emotion.HAPPY
                self._feel(emotion, self._random.uniform(_PEAK, 0.97))
                return self._figures() | session
            case EventType.MARKER:
                return {"label": f"scene {self._random.randint(1, 40)}", **session}
            case EventType.SESSION_START:
                self._session = self.stamp.identity(now_ns)
                return {"label": f"Screening {self._random.randint(1, 200)}", "session": self._session}
            case EventType.SESSION_END:
                self._session = None
            case EventType.PRIVACY_ON:
                self._paused, self._people = True, 0
            case EventType.PRIVACY_OFF:
                self._paused = False
        return session

    def _change(self) -> dict[str, Any]:
        likely = _NEXT.get(self._emotion, _CALM_DOWN)
        others = [emotion for emotion in EMOTIONS if emotion is not self._emotion]
        previous = self._emotion
        self._feel(self._random.choices(others, [likely.get(emotion, _RARE) for emotion in others])[0])
        # now and then someone joins or goes on the way
        self._people = max(1, min(_PEOPLE_MAX, self._people + self._random.choice((-1, 0, 0, 0, 1))))
        return self._figures() | {"previous": previous}

    def _feel(self, emotion: Emotion, confidence: float | None = None) -> None:
        lead = self._random.triangular(0.45, 0.9, 0.6) if confidence is None else confidence
        rest = [0.0 if other is emotion else self._random.random() ** 2 for other in EMOTIONS]
        scale = (1 - lead) / (sum(rest) or 1)
        self._emotion = emotion
        self._scores = Scores.of(
            lead if other is emotion else part * scale for other, part in zip(EMOTIONS, rest, strict=True)
        )

    def _figures(self) -> dict[str, Any]:
        scores = self._scores
        return {"emotion": self._emotion, "confidence": scores[self._emotion], "valence": valence_of(scores)}


class _Tally:
    """Sums over one window, in nanoseconds or multiples of them."""

    def __init__(self, begun_ns: int | None = None) -> None:
        self.observed_ns = 0
        self._reached_ns = begun_ns
        self._people_max = 0
        self._person_ns = 0
        self._shown_ns: dict[Emotion, int] = dict.fromkeys(EMOTIONS, 0)
        self._score_ns: dict[Emotion, float] = dict.fromkeys(EMOTIONS, 0.0)

    def count(self, now_ns: int, people: int, emotion: Emotion, scores: Scores) -> None:
        """So it was since the last call."""
        passed_ns = 0 if self._reached_ns is None else max(0, now_ns - self._reached_ns)
        self._reached_ns = now_ns
        self.observed_ns += passed_ns
        self._people_max = max(self._people_max, people)
        if people:
            self._person_ns += passed_ns * people
            self._shown_ns[emotion] += passed_ns * people
            for other, score in zip(EMOTIONS, scores, strict=True):
                self._score_ns[other] += score * passed_ns * people

    def figures(self) -> dict[str, Any]:
        """The fields of an :class:`Aggregate`."""
        total_ns, any_ns = self._person_ns, self._person_ns > 0
        scores = Scores.of(self._score_ns.values()) if any_ns else None
        return {
            "observed_s": self.observed_ns / _NS,
            "people_mean": self._person_ns / max(self.observed_ns, 1),
            "people_max": self._people_max,
            "person_seconds": self._person_ns / _NS,
            "scores": None if scores is None else {emotion: scores[emotion] for emotion in EMOTIONS},
            "shares": {emotion: ns / total_ns for emotion, ns in self._shown_ns.items()} if any_ns else None,
            "uncertain": 0.0 if any_ns else None,
            "valence": None if scores is None else valence_of(scores),
            "suppressed": False,
        }
