"""What the upgrader asks the service manager and the device, and what it understands of the answers."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
from upgrade.judge import Report, Unit
from upgrade.service import WATCHDOG_S, Service, seconds

SYSTEMD = Path(__file__).resolve().parents[2] / "systemd"


@pytest.mark.parametrize(
    ("span", "expected"),
    [
        ("30s", 30),
        ("1min 30s", 90),
        ("3s", 3),
        ("500ms", 0.5),
        ("2h 1us", 7200.000001),
        ("infinity", 0),
        ("", 0),
        ("s", 0),
    ],
)
def test_time_spans_of_systemd(span: str, expected: float) -> None:
    assert seconds(span) == pytest.approx(expected)


@pytest.fixture
def shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A ``systemctl`` that prints this file and notes what it was asked."""
    fake = tmp_path / "bin" / "systemctl"
    fake.parent.mkdir()
    fake.write_text(f'#!/bin/sh\necho "$@" >>{tmp_path}/asked\ncat {tmp_path}/shown\n')
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", f"{fake.parent}:{os.environ['PATH']}")
    return tmp_path / "shown"


def test_the_unit_as_systemctl_shows_it(shown: Path) -> None:
    shown.write_text("NRestarts=2\nResult=exit-code\nMainPID=0\nActiveState=activating\nWatchdogUSec=5s\n")
    assert Service().unit() == Unit("activating", 0, 2, "exit-code")
    assert Service().watchdog_s() == 5
    shown.write_text("WatchdogUSec=0\n")
    assert Service().unit() == Unit("", 0)
    assert Service().watchdog_s() == WATCHDOG_S


def test_a_stop_waits_for_the_end_and_forgets_how_unclean_it_was(shown: Path) -> None:
    shown.write_text("ActiveState=failed\n")
    Service().stop()
    asked = (shown.parent / "asked").read_text().splitlines()
    assert asked[0] == "stop face-edge.service face-edge-fault.service"
    assert asked[-1] == "reset-failed face-edge.service face-edge-fault.service"


class Device:
    """Answers one request on a socket, as the device's loop does."""

    def __init__(self, path: Path, answer: Any) -> None:
        self._served = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._served.bind(str(path))
        self._served.listen()
        self._answer = answer if isinstance(answer, bytes) else json.dumps(answer).encode() + b"\n"
        self.asked = b""
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def _serve(self) -> None:
        visitor, _ = self._served.accept()
        with visitor:
            self.asked = visitor.recv(1000)
            visitor.sendall(self._answer)

    def close(self) -> None:
        self._thread.join(60)
        self._served.close()


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (
            {
                "status": "ok",
                "data": {
                    "camera": "online",
                    "info": {"source": "usb:0"},
                    "privacy": False,
                    "health": {"process_fps": 2},
                    "work": {"frames": 7, "states": 1, "broker": True},
                },
            },
            Report("online", "usb:0", frames=7, states=1, broker=True, frames_per_second=2.0),
        ),
        ({"status": "error", "error": "the device did not answer in time"}, None),
        ({"status": "ok", "data": None}, None),
        ({"status": "ok", "data": {"camera": "online"}}, None),
        ([], None),
        (b"no JSON", None),
        (b"", None),
    ],
)
def test_the_report_of_the_device(tmp_path: Path, answer: Any, expected: Report | None) -> None:
    device = Device(tmp_path / "face-edge-hall.sock", answer)
    assert Service(tmp_path).report() == expected
    device.close()
    assert device.asked == b'{"request": "status"}\n'


def test_without_a_socket_there_is_no_report(tmp_path: Path) -> None:
    assert Service(tmp_path / "gone").report() is None
    (tmp_path / "face-edge-hall.sock").touch()
    assert Service(tmp_path).report() is None


def test_the_real_device_is_understood(tmp_path: Path) -> None:
    from contextlib import ExitStack

    from edge import config
    from edge.core.events import State
    from edge.runtime import build
    from edge.runtime.local import control_path
    from edge.sinks.memory import MemorySink

    flags = {"node.id": "hall", "node.state_dir": tmp_path, "source.uri": "virtual:portrait", "source.fps": 5}
    sink, settings = MemorySink(), config.load(environment={}, flags=flags)
    with ExitStack() as resources:
        wiring = build.device(settings, extra_sinks=[sink])
        resources.enter_context(wiring.resources)
        loop = threading.Thread(target=wiring.device.run)
        loop.start()
        try:
            sink.wait_for(State)
            found = Service(control_path(settings).parent).report()
        finally:
            wiring.device.stop()
            loop.join(60)
    assert found is not None
    assert (found.camera, found.source, found.paused, found.broker) == ("online", "virtual:portrait", False, None)
    assert found.frames
    assert found.states


def test_an_unknown_command_shows_the_others() -> None:
    environment = os.environ | {"PYTHONPATH": str(SYSTEMD), "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, "-P", "-m", "upgrade", "nonsense"]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert "rollback" in done.stderr
