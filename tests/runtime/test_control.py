from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from edge.audience.aggregate import Aggregator
from edge.audience.event_detector import EventDetector
from edge.audience.group_size import GroupSize
from edge.config import EventsConfig, PrivacyConfig, SmoothingConfig
from edge.core.commands import (
    Answer,
    CheckHealth,
    CheckStatus,
    Command,
    CommandQueue,
    Mark,
    SetDisplay,
    SetPrivacy,
    StartSession,
    StopSession,
)
from edge.core.errors import InputError
from edge.core.events import (
    Aggregate,
    Event,
    EventType,
    Lighting,
    Media,
    Privacy,
    RunningSession,
    Session,
    SessionKind,
    Stamp,
)
from edge.core.types import EMOTIONS, Box, Emotion, Face, Observation, Scores
from edge.runtime.control import Control
from edge.runtime.durability_barrier import WARNING
from edge.runtime.health import Counters, HealthMeter
from edge.runtime.saved_switches import SettingsStore

if TYPE_CHECKING:
    from pathlib import Path

    from edge.core.events import Message

S = 10**9
HAPPY = Face("0" * 8, Box(0, 0, 9, 9), Scores.of(float(e is Emotion.HAPPY) for e in EMOTIONS), Emotion.HAPPY, 1.0)


class Desk:
    """A control with what it works on."""

    def __init__(self, folder: Path, group: GroupSize | None = None) -> None:
        self.inbox = CommandQueue()
        self.settings = SettingsStore(folder / "settings.json")
        self.stamp = stamp = Stamp(epoch_ns=0, seed=b"test")
        self.narrator = EventDetector(
            stamp,
            events=EventsConfig(),
            smoothing=SmoothingConfig(),
            privacy=PrivacyConfig(),
        )
        self.aggregator = Aggregator(stamp, window_s=60)
        self.told: list[Message] = []
        meter = HealthMeter()
        self.control = Control(
            self.inbox,
            self.settings,
            stamp=stamp,
            narrator=self.narrator,
            aggregator=self.aggregator,
            put=self.told.append,
            about=lambda: {"camera": "online"},
            health=lambda: meter.report(datetime.now(UTC), Counters(0, 0, 0, None, 7, 0)),
            group=group,
        )

    def ask(self, command: Command, now_s: float = 0) -> Answer:
        answers: list[Answer] = []
        assert self.inbox.offer(command, answers.append)
        self.control.serve(int(now_s * S))
        [answer] = answers
        return answer

    def of(self, kind: type) -> list[Message]:
        return [message for message in self.told if isinstance(message, kind)]

    def events(self) -> list[Event]:
        return [message for message in self.told if isinstance(message, Event)]


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def test_a_mark_is_an_event(desk: Desk) -> None:
    answer = desk.ask(Mark("the kiss"))
    [event] = desk.events()
    assert (event.type, event.label, event.session) == (EventType.MARKER, "the kiss", None)
    assert answer.error is None
    assert answer.data is not None
    assert answer.data["id"] == event.id


def test_a_session_names_everything_in_it(desk: Desk) -> None:
    started = desk.ask(StartSession("premiere"), 10)
    assert started.data is not None
    session = started.data["id"]
    desk.ask(Mark("act two"), 20)
    for now_s in range(20, 26):
        desk.aggregator.observe(Observation(now_s * S, 0, 640, 480, (HAPPY,)))
    stopped = desk.ask(StopSession(), 26)
    desk.ask(Mark("outside"), 30)
    assert [(event.type, event.session) for event in desk.events()] == [
        (EventType.SESSION_START, session),
        (EventType.MARKER, session),
        (EventType.SESSION_END, session),
        (EventType.MARKER, None),
    ]
    assert stopped.data == {**started.data, "seconds": 16}
    [aggregate] = [message for message in desk.told if isinstance(message, Aggregate)]
    assert (aggregate.session, aggregate.person_seconds) == (session, 6)
    assert [m.session and m.session.id for m in desk.told if isinstance(m, RunningSession)] == [session, None]


def test_aggregates_do_not_mix_a_session_with_what_was_before(desk: Desk) -> None:
    desk.aggregator.observe(Observation(0, 0, 640, 480, (HAPPY,)))
    started = desk.ask(StartSession(), 0.5)
    desk.aggregator.observe(Observation(S, 0, 640, 480, (HAPPY,)))
    desk.ask(StopSession(), 1.5)
    assert started.data is not None
    aggregates = [message for message in desk.told if isinstance(message, Aggregate)]
    assert [(each.session, each.person_seconds) for each in aggregates] == [(None, 0.5), (started.data["id"], 0.5)]


