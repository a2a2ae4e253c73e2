"""The end of the chain of recovery: what only a new process can mend, ends this one; all else keeps it alive."""

from __future__ import annotations

import socket
import threading
from typing import TYPE_CHECKING, Any

import pytest

from edge import config as configuration
from edge.core.errors import SourceError
from edge.runtime import build
from edge.runtime.health_supervisor import HealthSupervisor
from edge.runtime.manager import ServiceManager
from edge.sources.factory import create
from edge.sources.newest import NewestFrame
from edge.sources.passive import PassiveSource

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from edge.config import Config, SourceConfig
    from edge.core.types import Frame


def settings(tmp_path: Path, **flags: Any) -> Config:
    return configuration.load(environment={}, flags={"node.id": "test", "node.state_dir": tmp_path, **flags})


class Stuck(PassiveSource):
    """A live source whose driver never answers a read."""

    uri, lossless, epoch_ns = "picamera", False, None

    def __init__(self) -> None:
        self.freed = threading.Event()

    def open(self) -> None:
        """Works."""

    def read(self) -> Frame:
        """Hang."""
        self.freed.wait()
        msg = "late"
        raise SourceError(msg)

    def close(self) -> None:
        """Works."""


@pytest.fixture
def stuck() -> Iterator[Stuck]:
    made = Stuck()
    yield made
    made.freed.set()


@pytest.fixture
def vitals() -> Callable[..., HealthSupervisor]:
    def make(frames: NewestFrame, *, hang_s: float = 60.0, give_up_s: float = 0.0) -> HealthSupervisor:
        return HealthSupervisor(frames, ServiceManager({}), hang_s=hang_s, give_up_s=give_up_s)

    return make


@pytest.fixture
def source_settings(tmp_path: Path) -> SourceConfig:
    return settings(tmp_path, **{"source.backoff_max_s": 0.05}).source


def test_a_driver_that_never_answers_ends_the_process(
    stuck: Stuck, vitals: Callable[..., HealthSupervisor], source_settings: SourceConfig, eventually: Callable[..., Any]
) -> None:
    frames = NewestFrame(stuck, source_settings)
    judge = vitals(frames, hang_s=0.2)
    frames.start()
    judge.check(paused=False, away=False)
    assert eventually(lambda: frames.held_up_s > 0.2)
    with pytest.raises(SourceError, match=r"picamera: its driver has not answered for 0\.2 s: ending"):
        judge.check(paused=False, away=False)
    judge.check(paused=True, away=False)  # who is not to look misses nothing
    stuck.freed.set()
    frames.stop()
    assert frames.held_up_s == 0


def test_a_camera_that_stays_away_ends_the_process_only_where_that_is_wanted(
    vitals: Callable[..., HealthSupervisor], tmp_path: Path, eventually: Callable[..., Any]
) -> None:
    source = settings(tmp_path, **{"source.uri": "usb:97", "source.backoff_max_s": 0.05}).source
    frames = NewestFrame(create(source), source)
    frames.start()
    assert eventually(lambda: frames.failing and frames.away_s > 0.1)
    vitals(frames).check(paused=False, away=True)
    judge = vitals(frames, give_up_s=0.1)
    judge.check(paused=False, away=False)
    with pytest.raises(SourceError, match=r"usb:97: no picture for 0\.1 s: .*source\.give_up_s = 0"):
        judge.check(paused=False, away=True)
    assert frames.held_up_s < 5, "a driver that fails in order is not one that hangs"
    frames.stop()


def test_the_service_manager_follows_the_device(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        manager.settimeout(10)
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        monkeypatch.setenv("WATCHDOG_USEC", "300000")
        monkeypatch.delenv("WATCHDOG_PID", raising=False)
        flags: dict[str, Any] = {"source.uri": "virtual:portrait", "source.fps": 10}
        wiring = build.device(settings(tmp_path, **flags, **{"source.width": 320, "source.height": 240}))
        heard: list[str] = []

        def hear(text: str) -> None:
            while text not in heard:
                heard.append(manager.recv(4096).decode())

        with wiring.resources:
            running = threading.Thread(target=wiring.device.run)
            running.start()
            try:
                hear("WATCHDOG=1")
                wiring.device.toggle_pause()
                hear("STATUS=paused")
                heard.clear()
                hear("WATCHDOG=1")  # a pause is no fault
            finally:
                wiring.device.stop()
                running.join(60)
            hear("STOPPING=1")
        assert heard.count("STOPPING=1") == 1


def test_a_device_ends_with_the_reason(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    flags = {"source.uri": "usb:97", "source.backoff_max_s": 0.1, "source.give_up_s": 0.3}
    wiring = build.device(settings(tmp_path, **flags))
    with wiring.resources, pytest.raises(SourceError, match=r"no picture for 0\.3 s"):
        wiring.device.run()
