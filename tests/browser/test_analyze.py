"""The analyze page in a real Chromium: files good and bad, a video with its sound, cancelling, leaving."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import pytest

from edge.kiosk.worker import program

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

pytestmark = pytest.mark.timeout(400)
WAIT_MS = 60_000
PORTRAIT = Path(__file__).parents[2] / "edge" / "sources" / "assets" / "portrait.jpg"


@pytest.fixture(scope="module", autouse=True)
def prompt_worker(served: Any) -> Iterator[None]:
    """At the lowest priority a busy machine would make these tests wait."""
    desk = served.sink._server._kiosk.desk
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(program, "NICENESS", 0)
        patch.setattr(desk.reader, "idle", False)
        patch.setattr(desk.pictures, "idle", False)
        yield


@pytest.fixture
def page(visit: Callable[..., Any]) -> Callable[..., Any]:
    """``page(size)``: the page, ready to take files."""

    def go(size: tuple[int, int] = (1280, 800)) -> Any:
        made = visit("/analyze", size)
        made.wait_for_selector("#choose:not([disabled])")
        return made

    return go


@pytest.fixture
def group(tmp_path: Path) -> Path:
    """A picture with two faces."""
    face = cv2.imdecode(np.frombuffer(PORTRAIT.read_bytes(), np.uint8), cv2.IMREAD_COLOR)
    assert face is not None
    path = tmp_path / "two.png"
    path.write_bytes(cv2.imencode(".png", np.hstack([face, face]))[1].tobytes())
    return path


@pytest.fixture
def speaking(tmp_path: Path) -> Path:
    """Four seconds of a face with a tone, as a phone would film it upright."""
    av = pytest.importorskip("av", reason="making the video needs PyAV")
    portrait = cv2.imdecode(np.frombuffer(PORTRAIT.read_bytes(), np.uint8), cv2.IMREAD_COLOR)
    assert portrait is not None
    picture = cv2.copyMakeBorder(cv2.resize(portrait, (360, 360)), 100, 180, 0, 0, cv2.BORDER_REPLICATE)
    path = tmp_path / "speaking.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=15, options={"preset": "ultrafast"})
        stream.width, stream.height, stream.pix_fmt = 360, 640, "yuv420p"
        sound = container.add_stream("aac", rate=44100, layout="mono")
        for _ in range(4 * 15):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="bgr24")))
        container.mux(stream.encode(None))
        tone = (np.sin(np.arange(4 * 44100) * 0.06) * 0.4).astype(np.float32)[np.newaxis]
        for start in range(0, tone.shape[1], 1024):
            frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(tone[:, start : start + 1024]), "fltp", "mono")
            frame.rate, frame.pts = 44100, start
            container.mux(sound.encode(frame))
        container.mux(sound.encode(None))
    return path


def tile(page: Any, name: str) -> Any:
    return page.locator(".tile").filter(has_text=name)


def test_several_pictures_with_bad_ones_among_them(page: Any, group: Path, tmp_path: Path) -> None:
    heic = tmp_path / "holiday.heic"
    heic.write_bytes(b"\x00\x00\x00\x18ftypheic" + bytes(99))
    cut = tmp_path / "cut.jpg"
    cut.write_bytes(PORTRAIT.read_bytes()[:9000])
    visitor = page()
    visitor.set_input_files("#files", [str(path) for path in (heic, cut, PORTRAIT, group)])
    playwright.expect(tile(visitor, "holiday.heic")).to_contain_text("HEIC pictures cannot be read")
    playwright.expect(tile(visitor, "cut.jpg")).to_contain_text("the end of the picture is missing")
    playwright.expect(tile(visitor, "portrait.jpg")).to_contain_text("1 face")
    playwright.expect(tile(visitor, "two.png")).to_contain_text("2 faces")
    tile(visitor, "two.png").locator(".tile-open").press("Enter")
    spots = visitor.locator(".spot")
    playwright.expect(spots).to_have_count(2)
    spots.nth(1).press("Enter")
    playwright.expect(spots.nth(1)).to_have_attribute("aria-pressed", "true")
    playwright.expect(spots.nth(0)).to_have_attribute("aria-pressed", "false")
    playwright.expect(visitor.locator("#panel-word")).to_have_text("Happy")
    figures = [int(text.removesuffix(" %")) for text in visitor.locator("#panel-bars .bar-figure").all_text_contents()]
    assert len(figures) == 7
    assert 97 <= sum(figures) <= 103
    with visitor.expect_download() as download:
        visitor.click("#export")
    rows = Path(download.value.path()).read_text(encoding="utf-8").splitlines()
    assert len(rows) == 1 + 1 + 2  # a header, and a row a face
    tile(visitor, "portrait.jpg").get_by_role("button", name="Remove portrait.jpg").click()
    playwright.expect(visitor.locator(".tile")).to_have_count(3)


def test_a_video_plays_with_its_sound_and_follows_the_chart(page: Any, speaking: Path, eventually: Any) -> None:
    visitor = page((390, 844))
    visitor.set_input_files("#files", str(speaking))
    visitor.wait_for_selector("video")
    film = visitor.locator("video")

    def told(what: str) -> Any:
        return film.evaluate(f"film => film.{what}")

    assert eventually(lambda: told("readyState") >= 1)
    assert told("duration") == pytest.approx(4, abs=0.2)
    assert (told("videoWidth"), told("videoHeight")) == (360, 640)
    film.evaluate("film => film.play()")
    assert eventually(lambda: told("currentTime") > 0.5 and told("webkitAudioDecodedByteCount") > 0, WAIT_MS / 1000)
    film.evaluate("film => film.pause()")
    visitor.locator(".chart-plot").click(position={"x": 3, "y": 20})
    assert eventually(lambda: told("currentTime") < 0.3)
    visitor.press(".chart-plot", "End")
    assert eventually(lambda: told("currentTime") > 3)
    playwright.expect(visitor.locator(".chart-plot")).to_have_attribute("aria-valuetext", "0:03, Happy")
    playwright.expect(visitor.locator("#panel-word")).to_have_text("Happy")
    with visitor.expect_download() as download:
        visitor.get_by_role("link", name="Download the marked video").click()
    assert download.value.suggested_filename == "speaking-faces.mp4"


def test_cancelling_and_leaving_delete_at_once(
    page: Any, served: Any, video: Callable[..., Path], eventually: Any
) -> None:
    desk = served.sink._server._kiosk.desk
    assert eventually(lambda: not desk.rooms, 30)  # earlier visitors have gone
    visitor = page()
    long = video("long.mp4", seconds=60, size=(640, 360))
    visitor.set_input_files("#files", [str(long), str(PORTRAIT)])
    visitor.wait_for_selector(".tile[data-state=running]")
    tile(visitor, "long.mp4").get_by_role("button", name="Cancel long.mp4").click()
    playwright.expect(visitor.locator(".tile")).to_have_count(1)
    playwright.expect(tile(visitor, "portrait.jpg")).to_contain_text("1 face")
    folder = desk.store.folder
    (job,) = next(iter(desk.rooms.values())).jobs.values()
    assert eventually(lambda: {path.name for path in folder.iterdir() if path.is_dir()} == {job.id})
    visitor.goto(served.sink.url + "/about")
    assert eventually(lambda: not desk.rooms and not any(path.is_dir() for path in folder.iterdir()))


@pytest.mark.parametrize("size", [(390, 844), (1280, 800)])
def test_axe_finds_nothing_serious(page: Any, speaking: Path, size: tuple[int, int]) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe-playwright-python is not installed")
    visitor = page(size)
    found: list[Any] = []

    def look(stage: str) -> None:
        for scheme in ("dark", "light"):
            visitor.emulate_media(color_scheme=scheme, reduced_motion="reduce")
            found.extend(
                (stage, scheme, violation["id"], [node["html"][:120] for node in violation["nodes"][:3]])
                for violation in axe.Axe().run(visitor).response["violations"]
                if violation["impact"] in {"serious", "critical"}
            )

    look("empty")
    visitor.set_input_files("#files", [str(PORTRAIT), str(speaking)])
    visitor.wait_for_selector(".spot")
    look("picture")
    tile(visitor, "speaking.mp4").locator(".tile-open:not([disabled])").click()
    visitor.wait_for_selector("video")
    look("video")
    assert found == []
