from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.audience.event_detector import EventDetector, Update
from edge.audience.group_state import GroupState, summarise, valence_of
from edge.config import EventsConfig, PrivacyConfig, SmoothingConfig
from edge.core.events import Event, EventType, Look, LookKind, Session, Stamp
from edge.core.types import EMOTIONS, Box, Emotion, Face, Observation, Scores

if TYPE_CHECKING:
    from collections.abc import Sequence

MS = 1_000_000


def scores(emotion: Emotion, share: float) -> Scores:
    rest = (1 - share) / 6
    return Scores(tuple(share if e is emotion else rest for e in EMOTIONS))


def face(emotion: Emotion = Emotion.HAPPY, share: float = 0.7) -> Face:
    given = scores(emotion, share)
    return Face("0" * 8, Box(0, 0, 50, 50), given, given.top, given.confidence, given)


def seen(ms: int, *faces: Face) -> Observation:
    return Observation(ms * MS, ms, 640, 480, faces)


SESSION = Session(id="0" * 26, title="Pilot", start=datetime(2026, 1, 1, tzinfo=UTC))


def narrator(events: EventsConfig | None = None, *, k: int = 1) -> EventDetector:
    return EventDetector(
        Stamp(epoch_ns=0, seed=b"test"),
        events=events or EventsConfig(),
        smoothing=SmoothingConfig(),
        privacy=PrivacyConfig(k=k),
    )


def types(told: Sequence[Update]) -> list[EventType]:
    return [event.type for each in told for event in each.events]


