"""How many faces the figures of a session need, and who may go below what the device is set to."""

from __future__ import annotations

from typing import Any

import pytest

from edge.audience.group_size import AGREEING_KINDS, GroupSize
from edge.core.commands import StartSession
from edge.core.errors import InputError
from edge.core.events import SessionKind


def ask(kind: SessionKind = SessionKind.GAME, **wanted: Any) -> StartSession:
    return StartSession(kind=kind, **wanted)


def test_it_is_the_devices_own_unless_asked() -> None:
    assert [GroupSize(3).of(ask(kind)) for kind in SessionKind] == [3] * len(SessionKind)
    assert GroupSize(3, 5).of(ask()) == 5


@pytest.mark.parametrize("kind", AGREEING_KINDS)
def test_people_who_can_be_asked_may_agree_to_less(kind: SessionKind) -> None:
    assert GroupSize(3).of(ask(kind, k=1, agreed=True)) == 1
    assert GroupSize(5, 2).of(ask(kind, k=2, agreed=True)) == 2


@pytest.mark.parametrize("kind", [kind for kind in SessionKind if kind not in AGREEING_KINDS])
@pytest.mark.parametrize("agreed", [False, True])
def test_an_audience_never_has_less(kind: SessionKind, agreed: bool) -> None:
    for k in (1, 2):
        with pytest.raises(InputError, match=f"only a session of kind game or private may choose, found {kind.value}"):
            GroupSize(3).of(ask(kind, k=k, agreed=agreed))
    assert GroupSize(3).of(ask(kind, k=7)) == 7


@pytest.mark.parametrize(
    ("wanted", "why"),
    [
        ({"k": 2}, "confirm that all people in view agreed"),
        ({"k": 1, "agreed": True}, "below the minimum of 2 of this device"),
        ({"agreed": True}, "set k as well; without it"),
    ],
)
def test_what_is_refused_says_what_to_do(wanted: dict[str, Any], why: str) -> None:
    with pytest.raises(InputError, match=why) as caught:
        GroupSize(3, 2).of(ask(**wanted))
    assert "\n" not in str(caught.value)


def test_a_session_that_goes_on_keeps_its_own() -> None:
    assert GroupSize(3).resumed(1) == 1
    assert GroupSize(1).resumed(3) == 3
    assert GroupSize(3).resumed(None) == 3
    assert GroupSize(3, 4).resumed(1) == 4
