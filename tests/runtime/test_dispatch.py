from __future__ import annotations

import threading
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from hypothesis import given
from hypothesis import strategies as st

from edge.core.errors import SinkError
from edge.core.events import (
    Aggregate,
    CameraStatus,
    Event,
    EventType,
    Look,
    LookKind,
    Message,
    RunningSession,
    Session,
    SessionKind,
    Stamp,
)
from edge.runtime.dispatch import Dispatcher, Mailbox
from edge.sinks.memory import MemorySink
from edge.util.backoff import Backoff

if TYPE_CHECKING:
    from collections.abc import Callable

    import pytest

stamp = Stamp(epoch_ns=0, seed=b"dispatch")
PATIENCE_S = 60.0
"""What no sink needs that does not hang, however busy the machine is."""


def event() -> Event:
    identity, seq, _ = stamp.next(0)
    return Event(id=identity, seq=seq, ts=datetime.now(UTC), type=EventType.PEAK, people=1)


def aggregate() -> Aggregate:
    identity, seq, ts = stamp.next(0, "aggregate")
    nothing = dict.fromkeys(("scores", "shares", "uncertain", "valence", "session"))
    figures = {"observed_s": 60, "people_mean": 0, "people_max": 0, "person_seconds": 0, "suppressed": False}
    return Aggregate.model_validate({"id": identity, "seq": seq, "ts": ts, "start": ts, **nothing, **figures})


class Failing(MemorySink):
    """Fails the first ``failures`` messages, then works."""

    def __init__(self, failures: int) -> None:
        super().__init__(name="failing")
        self.failures = failures

    def handle(self, message: Message) -> None:
        if self.failures:
            self.failures -= 1
            msg = "the lamp is broken: change it"
            raise SinkError(msg)
        super().handle(message)


class Locked(MemorySink):
    """Cannot be opened until it is unlocked."""

    def __init__(self) -> None:
        super().__init__(name="page")
        self.unlocked = threading.Event()
        self.tried = threading.Event()

    def open(self) -> None:
        self.tried.set()
        if not self.unlocked.is_set():
            msg = "its password\ncannot be read"
            raise SinkError(msg)
        super().open()


class Hanging(MemorySink):
    """Never returns from its first message until released."""

    def __init__(self) -> None:
        super().__init__(name="hanging")
        self.begun = threading.Event()
        self.release = threading.Event()

    def handle(self, message: Message) -> None:
        self.begun.set()
        self.release.wait()
        super().handle(message)


def test_what_cannot_be_used_is_named_until_it_can(eventually: Callable[..., Any]) -> None:
    page, other = Locked(), MemorySink(name="other")
    dispatcher = Dispatcher([page, other], retry_max_s=0.05)
    assert dispatcher.failing == {}
    dispatcher.start()
    assert eventually(lambda: dispatcher.failing == {"page": "its password cannot be read"})
    dispatcher.put(Look(LookKind.STARTING))
    assert eventually(lambda: len(other.messages) == 1), "nobody else waits for it"
    page.unlocked.set()
    assert eventually(lambda: dispatcher.failing == {})
    assert eventually(lambda: page.messages == other.messages), "what is newest is there"
    dispatcher.close(PATIENCE_S)


def test_each_sink_gets_just_what_it_accepts_in_order() -> None:
    everything, looks = MemorySink(), MemorySink(accepts=(Look,))
    dispatcher = Dispatcher([everything, looks])
    dispatcher.start()
    events = [event() for _ in range(20)]
    for each in events:
        dispatcher.put(each)
    dispatcher.put(Look(LookKind.PAUSED))
    everything.wait_for(Look)
    dispatcher.close(PATIENCE_S)
    assert everything.messages == [*events, Look(LookKind.PAUSED)]
    assert looks.messages == [Look(LookKind.PAUSED)]
    assert (everything.opened, everything.closed) == (1, 1)


def test_what_waits_is_delivered_before_the_end() -> None:
    sink = MemorySink()
    dispatcher = Dispatcher([sink])
    events = [event() for _ in range(100)]
    for each in events:
        dispatcher.put(each)
    dispatcher.start()
    dispatcher.close(PATIENCE_S)
    assert sink.messages == events


