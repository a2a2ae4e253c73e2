"""The visitor's own camera in a real Chromium, whose camera shows a clip: over HTTPS, and why not over plain HTTP."""

from __future__ import annotations

import os
import shutil
import signal
from typing import TYPE_CHECKING, Any

import cv2
import pytest

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
pytest.importorskip("cryptography", reason="the extra `kiosk` is not installed")

from edge import config as configuration
from edge.kiosk.worker import program
from edge.sources.virtual import VirtualCamera

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

WAIT_MS = 60_000
FRAMES, RATE = 40, 10
NO_CAMERA = "navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException('', 'NotFoundError')); 0"


def render(path: Path) -> Path:
    """A film of the virtual camera's face, as the MJPEG that Chromium's fake camera plays again and again."""
    settings = {
        "source.uri": "virtual:portrait?pace=fast",
        "source.width": 640,
        "source.height": 480,
        "source.fps": RATE,
    }
    camera = VirtualCamera(configuration.load(environment={}, flags=settings).source)
    camera.open()
    with path.open("wb") as file:
        for _ in range(FRAMES):
            file.write(bytes(cv2.imencode(".jpg", camera.read().image)[1]))
    return path


@pytest.fixture(scope="module")
def sighted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A Chromium with a camera, whose user says yes."""
    program = shutil.which("chromium") or shutil.which("chromium-browser")
    if program is None:
        pytest.skip("Chromium is not installed: apt install chromium")
    film = render(tmp_path_factory.mktemp("film") / "face.mjpeg")
    arguments = ["--no-sandbox", "--disable-gpu", "--use-fake-ui-for-media-stream"]
    arguments += ["--host-resolver-rules=MAP kiosk.test 127.0.0.1"]
    arguments += ["--use-fake-device-for-media-stream", f"--use-file-for-fake-video-capture={film}"]
    playwright.expect.set_options(timeout=WAIT_MS)
    with playwright.sync_playwright() as running:
        browser = running.chromium.launch(executable_path=program, args=arguments)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def device_settings() -> dict[str, object]:
    return {"kiosk.tls": "self-signed", "kiosk.visitors": True, "kiosk.public_url": "https://kiosk.test:8443"}


@pytest.fixture(scope="module", autouse=True)
def own_priority() -> Iterator[None]:
    """At the lowest one, a busy machine would make these tests wait."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(program, "NICENESS", 0)
        yield


@pytest.fixture
def cameras(served: Any) -> Any:
    return served.sink._server._kiosk.cameras


@pytest.fixture
def come(sighted: Any) -> Iterator[Callable[..., Any]]:
    """``come(url, size=…)``: a page in a browser of its own, which must log no error."""
    contexts: list[Any] = []
    problems: list[str] = []

    def go(url: str, size: tuple[int, int] = (1280, 800)) -> Any:
        context = sighted.new_context(
            viewport={"width": size[0], "height": size[1]}, ignore_https_errors=True, reduced_motion="reduce"
        )
        contexts.append(context)
        context.set_default_timeout(WAIT_MS)
        page = context.new_page()
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.goto(url)
        page.wait_for_selector("body.is-ready, body[data-frame]")
        return page

    yield go
    for context in contexts:
        context.close()
    assert problems == []


def test_the_visitors_face_is_found_read_and_drawn(served: Any, cameras: Any, come: Any, eventually: Any) -> None:
    page = come(f"{served.sink.url}/camera", (390, 844))
    assert page.evaluate("document.querySelector('#video').srcObject") is None, "nothing starts by itself"
    page.click("#start")
    mark = page.locator(".own-mark").first
    mark.wait_for()
    playwright.expect(page.locator(".own-word").first).to_have_text("Happy")
    playwright.expect(page.locator("#mood [data-word]")).to_have_text("Happy")
    assert page.get_attribute("[data-emotion=happy] [role=meter]", "aria-valuenow") is not None
    playwright.expect(page.locator("#trip")).to_contain_text("ms")
    box, view = mark.bounding_box(), page.locator("#view").bounding_box()
    assert box["width"] < view["width"] / 2
    assert view["x"] < box["x"] < view["x"] + view["width"]
    assert "is-mirrored" in page.get_attribute("#view", "class")
    assert len(cameras) == 1
    page.click("#stop")
    page.locator("#intro").wait_for()
    assert page.evaluate("document.querySelector('#video').srcObject") is None
    assert eventually(lambda: len(cameras) == 0), "the seat is given back at once"


