"""The pages when a recording is over: they stay, and say so."""

from __future__ import annotations

from typing import Any

import pytest

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")

pytestmark = pytest.mark.timeout(400)


@pytest.fixture(scope="module")
def device_settings() -> dict[str, object]:
    return {"source.uri": "virtual:portrait?frames=10"}


@pytest.mark.parametrize("path", ["/", "/operator", "/phone"])
def test_every_page_says_that_the_film_is_over(path: str, visit: Any) -> None:
    page = visit(path)
    page.wait_for_selector("body[data-scene=ended]")
    playwright.expect(page.locator("[data-word]").first).to_have_text("Over")
    playwright.expect(page.locator("[data-lead]").first).to_have_text("The film has ended")
    playwright.expect(page.locator("[data-count]").first).to_have_text("\N{EN DASH}")
