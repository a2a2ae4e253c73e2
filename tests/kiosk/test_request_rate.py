"""How many requests one address may send, whatever it sends them over."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from edge.kiosk import crowd

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from edge.kiosk.app import Kiosk

HOST = "192.0.2.1:8080"


@pytest.fixture
def kiosk(make_kiosk: Callable[..., Kiosk], hashes: dict[str, Path], monkeypatch: pytest.MonkeyPatch) -> Kiosk:
    """Takes five requests of an address at once, and then none."""
    monkeypatch.setattr(crowd, "_BURST", 5)
    monkeypatch.setattr(crowd, "_PER_S", 0.0)
    return make_kiosk(host="0.0.0.0", open_to_viewers=True, **hashes)


def statuses(visitor: Any, count: int = 8) -> list[int]:
    return [visitor.client.get("/about").status_code for _ in range(count)]


def test_an_address_that_sends_too_many_is_refused_and_its_connection_ends(kiosk: Kiosk, browser: Any) -> None:
    one, other = browser(kiosk, HOST, "192.0.2.7"), browser(kiosk, HOST, "192.0.2.8")
    assert statuses(one) == [200] * 5 + [429] * 3
    refused = one.client.get("/about")
    assert refused.headers["connection"] == "close"
    assert refused.headers["retry-after"] == "2"
    assert "content-security-policy" in refused.headers
    assert statuses(other, 5) == [200] * 5


def test_an_operator_at_a_flooding_address_and_the_screen_work_on(kiosk: Kiosk, browser: Any) -> None:
    operator = browser(kiosk, HOST, "192.0.2.7")
    assert operator.login("correct horse").status_code == 200
    assert statuses(browser(kiosk, HOST, "192.0.2.7"))[-1] == 429
    assert statuses(operator) == [200] * 8
    assert statuses(browser(kiosk, "127.0.0.1:8080", "127.0.0.1")) == [200] * 8