def test_a_session_has_its_own_k_from_start_to_end(tmp_path: Path) -> None:
    desk = Desk(tmp_path, GroupSize(3))
    refused = desk.ask(StartSession("advert", SessionKind.ADVERTISEMENT, k=1, agreed=True))
    assert refused.error is not None
    assert "only a session of kind game or private" in refused.error
    assert desk.told == []
    ordinary = desk.ask(StartSession("film", SessionKind.FILM), 1)
    assert ordinary.data is not None
    assert (ordinary.data["k"], ordinary.data["agreed"]) == (3, False)
    for now_s in range(1, 4):
        desk.aggregator.observe(Observation(now_s * S, 0, 640, 480, (HAPPY,)))
    desk.ask(StopSession(), 4)
    agreed = desk.ask(StartSession("play", SessionKind.GAME, k=1, agreed=True), 5)
    assert agreed.data is not None
    assert (agreed.data["k"], agreed.data["agreed"]) == (1, True)
    for now_s in range(5, 8):
        desk.aggregator.observe(Observation(now_s * S, 0, 640, 480, (HAPPY,)))
    desk.ask(StopSession(), 8)
    film, game = desk.of(Aggregate)
    assert isinstance(film, Aggregate)
    assert isinstance(game, Aggregate)
    assert (film.suppressed, film.scores, film.counted_person_seconds) == (True, None, 0)
    assert (game.suppressed, game.counted_person_seconds) == (False, 3)
    assert game.scores is not None


def test_a_restart_keeps_the_k_of_the_session_that_goes_on(tmp_path: Path) -> None:
    Desk(tmp_path, GroupSize(3)).ask(StartSession("film", SessionKind.FILM), 1)
    desk = Desk(tmp_path, GroupSize(1))
    desk.control.announce(2 * S)
    for now_s in range(2, 6):
        desk.aggregator.observe(Observation(now_s * S, 0, 640, 480, (HAPPY,)))
    desk.ask(StopSession(), 6)
    [window] = desk.of(Aggregate)
    assert isinstance(window, Aggregate)
    assert window.scores is None


def test_one_session_at_a_time(desk: Desk) -> None:
    assert desk.ask(StopSession()).error == "no session is running"
    desk.ask(StartSession("first"))
    assert desk.ask(StartSession("second")).error == "session 'first' is running: stop it first"
    assert [event.label for event in desk.events()] == ["first"]


def test_a_session_goes_on_after_a_power_cut(desk: Desk, tmp_path: Path) -> None:
    started = desk.ask(StartSession("long"))
    assert started.data is not None
    after = Desk(tmp_path)
    after.control.announce(0)
    assert [m.session and m.session.id for m in after.told if isinstance(m, RunningSession)] == [started.data["id"]]
    after.ask(Mark("still there"))
    assert after.events()[0].session == started.data["id"]
    assert after.ask(StopSession()).error is None


def test_privacy_and_displays_are_switched_and_kept(desk: Desk, tmp_path: Path) -> None:
    assert desk.ask(SetPrivacy(on=True)).data == {"privacy": True}
    assert desk.ask(SetPrivacy()).data == {"privacy": False}
    assert desk.ask(SetPrivacy()).data == {"privacy": True}
    assert desk.ask(SetDisplay(brightness=0.5)).data == {"on": True, "brightness": 0.5}
    assert desk.ask(SetDisplay(on=False)).data == {"on": False, "brightness": 0.5}
    assert desk.of(Privacy) == [Privacy(on=True), Privacy(on=False), Privacy(on=True)]
    assert [message.level for message in desk.told if isinstance(message, Lighting)] == [0.5, 0]
    after = Desk(tmp_path)
    after.control.announce(0)
    assert after.control.privacy
    assert after.told == [Privacy(on=True), Lighting(on=False, brightness=0.5), RunningSession(None)]


def test_health_is_told_when_asked(desk: Desk) -> None:
    answer = desk.ask(CheckHealth())
    assert answer.data is not None
    assert answer.data["queue_depth"] == 7


def test_status_says_how_everything_is_switched(desk: Desk) -> None:
    desk.ask(StartSession("Film"))
    found = desk.ask(CheckStatus()).data
    assert found is not None
    assert (found["camera"], found["privacy"], found["session"]["title"]) == ("online", False, "Film")
    assert found["display"] == {"on": True, "brightness": 1.0}
    assert found["health"]["queue_depth"] == 7


