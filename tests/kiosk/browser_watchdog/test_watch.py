"""A real Chromium whose page hangs, crashes or vanishes is started anew."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from edge.kiosk.browser_watchdog.devtools import Browser, Stalled
from edge.kiosk.browser_watchdog.watch import Pace, Watch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ROOT = Path(__file__).resolve().parents[3]
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
FLAGS = ("--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-dev-shm-usage")
NOTICED_S = 120
"""Within so long the screen must show the page again; the browser's own start is not counted."""
GOOD = "<!doctype html><body data-scene=emotion>the wall</body>"
LOOPS = GOOD + "<script>setTimeout(() => { for (;;); }, 1000)</script>"

needs_chromium = pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed: apt install chromium")


class Site:
    """Serves ``page`` everywhere; ``asked`` counts."""

    def __init__(self) -> None:
        self.page = GOOD
        self.asked = 0
        site = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                site.asked += "Chrom" in self.headers.get("User-Agent", "")
                self.send_response(200)
                self.send_header("Content-Type", "text/html")
                self.end_headers()
                self.wfile.write(site.page.encode())

            def log_message(self, *arguments: Any) -> None:
                del arguments

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/"
        self._thread = threading.Thread(target=self.server.serve_forever)
        self._thread.start()

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()
        self._thread.join()


@pytest.fixture
def site() -> Iterator[Site]:
    made = Site()
    yield made
    made.close()


class Show:
    """``Watch.show`` on a thread, and how it ended."""

    def __init__(self, url: str, profile: Path, every_s: float = 1.0) -> None:
        assert CHROMIUM is not None
        self.watch = Watch(url, [CHROMIUM, *FLAGS], profile, Pace(every_s, 3.0))
        self.profile = profile
        self.why = ""
        self.thread = threading.Thread(target=self._run)
        self.thread.start()

    def _run(self) -> None:
        try:
            self.watch.show()
        except Stalled as stall:
            self.why = str(stall)

    def processes(self, kind: str) -> list[int]:
        found = []
        for entry in Path("/proc").iterdir():
            try:
                words = (entry / "cmdline").read_text().replace("\0", " ") if entry.name.isdigit() else ""
            except OSError:
                continue
            if f"--type={kind}" in words and str(self.profile) in words:
                found.append(int(entry.name))
        return found


def on_screen(site: Site, eventually: Callable[..., bool], *, times: int = 1) -> None:
    assert eventually(lambda: site.asked >= times, 60)


@needs_chromium
def test_an_endless_loop_in_the_page_is_noticed(site: Site, tmp_path: Path, eventually: Callable[..., bool]) -> None:
    site.page = LOOPS
    show = Show(site.url, tmp_path / "profile")
    on_screen(site, eventually)
    show.thread.join(NOTICED_S)
    assert show.why == "it does not answer"
    assert show.processes("renderer") == []


@needs_chromium
def test_a_frozen_renderer_is_noticed(site: Site, tmp_path: Path, eventually: Callable[..., bool]) -> None:
    show = Show(site.url, tmp_path / "profile")
    on_screen(site, eventually)
    assert eventually(lambda: bool(show.processes("renderer")))
    end_s = time.monotonic() + NOTICED_S
    while show.thread.is_alive() and time.monotonic() < end_s:
        for pid in show.processes("renderer"):  # on a busy machine the one with the page may come after a spare one
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGSTOP)
        show.thread.join(0.2)
    assert show.why
    # a killed process that is not our child is gone a moment later
    assert eventually(lambda: show.processes("renderer") == [], 60), "stopped processes are ended as well"


@needs_chromium
def test_the_command_starts_a_crashed_browser_anew(site: Site, tmp_path: Path, eventually: Callable[..., bool]) -> None:
    assert CHROMIUM is not None
    profile = tmp_path / "profile"
    words = [
        sys.executable,
        "-m",
        "edge",
        "kiosk",
        "watch",
        "--url",
        site.url + "login#token=secret",
        "--every",
        "1",
    ]
    process = subprocess.Popen([*words, "--profile", str(profile), "--", CHROMIUM, *FLAGS], cwd=ROOT)
    try:
        on_screen(site, eventually)
        (profile / "left-over").write_text("x")
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        words = Path(f"/proc/{children[0]}/cmdline").read_text().split("\0")
        assert not [word for word in words if "secret" in word]
        os.kill(int(children[0]), signal.SIGKILL)
        on_screen(site, eventually, times=2)
        assert not (profile / "left-over").exists()
    finally:
        process.terminate()
        assert process.wait(60) == 0
    time.sleep(0.2)


@needs_chromium
def test_another_page_than_ours_is_replaced(site: Site, tmp_path: Path, eventually: Callable[..., bool]) -> None:
    site.page = "<!doctype html><p>an error page of the browser</p>"
    show = Show(site.url, tmp_path / "profile", every_s=0.3)
    on_screen(site, eventually, times=3)
    show.thread.join(NOTICED_S)
    assert "shows something else" in show.why


def test_it_waits_until_the_device_answers(site: Site, tmp_path: Path) -> None:
    watch = Watch(site.url, ["false"], tmp_path, Pace(0.1, 1.0))
    assert watch.answers()
    site.close()
    assert not watch.answers()


def test_a_browser_that_ends_at_once_is_no_hang() -> None:
    browser = Browser(["false"], os.environ)
    with pytest.raises(Stalled, match="has ended"):
        browser.attach(timeout_s=5)
    browser.end()
    browser.end()
    with pytest.raises(FileNotFoundError):
        Browser(["/nowhere/chromium"], os.environ)


def test_scripts_and_units_are_sound(tmp_path: Path) -> None:
    script = ROOT / "systemd" / "kiosk" / "face-edge-wall"
    subprocess.run(["bash", "-n", script], check=True)
    fake = tmp_path / "bin"
    fake.mkdir()
    (fake / "chromium").symlink_to("/bin/true")
    environment = {
        "PATH": f"{fake}:/usr/bin:/bin",
        "FACE_EDGE": "/bin/echo",
        "RUNTIME_DIRECTORY": "/run/w",
        "WALL_FLAGS": "--a --b",
    }
    said = subprocess.run([script], env=environment, capture_output=True, text=True, check=True).stdout.split()
    assert said[:4] == ["kiosk", "watch", "--profile", f"/run/w/face-edge-wall-{os.getuid()}"]
    assert {
        "--kiosk",
        "--noerrdialogs",
        "--autoplay-policy=no-user-gesture-required",
        "--ozone-platform=wayland",
    } < set(said)
    assert said[-2:] == ["--a", "--b"]
    if shutil.which("shellcheck"):
        subprocess.run(["shellcheck", script], check=True)


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed")
def test_the_unit_verifies(tmp_path: Path) -> None:
    text = (ROOT / "systemd" / "face-edge-kiosk.service").read_text()
    unit = tmp_path / "face-edge-kiosk.service"
    unit.write_text(text.replace("/usr/bin/cage", "/bin/true").replace("User=face-wall", "User=root"))
    found = subprocess.run(["systemd-analyze", "verify", unit], capture_output=True, text=True, check=False)
    ours = [line for line in found.stderr.splitlines() if unit.name in line]
    assert (found.returncode, ours) == (0, [])
