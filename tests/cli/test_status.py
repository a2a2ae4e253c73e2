"""``face-edge status`` beside a device that runs in another thread."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from edge.cli import main
from edge.core.events import CameraStatus, Health, State
from edge.system import board

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.fixture
def status(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., Any]:
    """``status(*options)``: exit code and what was printed."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("RUNTIME_DIRECTORY", raising=False)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))

    def run(*options: str) -> tuple[int, str, str]:
        capsys.readouterr()
        code = main(["--set", f"node.state_dir={tmp_path}", "--set", "node.id=n1", "status", *options])
        return code, *capsys.readouterr()

    return run


def test_a_device_says_how_it_is(running: Any, status: Callable[..., Any]) -> None:
    code, _, errors = status()
    assert (code, errors.count("\n")) == (1, 1)
    with running(**{"source.uri": "virtual:portrait", "source.fps": 5}) as (device, sink):
        sink.wait_for(State)
        code, out, _ = status()
        assert code == 0
        shown = dict(line.split(maxsplit=1) for line in out.splitlines())
        assert shown["node"].startswith("n1, version ")
        assert shown["camera"] == "virtual:portrait: online"
        assert shown["session"] == "none"
        assert shown["switches"] == "looking, displays on at 100 %"
        device.toggle_pause()
        sink.wait_for(CameraStatus, count=2)
        code, out, _ = status("--json")
        found = json.loads(out)
        assert (code, found["camera"], found["privacy"]) == (0, "paused", True)
        assert found["health"]["memory_mb"] > 10


def test_json_counts_the_work_since_the_start(
    running: Any, status: Callable[..., Any], mosquitto: Callable[..., Any], eventually: Callable[..., Any]
) -> None:
    def work() -> dict[str, Any]:
        return dict(json.loads(status("--json")[1])["work"])

    broker = mosquitto()
    with running(**{"source.uri": "virtual:portrait", "source.fps": 5, "mqtt.broker": broker.uri}) as (_, sink):
        sink.wait_for(State)
        eventually(lambda: work()["broker"])
        earlier = work()
        assert earlier["frames"] > 0
        assert earlier["states"] > 0
        eventually(lambda: work()["frames"] > earlier["frames"])
        broker.kill()
        eventually(lambda: work()["broker"] is False)


def test_without_a_feed_there_is_no_broker_to_reach(running: Any, status: Callable[..., Any]) -> None:
    with running(**{"source.uri": "virtual:portrait", "source.fps": 5}) as (_, sink):
        sink.wait_for(State)
        assert json.loads(status("--json")[1])["work"]["broker"] is None


def test_a_camera_that_is_away_is_the_exit_code(running: Any, status: Callable[..., Any]) -> None:
    with running(**{"source.uri": "usb:97"}) as (_, sink):
        sink.wait_for(CameraStatus)
        code, out, _ = status()
    assert code == 5
    assert "usb:97: offline" in out


def test_darkness_is_said_with_the_remedy(
    running: Any, status: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge.vision.light.TOO_DARK", 256.0)
    monkeypatch.setattr("edge.runtime.light_monitor.LEAST_S", 0.2)
    with running(**{"source.uri": "virtual:blank", "source.fps": 10}) as (_, sink):
        sink.wait_for(Health, count=2)
        _, out, _ = status()
    (line,) = (line for line in out.splitlines() if line.startswith("camera"))
    assert line.endswith("virtual:blank: online; too dark to see faces: add light or move the device")


def test_a_device_that_slows_itself_down_says_why(
    running: Any, status: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge.system.board.read", lambda: board.BoardReadings(temperature_c=90.0))
    with running(**{"source.uri": "virtual:blank", "source.fps": 10}) as (_, sink):
        sink.wait_for(CameraStatus)
        _, out, _ = status()
    (line,) = (line for line in out.splitlines() if line.startswith("frames"))
    assert line.endswith("; slowed down: the board is hot")
