"""A session with a film from start to report, in a real Chromium, on a real device with the virtual camera."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
pytest.importorskip("matplotlib", reason="the extra `reports` is not installed")

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = pytest.mark.timeout(400)
FILM_S = 6
PATIENCE_S = 60


def write_film(path: Path, *, seconds: int, sound: bool) -> None:
    av = pytest.importorskip("av", reason="PyAV (extra video) writes the film")
    with av.open(str(path), "w") as container:
        video = container.add_stream("libvpx", rate=10)
        video.width, video.height, video.pix_fmt = 320, 180, "yuv420p"
        tone = container.add_stream("libopus", rate=48000) if sound else None
        for index in range(10 * seconds):
            picture = np.full((180, 320, 3), (40, 60 + index % 120, 120), np.uint8)
            picture[40:140, 20 + 2 * index : 80 + 2 * index] = (60, 180, 230)
            container.mux(video.encode(av.VideoFrame.from_ndarray(picture, format="bgr24")))
        container.mux(video.encode())
        if tone is not None:
            wave = (0.1 * np.sin(np.arange(48000 * seconds) * 0.05)).astype(np.float32)
            frame = av.AudioFrame.from_ndarray(wave[None, :], format="flt", layout="mono")
            frame.rate = 48000
            container.mux(tone.encode(frame))
            container.mux(tone.encode())


@pytest.fixture(scope="module")
def device_settings(tmp_path_factory: pytest.TempPathFactory) -> dict[str, object]:
    films = tmp_path_factory.mktemp("films")
    write_film(films / "The Long Way Round.webm", seconds=FILM_S, sound=False)
    write_film(films / "With sound.webm", seconds=FILM_S, sound=True)
    return {"kiosk.media_dir": films, "sessions.k": 1}


@pytest.fixture
def desk(visit: Callable[..., Any]) -> Any:
    page = visit("/operator")
    # the first page is asked what the device is used for
    page.wait_for_selector("body[data-frame]")
    if page.locator("#consent[open]").count():
        page.check("input[value=audience]")
        page.check("input[name=told]")
        page.click("#consent button[type=submit]")
        page.wait_for_selector("#consent:not([open])", state="attached")
    return page


def start_film(desk: Any, name: str, title: str, *, ends: bool) -> None:
    desk.fill("#session-title", title)
    desk.select_option("#session-film", name)
    desk.set_checked("#film-ends", ends)
    desk.click("[data-act=start]")


def test_a_film_from_start_to_report(visit: Callable[..., Any], desk: Any, eventually: Any) -> None:
    wall = visit("/", (960, 540))
    wall.wait_for_selector("body[data-frame]")
    start_film(desk, "The Long Way Round.webm", "Test screening", ends=True)
    wall.wait_for_selector("video.film")
    assert eventually(lambda: wall.evaluate("document.querySelector('video').currentTime") > 1, PATIENCE_S)
    assert wall.evaluate("document.body.classList.contains('has-film')")
    playwright.expect(desk.locator("#film-name")).to_have_text("The Long Way Round.webm")
    desk.click("#film-steer")  # before anything that takes long: the film lasts six seconds
    assert eventually(lambda: wall.evaluate("document.querySelector('video').paused"), PATIENCE_S)
    playwright.expect(desk.locator("#film-state")).to_contain_text("Paused at")
    other = visit("/", (960, 540))
    other.wait_for_selector("body[data-frame]")
    assert other.locator("video").count() == 0, "one wall plays"
    desk.fill("#marker-label", "While it stood")
    desk.press("#marker-label", "Enter")
    desk.wait_for_timeout(1500)
    desk.click("#film-steer")
    # it ends with the film, by itself, and offers its report
    link = desk.locator("#ended a")
    playwright.expect(link).to_have_text("Open its report")
    playwright.expect(wall.locator("video")).to_have_count(0)
    identity = link.get_attribute("href").rpartition("=")[2]
    link.click()
    desk.wait_for_url("**/sessions/view**")
    report = desk.frame_locator("#report")
    playwright.expect(report.locator("h1")).to_have_text("Test screening")
    playwright.expect(report.locator("body")).to_contain_text("ended with the film")
    playwright.expect(report.locator("body")).to_contain_text("The Long Way Round.webm (6 seconds)")
    playwright.expect(report.locator("table td.time").last).to_have_text(re.compile(r"0:0\d \(paused\)"))
    playwright.expect(desk.locator("#print")).to_be_enabled()
    with desk.expect_download() as waiting:
        desk.click("#save")
    assert waiting.value.suggested_filename.startswith("test-screening-")
    with desk.expect_download() as waiting:
        desk.click("[data-form=csv]")
    lines = waiting.value.path().read_text().splitlines()
    column = lines[0].split(",").index("media_s")
    shown = [float(line.split(",")[column]) for line in lines[1:] if line.split(",")[column]]
    assert shown
    assert max(shown) < FILM_S + 0.5
    assert identity


# headless Chromium plays without a touch: this is what one with a screen says
UNTOUCHED = """
let touched = false;
addEventListener("keydown", () => (touched = true), true);
const play = HTMLMediaElement.prototype.play;
HTMLMediaElement.prototype.play = function () {
  if (touched) return play.call(this);
  return Promise.reject(new DOMException("", "NotAllowedError"));
};
"""


def test_a_wall_whose_browser_wants_a_touch_says_so(visit: Callable[..., Any], desk: Any, eventually: Any) -> None:
    wall = visit("/", (960, 540))
    wall.add_init_script(UNTOUCHED)
    wall.reload()
    wall.wait_for_selector("body[data-frame]")
    start_film(desk, "With sound.webm", "Loud", ends=False)
    playwright.expect(wall.locator("#film-note")).to_contain_text("Press any key")
    playwright.expect(desk.locator("#film-state")).to_contain_text("may not play sound")
    wall.keyboard.press("Enter")
    playwright.expect(wall.locator("#film-note")).to_be_hidden()
    assert eventually(lambda: wall.evaluate("document.querySelector('video').currentTime") > 0.2, PATIENCE_S)
    desk.click("[data-act=stop]")
    playwright.expect(wall.locator("video")).to_have_count(0)


def test_the_list_compares_and_deletes(visit: Callable[..., Any], desk: Any) -> None:
    for title in ("Monday", "Tuesday"):
        desk.fill("#session-title", title)
        desk.select_option("#session-film", "")
        desk.click("[data-act=start]")
        desk.wait_for_timeout(1200)
        desk.click("[data-act=stop]")
        playwright.expect(desk.locator("#ended")).to_contain_text(title)
    page = visit("/sessions")
    page.get_by_label("Choose Monday").check()
    page.get_by_label("Choose Tuesday").check()
    page.click("#compare")
    report = page.frame_locator("#report")
    playwright.expect(report.locator("h1")).to_have_text("2 sessions compared")
    page.go_back()
    page.get_by_label("Choose Monday").check()
    page.click("#delete")
    playwright.expect(page.locator("#sure-list")).to_contain_text("Monday")
    page.keyboard.press("Escape")
    playwright.expect(page.get_by_label("Choose Monday")).to_be_visible()
    page.click("#delete")
    page.click("#sure-yes")
    playwright.expect(page.get_by_label("Choose Monday")).to_have_count(0)
    playwright.expect(page.get_by_label("Choose Tuesday")).to_be_visible()
    axe_finds_nothing(page)


def test_a_report_shows_how_far_it_is(visit: Callable[..., Any], desk: Any) -> None:
    desk.fill("#session-title", "Slow")
    desk.click("[data-act=start]")
    desk.wait_for_timeout(1200)
    desk.click("[data-act=stop]")
    address = desk.locator("#ended a").get_attribute("href")
    page = visit("/sessions", (390, 844))
    told = [{"ready": False, "progress": 0, "ahead": 2}, {"ready": False, "progress": 0.42, "ahead": 0}]

    def answer(route: Any) -> None:
        route.fulfill(json=told[0]) if told else route.continue_()

    page.route("**/api/sessions/report?*", answer)
    page.goto(page.url.replace("/sessions", address))
    playwright.expect(page.locator("#state-text")).to_have_text("Waiting for 2 other reports.")
    told.pop(0)
    playwright.expect(page.locator("#progress")).to_have_js_property("value", 42)
    playwright.expect(page.locator("#state-text")).to_contain_text("The report is being drawn.")
    told.clear()
    playwright.expect(page.frame_locator("#report").locator("h1")).to_have_text("Slow")
    playwright.expect(page.locator("#state")).to_be_hidden()


def axe_finds_nothing(page: Any) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe-playwright-python is not installed")
    for scheme in ("dark", "light"):
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        found = axe.Axe().run(page).response["violations"]
        assert [(scheme, one["id"], [node["html"][:120] for node in one["nodes"][:3]]) for one in found
                if one["impact"] in {"serious", "critical"}] == []  # fmt: skip