def test_what_fails_is_answered_and_the_loop_goes_on(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError

    monkeypatch.setattr(desk.narrator, "mark", fail)
    assert desk.ask(Mark()).error == "failed: RuntimeError"
    assert desk.ask(SetPrivacy(on=True)).error is None


def test_a_full_box_takes_no_more() -> None:
    inbox = CommandQueue(capacity=2)
    assert [inbox.offer(Mark(str(number)), remote=True) for number in range(3)] == [True, True, False]
    assert [request.command for request in inbox.take()] == [Mark("0"), Mark("1")]
    assert inbox.offer(Mark(), remote=True)


def test_a_flood_over_the_broker_leaves_places_to_button_page_and_this_machine() -> None:
    inbox = CommandQueue(capacity=2, reserved=3)
    while inbox.offer(Mark(), remote=True):
        pass
    assert [inbox.offer(SetPrivacy()) for _ in range(4)] == [True, True, True, False]
    assert not inbox.offer(Mark(), remote=True)
    assert len(list(inbox.take())) == 5


def test_a_session_says_what_it_is_about(desk: Desk) -> None:
    media = Media(name="Nosferatu", duration_s=5640)
    desk.ask(StartSession("late show", SessionKind.FILM, media=media))
    [running] = [message.session for message in desk.told if isinstance(message, RunningSession)]
    assert running is not None
    assert (running.kind, running.media, running.planned_s) == (SessionKind.FILM, media, None)
    assert Session.model_validate_json(running.to_json()) == running


def test_a_planned_session_ends_by_itself(desk: Desk) -> None:
    desk.ask(StartSession("spot", SessionKind.ADVERTISEMENT, planned_s=30), 10)
    desk.control.serve(int(39.9 * S))
    assert [event.type for event in desk.events()] == [EventType.SESSION_START]
    desk.control.serve(40 * S)
    assert [event.type for event in desk.events()] == [EventType.SESSION_START, EventType.SESSION_END]
    assert desk.ask(StopSession(), 41).error == "no session is running"
    desk.ask(StartSession("open end"), 50)
    desk.control.serve(5000 * S)
    assert desk.settings.now.session is not None


def test_a_planned_session_ends_in_time_after_a_restart(desk: Desk, tmp_path: Path) -> None:
    desk.ask(StartSession("spot", planned_s=30), 10)
    again = Desk(tmp_path)
    again.control.announce(0)
    again.control.serve(39 * S)
    assert not [event for event in again.events() if event.type is EventType.SESSION_END]
    again.control.serve(41 * S)
    assert [event.type for event in again.events()] == [EventType.SESSION_END]


def test_setting_the_clock_does_not_end_a_planned_session(desk: Desk) -> None:
    desk.ask(StartSession("spot", planned_s=30), 10)
    desk.stamp.follow(10**18)
    desk.control.serve(39 * S)
    assert desk.settings.now.session is not None


def test_a_session_that_began_in_1970_began_just_now_once_the_clock_is_set(desk: Desk, tmp_path: Path) -> None:
    desk.ask(StartSession("spot", planned_s=30), 10)
    desk.stamp.follow(10**18)
    desk.control.clock_was_set()
    session = desk.settings.now.session
    assert session is not None
    assert session.start == desk.stamp.time(10 * S)
    again = Desk(tmp_path)
    again.stamp.follow(10**18)
    again.control.announce(20 * S)
    again.control.serve(39 * S)
    assert again.settings.now.session is not None
    again.control.serve(41 * S)
    assert again.settings.now.session is None


def test_a_start_that_is_right_stays_when_the_clock_is_set_after_a_power_cut(desk: Desk, tmp_path: Path) -> None:
    desk.stamp.follow(10**18)
    desk.ask(StartSession("spot", planned_s=300), 10)
    begun = desk.settings.now.session
    again = Desk(tmp_path)  # whose clock is in 1970
    again.control.announce(5 * S)
    again.control.serve(6 * S)
    again.stamp.follow(10**18)
    again.control.clock_was_set()
    assert again.settings.now.session == begun
    again.control.serve(309 * S)
    assert again.settings.now.session is not None
    again.control.serve(311 * S)
    assert again.settings.now.session is None


@pytest.mark.parametrize(
    "command", [SetPrivacy(on=True), SetDisplay(on=False), StartSession("x")], ids=["privacy", "display", "session"]
)
def test_a_switch_that_cannot_be_kept_is_answered_with_a_warning(
    desk: Desk, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: Path, text: str) -> None:
        del text
        msg = f"{path}: cannot be written"
        raise InputError(msg)

    with monkeypatch.context() as patch:
        patch.setattr("edge.runtime.saved_switches.write_text", refuse)
        answer = desk.ask(command)
        assert answer.data is not None
        assert answer.data["warning"] == WARNING
        assert "warning" not in (desk.ask(CheckHealth()).data or {})
        assert "warning" not in (desk.ask(Mark("x")).data or {})
    again = desk.ask(SetDisplay(brightness=0.5))
    assert again.data is not None
    assert "warning" not in again.data
