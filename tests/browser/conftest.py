"""A device with the virtual camera that serves its page, and a real Chromium that visits it."""

from __future__ import annotations

import shutil
import threading
import time
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import pytest

from edge import config as configuration
from edge.runtime import build, build_sinks

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from edge.kiosk.sink import KioskSink

WAIT_MS = 60_000


class Served:
    """A device that runs on a thread and serves the page."""

    def __init__(self, folder: Path, **settings: object) -> None:
        flags: dict[str, object] = {
            "node.id": "n1",
            "node.state_dir": folder,
            "source.uri": "virtual:portrait",
            "source.width": 320,
            "source.height": 240,
            "source.fps": 5,
            "kiosk.enabled": True,
            "kiosk.port": 0,
            **settings,
        }
        self.stack = ExitStack()
        sinks: list[Any] = []
        config = configuration.load(environment={}, flags=flags)
        make = build_sinks.kiosk

        def keep(*arguments: Any) -> Any:
            sinks.extend(made := make(*arguments))
            return made

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(build_sinks, "kiosk", keep)
            wiring = build.device(config)
        self.stack.enter_context(wiring.resources)
        self.device = wiring.device
        self.sink: KioskSink = sinks[0]
        self._thread = threading.Thread(target=self.device.run)
        self._thread.start()
        deadline = time.monotonic() + 60
        while self.sink.url.endswith(":0") and time.monotonic() < deadline:
            time.sleep(0.02)

    def close(self) -> None:
        self.device.stop()
        self._thread.join(60)
        self.stack.close()


@pytest.fixture(scope="module")
def device_settings() -> dict[str, object]:
    """Settings of this module's device, by their dotted names; a module may have its own."""
    return {}


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory, device_settings: dict[str, object]) -> Iterator[Served]:
    pytest.importorskip("starlette", reason="the extra `kiosk` is not installed")
    made = Served(tmp_path_factory.mktemp("device"), **device_settings)
    yield made
    made.close()


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    program = shutil.which("chromium") or shutil.which("chromium-browser")
    if program is None:
        pytest.skip("Chromium is not installed: apt install chromium")
    playwright.expect.set_options(timeout=WAIT_MS)
    with playwright.sync_playwright() as running:
        browser = running.chromium.launch(executable_path=program, args=["--no-sandbox", "--disable-gpu"])
        yield browser
        browser.close()


@pytest.fixture
def visit(chromium: Any, served: Served) -> Iterator[Callable[..., Any]]:
    """``visit(path, size=…)``: a page in a browser of its own, which must log no error and ask nobody else."""
    contexts: list[Any] = []
    problems: list[str] = []

    def outside(url: str) -> None:
        if not url.startswith(served.sink.url):
            problems.append(url)

    def go(path: str, size: tuple[int, int] = (1280, 800)) -> Any:
        context = chromium.new_context(
            viewport={"width": size[0], "height": size[1]}, reduced_motion="reduce", color_scheme="dark"
        )
        contexts.append(context)
        context.set_default_timeout(WAIT_MS)
        page = context.new_page()
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on("request", lambda request: outside(request.url))
        page.goto(served.sink.url + path)
        return page

    yield go
    for context in contexts:
        context.close()
    assert problems == []
