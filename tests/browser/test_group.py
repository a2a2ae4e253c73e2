"""Before the start and during a session the page says what will be withheld, in a real Chromium on a real device."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.timeout(400)


@pytest.fixture
def desk(visit: Callable[..., Any]) -> Any:
    page = visit("/operator")
    page.wait_for_selector("body[data-frame]")
    if page.locator("#consent[open]").count():
        page.check("input[value=home]")
        page.check("input[name=told]")
        page.click("#consent button[type=submit]")
        page.wait_for_selector("#consent:not([open])", state="attached")
    return page


def start(desk: Any, kind: str, *, agreed: bool) -> None:
    desk.select_option("#session-kind", kind)
    if agreed:
        desk.check("#session-agreed")
    desk.click("[data-act=start]")


def test_what_is_withheld_is_said_before_and_during(visit: Callable[..., Any], desk: Any) -> None:
    expect = playwright.expect
    expect(desk.locator("#session-k")).to_contain_text("Figures need 3 faces or more in view")
    phone = visit("/phone", (390, 844))
    expect(phone.locator("#session-k")).to_contain_text("Figures need 3 faces or more in view")
    for kind in ("film", "advertisement", "other"):
        desk.select_option("#session-kind", kind)
        expect(desk.locator("#session-agree")).to_be_hidden()
    start(desk, "game", agreed=False)
    expect(desk.locator("#session-kept")).to_contain_text("This session keeps figures of 3 faces or more.")
    expect(desk.locator("#session-kept")).to_contain_text("1 face is in view: withheld now.")
    expect(phone.locator("#session-kept")).to_contain_text("1 face is in view: withheld now.")
    desk.click("[data-act=stop]")
    expect(desk.locator("#session-k")).to_contain_text("3 faces")


def test_agreement_is_asked_for_each_session(desk: Any) -> None:
    expect = playwright.expect
    desk.select_option("#session-kind", "private")
    expect(desk.locator("#session-agree")).to_be_visible()
    start(desk, "private", agreed=True)
    expect(desk.locator("#session-kept")).to_have_text("All people in view agreed: figures are kept from 1 face on.")
    desk.click("[data-act=stop]")
    expect(desk.locator("#session-agree")).to_be_visible()
    expect(desk.locator("#session-agreed")).not_to_be_checked()
    expect(desk.locator("#session-k")).to_contain_text("Figures need 3 faces")
