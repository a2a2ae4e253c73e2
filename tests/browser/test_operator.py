"""What the operator's page says of the camera: light and reach."""

from __future__ import annotations

from typing import Any

import pytest

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
pytestmark = pytest.mark.timeout(400)


@pytest.fixture(scope="module")
def device_settings() -> dict[str, object]:
    return {"source.width": 640, "source.height": 480, "detector.profile": "near", "detector.kind": "haar"}


def test_darkness_is_told_to_the_operator_and_not_on_the_wall(visit: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edge.runtime.light_monitor.LEAST_S", 0.2)
    monkeypatch.setattr("edge.runtime.light_monitor.WINDOW_S", 1.0)
    operator, wall = visit("/operator"), visit("/")
    line = operator.locator("#stage-light")
    playwright.expect(operator.locator("[data-device=light]")).to_have_text("Enough")
    playwright.expect(line).to_be_hidden()
    with monkeypatch.context() as dark:
        dark.setattr("edge.vision.light.TOO_DARK", 256.0)
        playwright.expect(line).to_have_text("Too dark to see faces. Add light or move the device.")
        playwright.expect(operator.locator("[data-device=light]")).to_have_text("Too dark")
        assert "dark" not in wall.locator("body").inner_text().lower()
    playwright.expect(line).to_be_hidden()


def test_the_smallest_face_is_told_with_its_distance(visit: Any) -> None:
    line = visit("/operator").locator("#stage-reach")
    playwright.expect(line).to_have_text(
        "Finds faces from 48 pixels on: up to about 1.5 m with a 70° webcam, 1.3 m with a 78° webcam."
    )
