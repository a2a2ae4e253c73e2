"""A whole device in its own process, run as by the service manager, with faults to inject.

Run as ``python -m tests.drills.appliance HANG_S WORDS…`` this module is that process: ``face-edge WORDS`` with the
drills' camera as source ``drill`` and the drills' clock. ``HANG_S`` is how long a driver may hang, 0 for the default.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING, Any, Self

from edge.core.errors import EdgeError, SourceError
from edge.runtime.local import ask
from edge.util.files import write_text
from tests.drills.camera import CONTROL, FaultControl

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path
    from types import TracebackType

NODE = "drill"
MODULE = "tests.drills.appliance"
PATIENCE_S = 90.0
_POLL_S = 0.05
_END_S = 10.0


class DrillDevice:
    """Context manager for a device process; ``flags`` are settings by dotted key.

    ``within`` is a command prefix that runs the command in the same process, such as ``ip netns exec NAME``.
    """

    def __init__(
        self,
        folder: Path,
        *,
        broker: str = "off",
        hang_s: float = 0.0,
        module: str = MODULE,
        within: Sequence[str] = (),
        **flags: Any,
    ) -> None:
        self._within = within
        self.state, self._runtime = folder / "state", folder / "runtime"
        self._control, self._hang_s, self._module = folder / "control.json", hang_s, module
        for each in (self.state, self._runtime):
            each.mkdir(parents=True, exist_ok=True)
        self._flags = {
            "node.id": NODE,
            "source.uri": "drill",
            "source.width": 640,
            "source.height": 360,
            "source.open_timeout_s": 2,
            "source.read_timeout_s": 1,
            "source.backoff_max_s": 1,
            "mqtt.broker": broker,
            "mqtt.backoff_max_s": 1,
            **{name.replace("__", "."): value for name, value in flags.items()},
        }
        self._process: subprocess.Popen[str] | None = None
        self._reader: threading.Thread | None = None
        self.lines: list[str] = []
        self.inject()

    @property
    def pid(self) -> int:
        """Return the id of the running process."""
        return self._running.pid

    @property
    def _running(self) -> subprocess.Popen[str]:
        if self._process is None:
            msg = "the drill's device was not started"
            raise SourceError(msg)
        return self._process

    def come_back(self, session: str) -> tuple[float, bool]:
        """Kill and restart the device; return the seconds until it is ready and whether ``session`` continues."""
        self.kill()
        self.start()
        back_s = self.wait_looking()
        running = self.status()["session"]
        return back_s, running is not None and running["id"] == session

    def inject(self, camera: str = "ok", clock_s: float = 0.0) -> None:
        """Set the state of the camera and the clock."""
        write_text(self._control, json.dumps({"camera": camera, "clock_s": clock_s}))

    def start(self) -> None:
        """Start the process without waiting until it is ready."""
        words = [part for name, value in self._flags.items() for part in ("--set", f"{name}={value}")]
        command = [*self._within, sys.executable, "-m", self._module, str(self._hang_s), *words, "run"]
        environment = {name: value for name, value in os.environ.items() if not name.startswith("FACE_EDGE_")}
        environment |= {
            CONTROL: str(self._control),
            "STATE_DIRECTORY": str(self.state),
            "RUNTIME_DIRECTORY": str(self._runtime),
        }
        self._process = subprocess.Popen(
            command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, errors="replace"
        )
        self._reader = threading.Thread(target=self._read, args=(self._process,), daemon=True)
        self._reader.start()

    def ask(self, request: str, **fields: Any) -> dict[str, Any]:
        """Send a request to the device.

        Raises:
            EdgeError: it does not answer, or refuses.
        """
        return ask([self._runtime / f"face-edge-{NODE}.sock"], request, **fields)

    def mark(self, count: int) -> list[dict[str, Any]]:
        """Set markers and return their events from the answers."""
        return [self.ask("marker", label=str(index)) for index in range(count)]

    def status(self) -> dict[str, Any]:
        """Return the device's status, empty without an answer."""
        try:
            return self.ask("status")
        except EdgeError:
            return {}

    def wait_for(self, wanted: Callable[[dict[str, Any]], bool], timeout_s: float = PATIENCE_S) -> float:
        """Return the seconds until the status matches ``wanted``.

        Raises:
            SourceError: it does not in time, or the process has ended.
        """
        begun_s = time.monotonic()
        while not ((status := self.status()) and wanted(status)):
            over = time.monotonic() - begun_s > timeout_s
            if over or self._running.poll() is not None:
                outcome = f"ended with code {self._running.poll()}" if not over else f"was {status.get('camera')}"
                msg = f"the drill's device {outcome}: {' | '.join(self.lines[-3:])}"
                raise SourceError(msg)
            time.sleep(_POLL_S)
        return time.monotonic() - begun_s

    def wait_looking(self, timeout_s: float = PATIENCE_S) -> float:
        """Return the seconds until frames are processed."""
        return self.wait_for(lambda status: status["camera"] == "online", timeout_s)

    def wait_ended(self, timeout_s: float) -> int | None:
        """Return the exit code, or ``None`` if it still runs after ``timeout_s``."""
        try:
            return self._running.wait(timeout_s)
        except subprocess.TimeoutExpired:
            return None

    def kill(self) -> None:
        """Send SIGKILL; no effect after the end of the process."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._join()

    def stop(self) -> int:
        """Send SIGTERM and return the exit code, -9 if it had to be killed."""
        self._running.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._running.wait(_END_S)
        self.kill()
        return self._running.returncode

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.inject()  # a hanging camera would delay the end
        self.kill()

    def _join(self) -> None:
        if self._reader is not None:
            self._reader.join(_END_S)

    def _read(self, process: subprocess.Popen[str]) -> None:
        assert process.stderr is not None
        with process.stderr as stream:
            self.lines.extend(line.rstrip() for line in stream)


def main() -> int:
    """Run the device."""
    from pathlib import Path

    from edge.cli import main as face_edge
    from edge.runtime import build
    from edge.sources import factory

    hang_s = float(sys.argv[1])
    if hang_s:
        build.HANG_S = hang_s  # shortens the patience for the drill
    factory.BACKENDS["drill"] = "tests.drills.camera:FaultyCamera"
    _turn_the_clock(FaultControl(Path(os.environ[CONTROL])))
    return face_edge(sys.argv[2:])


def _turn_the_clock(control: FaultControl) -> None:
    """Shift the device's wall clock; the monotonic clock is unchanged, as on a board."""
    real_ns, real_s = time.time_ns, time.time

    time.time_ns = lambda: real_ns() + int(control.fault.clock_s * 1e9)
    time.time = lambda: real_s() + control.fault.clock_s


if __name__ == "__main__":
    code = main()
    sys.stderr.flush()
    os._exit(code)  # as the service does when a driver hangs
