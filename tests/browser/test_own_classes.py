"""The pages of a device whose model has classes of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = pytest.mark.timeout(400)
THREE = ("positive", "calm", "negative")
DETAILS = {"positive": {"colour": "#00c000", "word": "content"}}
GREEN = "rgb(0, 192, 0)"


@pytest.fixture(scope="module")
def device_settings(own_classes: Callable[..., Path]) -> dict[str, object]:
    return {"model.path": own_classes(THREE, DETAILS), "privacy.k": 1}


def test_the_wall_shows_each_class_in_its_word_and_colour(visit: Any) -> None:
    wall = visit("/", (960, 540))
    wall.wait_for_selector("body[data-scene=emotion][data-mood=positive]")
    playwright.expect(wall.locator("[data-word]")).to_have_text("Content")
    playwright.expect(wall.locator("#bars .bar-name")).to_have_text(["Content", "Calm", "Negative"])
    fill = wall.locator('[data-emotion="positive"] .bar-fill')
    playwright.expect(fill).to_have_css("background-color", GREEN)
    wall.wait_for_selector('#timeline .band[data-emotion="positive"]', state="attached")
    percent = wall.locator('[data-emotion="positive"] .bar-figure').text_content()
    assert int(percent.split()[0]) > 50


def test_what_the_public_reads_names_them(visit: Any) -> None:
    about = visit("/about")
    playwright.expect(about.locator("main")).to_contain_text("resembles: content, calm, negative.")
    sign = visit("/sign")
    playwright.expect(sign.locator("main")).to_contain_text("how faces look: content, calm, negative …")
    assert "{" not in about.locator("main").inner_text() + sign.locator("main").inner_text()
