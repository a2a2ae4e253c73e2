from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.audience import summarise, valence_of
from edge.config import EventsConfig, PrivacyConfig, SmoothingConfig
from edge.events import Event, EventType, LookKind, Stamp
from edge.narrator import Narrator, Told
from edge.types import EMOTIONS, Box, Emotion, Face, Observation, Scores

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


def narrator(k: int = 1) -> Narrator:
    return Narrator(
        Stamp(epoch_ns=0, seed=b"test"),
        events=EventsConfig(),
        smoothing=SmoothingConfig(),
        privacy=PrivacyConfig(k=k),
    )


def types(told: Sequence[Told]) -> list[EventType]:
    return [event.type for each in told for event in each.events]


def play(teller: Narrator, *parts: tuple[int, tuple[Face, ...]], start_ms: int = 0) -> list[Told]:
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
    first, again = play(narrator(k), *script), play(narrator(k), *script)
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
    assert mood.people == 2
    assert mood.scores is not None
    assert mood.scores[Emotion.HAPPY] == pytest.approx(mood.scores[Emotion.SAD])


@given(st.lists(st.floats(0, 1), min_size=7, max_size=7))
def test_valence_lies_between_minus_1_and_1(values: list[float]) -> None:
    assert -1 - 1e-9 <= valence_of(Scores.of(values)) <= 1 + 1e-9


def test_valence_of_pure_emotions() -> None:
    found = {e: valence_of(Scores.of([1.0 if e is x else 0.0 for x in EMOTIONS])) for e in EMOTIONS}
    assert found[Emotion.HAPPY] == 1
    assert found[Emotion.NEUTRAL] == found[Emotion.SURPRISE] == 0
    assert {found[e] for e in (Emotion.ANGRY, Emotion.DISGUST, Emotion.FEAR, Emotion.SAD)} == {-1}
