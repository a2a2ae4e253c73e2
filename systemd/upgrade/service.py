"""The running service: systemd's commands, and the answers of the device's main loop."""

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
"""Watchdog period in seconds assumed for a unit without one."""
_ANSWER_S = 7.0
_LONGEST_ANSWER = 1 << 20
_STOP_S = 300.0
_LOG_LINES = 12


class Service:
    """Access to systemd and to the device, which listens in the folder ``sockets``."""

    def __init__(self, sockets: Path = SOCKETS) -> None:
        self._sockets = sockets

    def start(self) -> bool:
        """Start the service and wait until it is ready; return ``False`` if it ends before that."""
        _systemctl("reset-failed", UNIT)
        return _systemctl("start", UNIT).returncode == 0

    def stop(self) -> None:
        """Stop the service and its fault display; a slow or unclean end counts as stopped."""
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
        """Make systemd reload its unit files."""
        _systemctl("daemon-reload")

    def unit(self) -> Unit:
        """Return the state of the service in systemd."""
        found = _shown("ActiveState", "MainPID", "NRestarts", "Result")
        return Unit(
            state=found.get("ActiveState", ""),
            pid=int(found.get("MainPID") or 0),
            restarts=int(found.get("NRestarts") or 0),
            result=found.get("Result") or "success",
        )

    def watchdog_s(self) -> float:
        """Return the service's watchdog period in seconds, which systemd knows once the service has started."""
        return seconds(_shown("WatchdogUSec").get("WatchdogUSec", "")) or WATCHDOG_S

    def report(self) -> Report | None:
        """Return the answer of the device's loop; ``None`` if it does not answer."""
        for path in sorted(self._sockets.glob("face-edge-*.sock")):
            try:
                return Report.of(_ask(path))
            except (OSError, ValueError, KeyError, TypeError, AttributeError):
                continue
        return None

    def log_tail(self, since_epoch_s: float) -> str:
        """Return the last lines of the service's log since ``since_epoch_s`` (Unix seconds)."""
        command = ["journalctl", "-u", UNIT, "-n", str(_LOG_LINES), "--no-pager", "-o", "cat"]
        done = subprocess.run([*command, f"--since=@{int(since_epoch_s)}"], capture_output=True, text=True, check=False)
        return done.stdout.strip()

    def guard(self, name: str) -> None:
        """Run this package's ``guard`` as a unit that outlives this process."""
        folder = Path(__file__).resolve().parent.parent
        options = [f"--unit={name}", f"--setenv=PYTHONPATH={folder}", "--setenv=PYTHONDONTWRITEBYTECODE=1"]
        command = [sys.executable, "-P", "-m", "upgrade", "guard"]
        subprocess.run(["systemd-run", "--quiet", "--collect", *options, *command], check=False)


def seconds(span: str) -> float:
    """Parse a time span of ``systemctl show`` (``1min 30s``, ``500ms``) to seconds; 0 for ``infinity``."""
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
    """Request ``status`` from the device that listens at ``path``."""
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