def test_out_of_sight_it_stops_and_says_so(served: Any, come: Any) -> None:
    page = come(f"{served.sink.url}/camera")
    page.click("#start")
    page.locator("#live").wait_for()
    page.evaluate(
        "Object.defineProperty(document, 'visibilityState', { get: () => 'hidden' });"
        "document.dispatchEvent(new Event('visibilitychange'))"
    )
    playwright.expect(page.locator("#problem")).to_contain_text("out of sight")
    assert page.evaluate("document.querySelector('#video').srcObject") is None


def test_two_visitors_and_a_worker_that_dies(served: Any, cameras: Any, come: Any, eventually: Any) -> None:
    pages = [come(f"{served.sink.url}/camera", (390, 844)) for _ in range(2)]
    for page in pages:
        page.click("#start")
    for page in pages:
        page.locator(".own-mark").first.wait_for()
    assert len(cameras) == 2

    def seen() -> int:
        return int(pages[0].evaluate("document.body.dataset.seen"))

    for seat in cameras._seats.values():
        os.kill(seat.worker.pid, signal.SIGKILL)
    before = seen()
    assert eventually(lambda: seen() > before + 2, WAIT_MS / 1000), "it goes on by itself"


def test_without_a_camera_it_says_what_to_do(served: Any, come: Any) -> None:
    page = come(f"{served.sink.url}/camera")
    page.evaluate(NO_CAMERA)
    page.click("#start")
    playwright.expect(page.locator("#problem")).to_have_text("No camera was found on this machine.")
    playwright.expect(page.locator("#start")).to_be_enabled()


def test_over_plain_http_it_says_why_not(served: Any, come: Any, tmp_path: Path) -> None:
    plain = type(served)(tmp_path, **{"kiosk.hostnames": "kiosk.test", "kiosk.public_url": "https://kiosk.test:8443"})
    try:
        page = come(f"{plain.sink.url}/camera".replace("127.0.0.1", "kiosk.test"))
        assert not page.evaluate("isSecureContext")
        playwright.expect(page.locator("#insecure a")).to_have_text("https://kiosk.test:8443/camera")
        assert not page.locator("#start").is_visible()
        here = come(f"{plain.sink.url}/camera")
        assert here.locator("#start").is_visible(), "this machine itself is trusted"
    finally:
        plain.close()


@pytest.mark.parametrize("place", ["/camera", "/camera started", "/"])
def test_axe_finds_nothing_serious(served: Any, come: Any, place: str) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe-playwright-python is not installed")
    path, _, started = place.partition(" ")
    page = come(served.sink.url + path, (390, 844) if path == "/camera" else (1920, 1080))
    if started:
        page.click("#start")
        page.locator(".own-mark").first.wait_for()
    found: list[Any] = []
    for scheme in ("dark", "light"):
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        found += [
            (scheme, violation["id"], [node["html"][:120] for node in violation["nodes"][:3]])
            for violation in axe.Axe().run(page).response["violations"]
            if violation["impact"] in {"serious", "critical"}
        ]
    assert found == []


def test_the_certificate_is_told(served: Any, sighted: Any) -> None:
    with sighted.new_context(ignore_https_errors=True) as context:
        page = context.new_page()
        page.goto(f"{served.sink.url}/about")
        assert page.inner_text(".fingerprint") == served.sink.certificate.fingerprint


def test_the_wall_invites_with_the_fingerprint_and_nothing_overlaps(served: Any, come: Any) -> None:
    wall = come(served.sink.url, (1920, 1080))
    playwright.expect(wall.locator(".join-address")).to_have_text("https://kiosk.test:8443/camera")
    shown = "".join(wall.locator(".join-line").all_inner_texts()).replace(" ", "")
    assert shown == served.sink.certificate.fingerprint.replace(":", "")
    join, word, line = (wall.locator(name).bounding_box() for name in (".join", "[data-word]", "#timeline"))
    assert word["y"] + word["height"] <= join["y"] + 1
    assert join["y"] + join["height"] <= line["y"] + 1
