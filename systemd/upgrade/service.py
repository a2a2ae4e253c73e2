"""The service as it runs: the service manager's commands, and the answer of the device's loop."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
from pathlib import Path

from upgrade.judge import Report, Unit

UNIT = "face-edge.service"
FAULT_UNIT = "face-edge-fault.service"
SOCKETS = Path("/run/face-edge")
WATCHDOG_S = 30.0
"""Assumed for a unit without a watchdog."""
_ANSWER_S = 7.0
_LONGEST_ANSWER = 1 << 20
_STOP_S = 300.0
_LOG_LINES = 12


class Service:
    """Commands for the service manager and questions to the device; ``sockets`` is where the device listens."""

    def __init__(self, sockets: Path = SOCKETS) -> None:
        self._sockets = sockets

    def start(self) -> bool:
        """Start the service and wait until it is ready; ``False`` where it ended before that."""
        _systemctl("reset-failed", UNIT)
        return _systemctl("start", UNIT).returncode == 0

    def stop(self) -> None:
        """Stop the service and its fault look; a slow or unclean end is an end all the same."""
        deadline_s = time.monotonic() + _STOP_S
        while time.monotonic() < deadline_s:
            _systemctl("stop", UNIT, FAULT_UNIT)
            if self.unit().state in ("inactive", "failed"):
                break
            time.sleep(0.2)
        _systemctl("reset-failed", UNIT, FAULT_UNIT)

    def restart(self) -> None:
        """Queue a restart."""
        _systemctl("restart", "--no-block", UNIT)

    def reload_units(self) -> None:
        """Have the service manager read its unit files again."""
        _systemctl("daemon-reload")

    def unit(self) -> Unit:
        """How the service manager sees the service."""
        found = _shown("ActiveState", "MainPID", "NRestarts", "Result")
        return Unit(
            state=found.get("ActiveState", ""),
            pid=int(found.get("MainPID") or 0),
            restarts=int(found.get("NRestarts") or 0),
            result=found.get("Result") or "success",
        )

    def watchdog_s(self) -> float:
        """The period of the service's watchdog, which the service manager knows once the service has started."""
        return seconds(_shown("WatchdogUSec").get("WatchdogUSec", "")) or WATCHDOG_S

    def report(self) -> Report | None:
        """What the device's loop answers; ``None`` where it does not."""
        for path in sorted(self._sockets.glob("face-edge-*.sock")):
            try:
                return Report.of(_ask(path))
            except (OSError, ValueError, KeyError, TypeError, AttributeError):
                continue
        return None

    def log_tail(self, since_epoch_s: float) -> str:
        """The last lines that the service has logged since then."""
        command = ["journalctl", "-u", UNIT, "-n", str(_LOG_LINES), "--no-pager", "-o", "cat"]
        done = subprocess.run([*command, f"--since=@{int(since_epoch_s)}"], capture_output=True, text=True, check=False)
        return done.stdout.strip()

    def guard(self, name: str) -> None:
        """Run ``guard`` of this package as a unit that outlives this process."""
        folder = Path(__file__).resolve().parent.parent
        options = [f"--unit={name}", f"--setenv=PYTHONPATH={folder}", "--setenv=PYTHONDONTWRITEBYTECODE=1"]
        command = [sys.executable, "-P", "-m", "upgrade", "guard"]
        subprocess.run(["systemd-run", "--quiet", "--collect", *options, *command], check=False)


def seconds(span: str) -> float:
    """Read a time span as ``systemctl show`` prints it (``1min 30s``, ``500ms``); 0 for ``infinity`` and nonsense."""
    units = {"us": 1e-6, "ms": 1e-3, "s": 1.0, "min": 60.0, "h": 3600.0, "d": 86400.0}
    total = 0.0
    for part in span.split():
        number = part.rstrip("abcdefghijklmnopqrstuvwxyz")
        try:
            total += float(number) * units[part[len(number) :]]
        except (ValueError, KeyError):
            return 0.0
    return total


def _systemctl(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["systemctl", *arguments], capture_output=True, text=True, check=False)


def _shown(*properties: str) -> dict[str, str]:
    done = _systemctl("show", UNIT, *(f"--property={name}" for name in properties))
    return dict(line.split("=", 1) for line in done.stdout.splitlines() if "=" in line)


def _ask(path: Path) -> dict[str, object]:
    """Put ``status`` to the device that listens at ``path``."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as device:
        device.settimeout(_ANSWER_S)
        device.connect(str(path))
        device.sendall(b'{"request": "status"}\n')
        answer = b""
        while not answer.endswith(b"\n") and len(answer) < _LONGEST_ANSWER:
            part = device.recv(65536)
            if not part:
                break
            answer += part
    data = json.loads(answer)["data"]
    if not isinstance(data, dict):
        raise TypeError
    return data
