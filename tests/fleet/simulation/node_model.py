"""Model of a room: people come and go, moods change, sessions are held; output in the product's own models.

No clock and no I/O: time is passed in as monotonic nanoseconds, randomness comes from a seed.
"""

from __future__ import annotations

import random
from typing import Any

from edge.audience.group_state import valence_of
from edge.core.events import Aggregate, Event, EventType, Health, Info, Pacer, Stamp, State
from edge.core.types import EMOTIONS, Emotion, Scores
from tests.fleet.simulation import board
from tests.fleet.simulation.transition_probabilities import CALM_DOWN, EMPTY, IN_SESSION, NEXT, PRESENT, RARE
from tests.fleet.simulation.window import AggregationWindow

_NS = 1_000_000_000
_PEOPLE_MAX = 12
_PEAK = 0.8


class NodeModel:
    """Model of one node; ``next_event`` advances it, the other methods report its state."""

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
        self._window = AggregationWindow()

    def next_event(self, now_ns: int) -> Event:
        """Return the next event."""
        self._window.count(now_ns, self._people, self._emotion, self._scores)
        kind = self._draw()
        fields = self._live_through(kind, now_ns)
        identity, seq, ts = self.stamp.next(now_ns)
        self._events += 1
        return Event(id=identity, seq=seq, ts=ts, type=kind, **{"people": self._people, **fields})

    def state(self, now_ns: int, *, changed: bool = True) -> State | None:
        """Return the state if one is due by the contract's rate rules; ``changed`` marks possible news."""
        if changed:
            return self._pacer.offer(self.state_now(now_ns), now_ns)
        return None if self._pacer.tick(now_ns) is None else self.state_now(now_ns)

    def state_now(self, now_ns: int) -> State:
        """Return the current state, due or not."""
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
        """Return the end of the current window: a whole multiple of its length on the wall clock."""
        return self.stamp.boundary(now_ns, self._window_ns)

    def aggregate(self, now_ns: int) -> Aggregate:
        """Return the window so far, and start the next one."""
        self._window.count(now_ns, self._people, self._emotion, self._scores)
        window, self._window = self._window, AggregationWindow(now_ns)
        identity, seq, ts = self.stamp.next(now_ns, "aggregate")
        start = self.stamp.time(now_ns - window.observed_ns)
        return Aggregate(id=identity, seq=seq, ts=ts, start=start, session=self._session, **window.figures())

    def health(self, now_ns: int, *, uptime_s: float, queue_depth: int, drops: int, reconnects: int) -> Health:
        """Return the health of a board in a warm room, with the real figures of the device's queue."""
        figures = board.figures(self._random)
        return Health(
            ts=self.stamp.time(now_ns),
            uptime_s=round(uptime_s, 3),
            queue_depth=queue_depth,
            drops=drops,
            reconnects=reconnects,
            **figures,
        )

    def info(self) -> Info:
        """Return the info message."""
        return board.info(self.node)

    def _draw(self) -> EventType:
        if self._paused:
            return EventType.PRIVACY_OFF
        if not self._events:
            return EventType.PRESENCE_START
        likely = dict(PRESENT if self._people else EMPTY)
        if self._session is not None:
            del likely[EventType.SESSION_START]
            likely |= IN_SESSION
        return self._random.choices(list(likely), list(likely.values()))[0]

    def _live_through(self, kind: EventType, now_ns: int) -> dict[str, Any]:
        """Apply an event to the room and return its fields."""
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
        likely = NEXT.get(self._emotion, CALM_DOWN)
        others = [emotion for emotion in EMOTIONS if emotion is not self._emotion]
        previous = self._emotion
        self._feel(self._random.choices(others, [likely.get(emotion, RARE) for emotion in others])[0])
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