def play(teller: EventDetector, *parts: tuple[int, tuple[Face, ...]], start_ms: int = 0) -> list[Update]:
    """Each part lasts so many milliseconds, a frame every 100."""
    told, now = [], start_ms
    for duration, faces in parts:
        for _ in range(duration // 100):
            told.append(teller.observe(seen(now, *faces)))
            now += 100
    return told


def test_someone_comes_smiles_and_goes() -> None:
    told = play(narrator(), (500, ()), (3000, (face(),)), (2000, ()))
    assert types(told) == [EventType.PRESENCE_START, EventType.EXPRESSION_CHANGED, EventType.PRESENCE_END]
    changed = next(e for t in told for e in t.events if e.type is EventType.EXPRESSION_CHANGED)
    assert (changed.emotion, changed.previous, changed.people) == (Emotion.HAPPY, None, 1)
    assert changed.valence == pytest.approx(0.7 - 4 * 0.05)


def test_a_flash_of_a_face_is_no_presence_and_a_blink_no_absence() -> None:
    assert types(play(narrator(), (500, (face(),)), (2000, ()))) == []
    told = play(narrator(), (2000, (face(),)), (500, ()), (2000, (face(),)))
    assert types(told) == [EventType.PRESENCE_START, EventType.EXPRESSION_CHANGED]


def test_a_change_names_what_it_was_before_and_skips_uncertainty() -> None:
    unsure = face(Emotion.SAD, 0.2)
    told = play(
        narrator(), (2000, (face(Emotion.HAPPY),)), (1000, (unsure,)), (1000, (face(Emotion.HAPPY),)),
        (2000, (face(Emotion.SAD),)),
    )  # fmt: skip
    changes = [e for t in told for e in t.events if e.type is EventType.EXPRESSION_CHANGED]
    assert [(e.previous, e.emotion) for e in changes] == [(None, Emotion.HAPPY), (Emotion.HAPPY, Emotion.SAD)]


def test_a_peak_is_told_once_until_it_has_faded() -> None:
    strong, weak = face(Emotion.HAPPY, 0.9), face(Emotion.HAPPY, 0.5)
    told = play(narrator(), (3000, (strong,)), (1000, (weak,)), (1000, (strong,)))
    assert types(told).count(EventType.PEAK) == 2


def test_a_calm_room_has_no_peak() -> None:
    assert EventType.PEAK not in types(play(narrator(), (3000, (face(Emotion.NEUTRAL, 0.99),))))


def test_looks_tell_nobody_unsure_and_emotion_apart() -> None:
    teller = narrator()
    assert teller.observe(seen(0)).look.kind is LookKind.NO_FACE
    assert narrator().observe(seen(0, face(Emotion.SAD, 0.2))).look.kind is LookKind.UNCERTAIN
    look = narrator().observe(seen(0, face(Emotion.FEAR, 0.8), face(Emotion.FEAR, 0.6))).look
    assert (look.kind, look.emotion, look.people) == (LookKind.EMOTION, Emotion.FEAR, 2)
    assert look.confidence == pytest.approx(0.7)


def test_below_k_people_nothing_but_their_number_is_told() -> None:
    told = play(narrator(k=3), (3000, (face(share=0.95), face(share=0.95))))
    assert types(told) == [EventType.PRESENCE_START]
    states = [t.state for t in told if t.state is not None]
    assert states
    assert all(s.suppressed and s.scores is None and s.emotion is None and s.valence is None for s in states)
    assert all(t.look.kind is not LookKind.EMOTION for t in told)


def test_a_pause_ends_presence_and_says_so_once() -> None:
    teller = narrator()
    play(teller, (2000, (face(),)))
    paused = teller.pause(2100 * MS)
    assert [e.type for e in paused.events] == [EventType.PRESENCE_END, EventType.PRIVACY_ON]
    assert paused.look.kind is LookKind.PAUSED
    assert teller.pause(2200 * MS).events == ()
    assert [e.type for e in teller.resume(2300 * MS).events] == [EventType.PRIVACY_OFF]


def test_a_lost_camera_ends_presence_and_shows_a_fault() -> None:
    teller = narrator()
    play(teller, (2000, (face(),)))
    lost = teller.lose_sight(4000 * MS)
    assert [e.type for e in lost.events] == [EventType.PRESENCE_END]
    assert lost.look.kind is LookKind.FAULT
    assert lost.state is not None
    assert lost.state.people == 0


def test_the_next_visitor_gets_a_change_and_a_peak_of_the_same_emotion() -> None:
    strong = face(Emotion.HAPPY, 0.9)
    visits = play(narrator(), *[(3000, (strong,)), (3000, ())] * 2)
    each = [EventType.PRESENCE_START, EventType.EXPRESSION_CHANGED, EventType.PEAK, EventType.PRESENCE_END]
    assert sorted(types(visits)) == sorted(each * 2)
    changes = [e for t in visits for e in t.events if e.type is EventType.EXPRESSION_CHANGED]
    assert [e.previous for e in changes] == [None, None], "what the last visitor showed is not the next one's past"


@pytest.mark.parametrize("leaves", ["pause", "lose_sight"])
def test_after_a_pause_or_a_lost_camera_everything_starts_anew(leaves: str) -> None:
    teller, strong = narrator(), face(Emotion.HAPPY, 0.9)
    play(teller, (3000, (strong,)))
    getattr(teller, leaves)(3000 * MS)
    again = play(teller, (3000, (strong,)), start_ms=4000)
    assert sorted(types(again)) == ["expression_changed", "peak", "presence_start"]


def test_a_state_carries_the_rooms_figures_to_three_places() -> None:
    teller = narrator()
    assert teller.start_session(SESSION, 0).session == SESSION.id
    state = teller.observe(seen(1000, face(Emotion.HAPPY, 0.7), face(Emotion.HAPPY, 0.6))).state
    assert state is not None
    assert (state.people, state.emotion, state.uncertain, state.suppressed) == (2, Emotion.HAPPY, False, False)
    assert (state.confidence, state.session) == (0.65, SESSION.id)
    assert state.scores == {e: 0.65 if e is Emotion.HAPPY else 0.058 for e in EMOTIONS}
    assert state.valence == 0.417
    assert state.ts == datetime(1970, 1, 1, 0, 0, 1, tzinfo=UTC)


def test_a_state_says_whether_it_is_unsure_or_nobody_is_there() -> None:
    unsure = narrator().observe(seen(0, face(Emotion.SAD, 0.2), face(Emotion.SAD, 0.2)))
    assert unsure.look == Look(LookKind.UNCERTAIN, people=2)
    assert unsure.state is not None
    assert (unsure.state.uncertain, unsure.state.emotion, unsure.state.confidence) == (True, None, None)
    assert unsure.state.scores is not None
    nobody = narrator().observe(seen(0)).state
    assert nobody is not None
    assert (nobody.uncertain, nobody.emotion, nobody.scores, nobody.valence) == (False, None, None, None)


def test_states_come_at_the_configured_intervals() -> None:
    teller = narrator(EventsConfig(state_interval_s=2, heartbeat_s=7))
    assert teller.observe(seen(0)).state is not None
    assert teller.observe(seen(1900, face())).state is None
    due = teller.tick(2000 * MS)
    assert due is not None
    assert due.people == 1
    assert teller.tick(8900 * MS) is None
    assert teller.tick(9000 * MS) is not None
    teller.observe(seen(9100))
    trailing = teller.flush()
    assert trailing is not None
    assert trailing.people == 0


def test_presence_counts_after_exactly_the_hold() -> None:
    teller = narrator()
    assert teller.observe(seen(0, face())).events == ()
    assert teller.observe(seen(999, face())).events == ()
    assert EventType.PRESENCE_START in types([teller.observe(seen(1000, face()))])


def test_peaks_at_exactly_the_limits() -> None:
    full = (2000, (face(Emotion.HAPPY, 1.0),))
    assert EventType.PEAK in types(play(narrator(EventsConfig(peak_threshold=1.0)), full))
    at, above, below = (face(Emotion.HAPPY, share) for share in (0.5, 0.8, 0.4999))
    for faded, peaks in ((at, 1), (below, 2)):
        script = (2000, (above,)), (500, (faded,)), (500, (above,))
        told = play(narrator(EventsConfig(peak_threshold=0.75, peak_rearm=0.5)), *script)
        assert types(told).count(EventType.PEAK) == peaks


def test_a_pause_and_its_end_show_an_empty_room() -> None:
    teller = narrator(EventsConfig(state_interval_s=0.1))
    assert teller.resume(0).events == (), "it was not paused"
    teller.observe(seen(100, face()))
    paused, resumed = teller.pause(300 * MS), None
    assert paused.state is not None
    assert [(e.type, e.people) for e in paused.events] == [(EventType.PRIVACY_ON, 0)]
    assert paused.state.people == 0
    teller.observe(seen(500, face()))
    resumed = teller.resume(700 * MS)
    assert resumed.look == Look(LookKind.STARTING)
    assert resumed.state is not None
    assert [(e.type, e.people) for e in resumed.events] == [(EventType.PRIVACY_OFF, 0)]
    assert teller.resume(800 * MS).events == ()
    assert teller.lose_sight(900 * MS).events == (), "nobody was present"


def test_presence_ends_without_people() -> None:
    [ended] = [e for t in play(narrator(), (2000, (face(),)), (2000, ())) for e in t.events if e.type == "presence_end"]
    assert ended.people == 0


def test_markers_and_sessions_count_the_people_in_view() -> None:
    teller = narrator()
    assert teller.mark("early", 0).people == 0
    play(teller, (500, (face(), face())))
    started = teller.start_session(SESSION, 600 * MS)
    mark, unnamed = teller.mark("scene 2", 700 * MS), teller.mark("", 800 * MS)
    ended = teller.end_session("Pilot", 900 * MS)
    after = teller.mark("late", 1000 * MS)
    events = (started, mark, unnamed, ended, after)
    assert [e.type for e in events] == ["session_start", "marker", "marker", "session_end", "marker"]
    assert [e.people for e in events] == [2] * 5
    assert [e.label for e in events] == ["Pilot", "scene 2", None, "Pilot", "late"]
    assert [e.session for e in events] == [SESSION.id] * 4 + [None]
    teller.resume_session(SESSION)
    assert teller.end_session("", 0).label is None
    teller.resume_session(SESSION)
    assert teller.mark("", 0).session == SESSION.id
    assert [e.session for t in play(teller, (2000, ())) for e in t.events] == []
    teller.lose_sight(3000 * MS)
    assert teller.mark("", 0).people == 0


def test_new_smoothing_counts_from_the_next_frame() -> None:
    teller, mild = narrator(), face(Emotion.HAPPY, 0.5)
    assert teller.observe(seen(0, mild)).look.kind is LookKind.EMOTION
    teller.smooth(SmoothingConfig(min_confidence=0.9))
    assert teller.observe(seen(100, mild)).look.kind is LookKind.UNCERTAIN


rooms = st.lists(
    st.tuples(
        st.integers(1, 40),
        st.lists(st.builds(face, st.sampled_from(EMOTIONS), st.floats(0.2, 1.0)), max_size=4).map(tuple),
    ),
    min_size=1,
    max_size=8,
)


@settings(deadline=None, max_examples=60)
@given(rooms, st.integers(1, 3))
def test_any_story_is_well_formed_and_told_the_same_again(parts: list[tuple[int, tuple[Face, ...]]], k: int) -> None:
    script = [(steps * 100, faces) for steps, faces in parts]
    first, again = play(narrator(k=k), *script), play(narrator(k=k), *script)
    assert first == again
    events: list[Event] = [event for told in first for event in told.events]
    present = False
    for event in events:
        if event.type is EventType.PRESENCE_START:
            assert not present
            present = True
        elif event.type is EventType.PRESENCE_END:
            assert present
            present = False
        else:
            assert present
            assert event.emotion is not None
            assert event.people >= k
    assert [event.seq for event in events] == list(range(len(events)))


def test_the_rooms_figures_are_the_mean_of_its_faces() -> None:
    mood = summarise([face(Emotion.HAPPY, 0.8), face(Emotion.SAD, 0.8)])
    assert (mood.people, mood.suppressed) == (2, False)
    assert mood.scores is not None
    assert mood.scores[Emotion.HAPPY] == pytest.approx(mood.scores[Emotion.SAD]) == pytest.approx((0.8 + 0.2 / 6) / 2)
    assert mood.valence == pytest.approx(-3 * 0.2 / 6)
    assert summarise([], k=3) == GroupState(0, None, None, suppressed=False)
    assert summarise([face()] * 2, k=3) == GroupState(2, None, None, suppressed=True)
    assert summarise([face()] * 3, k=3).scores is not None


@given(st.lists(st.floats(0, 1), min_size=7, max_size=7))
def test_valence_lies_between_minus_1_and_1(values: list[float]) -> None:
    assert -1 - 1e-9 <= valence_of(Scores.of(values)) <= 1 + 1e-9


def test_valence_of_pure_emotions() -> None:
    found = {e: valence_of(Scores.of([1.0 if e is x else 0.0 for x in EMOTIONS])) for e in EMOTIONS}
    assert found[Emotion.HAPPY] == 1
    assert found[Emotion.NEUTRAL] == found[Emotion.SURPRISE] == 0
    assert {found[e] for e in (Emotion.ANGRY, Emotion.DISGUST, Emotion.FEAR, Emotion.SAD)} == {-1}
