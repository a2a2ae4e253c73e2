"""The number of faces that a session's figures need, as the page asks for it and tells it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from edge.core.commands import StartSession
from edge.core.events import SessionKind

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.fixture
def operator(open_kiosk: Any, browser: Callable[..., Any]) -> Any:
    made = browser(open_kiosk)
    open_kiosk.consent.state("home")
    return made


def test_a_start_may_ask_for_fewer_faces_with_agreement(operator: Any, inbox: Any) -> None:
    asked = {"title": "Level 3", "kind": "game", "k": 1, "agreed": True}
    assert operator.post("session/start", asked).status_code == 200
    assert operator.post("session/start", {"kind": "private"}).status_code == 200
    assert inbox.asked == [
        StartSession("Level 3", SessionKind.GAME, k=1, agreed=True),
        StartSession("", SessionKind.PRIVATE),
    ]


@pytest.mark.parametrize("asked", [{"k": 0}, {"k": 101}, {"k": 1.5}, {"agreed": "perhaps"}, {"agree": True}])
def test_what_makes_no_sense_is_refused(operator: Any, inbox: Any, asked: dict[str, Any]) -> None:
    assert operator.post("session/start", {"kind": "game"} | asked).status_code == 422
    assert inbox.asked == []


@pytest.mark.parametrize(
    ("settings", "usual", "least"),
    [({}, 3, 1), ({"sessions.k": 5}, 5, 1), ({"sessions.k": 2, "privacy.k": 4}, 4, 4)],
)
def test_pages_know_how_many_faces_figures_need(
    make_kiosk: Any, browser: Callable[..., Any], settings: dict[str, int], usual: int, least: int
) -> None:
    one = browser(make_kiosk(**settings))
    for page in ("/operator", "/phone"):
        assert f'data-k="{usual}" data-least-k="{least}"' in one.client.get(page).text