def test_a_failing_sink_is_opened_again_loses_no_event_and_disturbs_no_other(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(Backoff, "next_s", lambda _self: 0.01)
    failing, healthy = Failing(failures=2), MemorySink()
    dispatcher = Dispatcher([failing, healthy])
    dispatcher.start()
    first = event()
    dispatcher.put(first)
    assert healthy.wait_for(Event) == [first]
    assert failing.wait_for(Event) == [first]
    dispatcher.close(PATIENCE_S)
    assert failing.opened == 3
    assert {record.message for record in caplog.records} == {"failing: the lamp is broken: change it"}
    assert not any(record.exc_info for record in caplog.records)


def test_the_loop_is_never_held_up_and_overflow_is_counted() -> None:
    sink = Hanging()
    dispatcher = Dispatcher([sink], capacity=10)
    dispatcher.start()
    dispatcher.put(event())
    assert sink.begun.wait(60)
    for _ in range(200):  # for ever if the sink were waited for
        dispatcher.put(event())
    assert dispatcher.queue_depth == 10
    assert dispatcher.drops == 190
    sink.release.set()
    dispatcher.close(PATIENCE_S)


def test_a_sink_that_hangs_does_not_hold_the_end_up(caplog: pytest.LogCaptureFixture) -> None:
    sink = Hanging()
    dispatcher = Dispatcher([sink])
    dispatcher.start()
    dispatcher.put(event())
    assert sink.begun.wait(60)
    dispatcher.close(timeout_s=0.2)  # for ever if the sink were waited for
    assert "left behind" in caplog.text
    sink.release.set()


def test_a_sink_with_a_tick_is_called_while_nothing_comes() -> None:
    class Ticking(MemorySink):
        wants_ticks = True
        ticks = 0

        def tick(self, now_ns: int) -> None:
            assert now_ns > 0
            self.ticks += 1
            if self.ticks == 3:
                self.handle(CameraStatus.ONLINE)

    sink = Ticking()
    dispatcher = Dispatcher([sink])
    dispatcher.start()
    assert sink.wait_for(CameraStatus)
    dispatcher.close(PATIENCE_S)


def test_a_recorded_clip_waits_rather_than_lose_values() -> None:
    class Slow(MemorySink):
        def handle(self, message: Message) -> None:
            time.sleep(0.001)
            super().handle(message)

    sink = Slow()
    dispatcher = Dispatcher([sink], capacity=4, lossless=True, wait_s=PATIENCE_S)
    dispatcher.start()
    looks = [Look(LookKind.NO_FACE, people=0, confidence=i / 50) for i in range(50)]
    sink.wait_for(Look, count=0, timeout_s=0.05)
    for look in looks:
        dispatcher.put(look)
    dispatcher.close(PATIENCE_S)
    assert sink.messages == looks


def test_what_no_sink_could_take_is_told_at_the_end(caplog: pytest.LogCaptureFixture) -> None:
    class Broken(MemorySink):
        def open(self) -> None:
            msg = "no lamp: buy one"
            raise SinkError(msg)

    dispatcher = Dispatcher([Broken(name="lamp")])
    for message in (event(), event(), CameraStatus.ONLINE):
        dispatcher.put(message)
    dispatcher.start()
    dispatcher.close(PATIENCE_S)
    assert "lamp: stopped before 2 events could be handed over" in caplog.messages


def test_an_event_that_comes_back_to_a_full_mailbox_counts_as_dropped() -> None:
    box = Mailbox(1)
    first, second = event(), event()
    box.put(first)
    taken = box.take()
    box.put(second)
    box.put_back(taken)
    assert (box.take(), box.drops) == (second, 1)


messages = st.lists(
    st.sampled_from(["event", "look", "camera", "aggregate"]),
    max_size=60,
)


def test_a_sessions_end_does_not_replace_its_beginning() -> None:
    session = Session(id="0" * 26, title="t", start=datetime(2026, 1, 1, tzinfo=UTC), kind=SessionKind.OTHER)
    box = Mailbox(10)
    sent: list[Message] = [RunningSession(session), event(), RunningSession(None)]
    for message in sent:
        box.put(message)
    assert [box.take() for _ in range(len(box))] == sent


@given(messages, st.integers(3, 12))
def test_a_mailbox_keeps_events_and_aggregates_in_order_and_one_of_each_other_kind(
    kinds: list[str], capacity: int
) -> None:
    box, put = Mailbox(capacity), []
    for index, kind in enumerate(kinds):
        made: dict[str, Message] = {
            "event": event(),
            "aggregate": aggregate(),
            "look": Look(LookKind.NO_FACE, confidence=index / 100),
            "camera": CameraStatus.ONLINE,
        }
        message = made[kind]
        put.append(message)
        box.put(message)
    out = [box.take() for _ in range(len(box))]
    assert len(out) <= capacity
    events = [message for message in out if isinstance(message, Event | Aggregate)]
    all_events = [message for message in put if isinstance(message, Event | Aggregate)]
    assert events == all_events[len(all_events) - len(events) :]
    looks = [message for message in out if isinstance(message, Look)]
    assert len(looks) <= 1
    if looks:
        assert looks[0] == [m for m in put if isinstance(m, Look)][-1]


@given(st.floats(0.01, 5), st.floats(0.01, 100), st.integers(1, 30))
def test_pauses_grow_to_their_bound_and_begin_again(first_s: float, max_s: float, attempts: int) -> None:
    backoff = Backoff(first_s=first_s, max_s=max_s, seed=1)
    for attempt in range(attempts):
        nominal = min(first_s * 2**attempt, max_s)
        assert nominal / 2 - 1e-9 <= backoff.next_s() <= nominal + 1e-9
    backoff.reset()
    assert backoff.next_s() <= first_s + 1e-9
