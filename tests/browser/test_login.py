"""Login and logout in real browsers."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

pytest.importorskip("starlette", reason="the extra `kiosk` is not installed")
playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")

from edge.kiosk.passwords import make_hash

PASSWORD, TOKEN = "correct horse", "let me watch"
LOGIN = re.compile(r"/login\?next=|/login$")


@pytest.fixture(scope="module")
def device_settings(tmp_path_factory: pytest.TempPathFactory) -> dict[str, object]:
    """A page that asks for a password."""
    folder = tmp_path_factory.mktemp("hashes")
    files = {"kiosk.password_file": folder / "operator", "kiosk.viewer_token_file": folder / "viewer"}
    for path, secret in zip(files.values(), (PASSWORD, TOKEN), strict=True):
        path.write_text(make_hash(secret))
    return dict(files)


def operator(visit: Callable[..., Any]) -> Any:
    page = visit("/login")
    page.fill("#password", PASSWORD)
    page.click("#enter")
    page.wait_for_url("**/operator")
    page.wait_for_selector("body.may-operate")
    if page.locator("#consent[open]").count():
        page.check("input[value=audience]")
        page.check("input[name=told]")
        page.click("#consent button[type=submit]")
        page.wait_for_selector("#consent:not([open])", state="attached")
    return page


def test_log_out_everywhere_takes_every_browser_to_the_login(visit: Callable[..., Any]) -> None:
    here, elsewhere, wall = operator(visit), operator(visit), visit(f"/login?next=/#token={TOKEN}")
    wall.wait_for_selector("body:not([data-scene=starting]):not([data-scene=lost])")
    here.once("dialog", lambda dialog: dialog.accept())
    here.click("#logout-all")
    for page in (here, elsewhere, wall):
        # the page goes there by itself, at times twice: waiting for one navigation fails when the other aborts it
        playwright.expect(page).to_have_url(LOGIN)
    assert operator(visit).url.endswith("/operator")


def test_a_link_with_a_token_waits_where_guesses_are_slowed_down_and_gets_in(
    visit: Callable[..., Any], served: Any
) -> None:
    throttle = served.sink._server._kiosk.logins.throttle
    caller = throttle.caller("127.0.0.1", is_local=True, device=None)
    waiting = [5.0, 5.0, 0.0]
    throttle.wait_s, before = lambda _: waiting.pop(0) if len(waiting) > 1 else waiting[0], throttle.wait_s
    try:
        page = visit(f"/login?next=/#token={TOKEN}")
        playwright.expect(page.locator("#problem")).to_contain_text("try again in 5 s")
        page.wait_for_selector("body:not([data-scene=starting]):not([data-scene=lost])")
    finally:
        throttle.wait_s = before
    assert throttle.wait_s(caller) == 0
