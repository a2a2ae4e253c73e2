"""Private, unprivileged PostgreSQL server and Mosquitto broker for benchmarks and tests, removed afterwards."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Self

from edge.core.errors import HardwareUnavailable, SinkError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import TracebackType

_START_TIMEOUT_S = 60.0
_STOP_TIMEOUT_S = 30.0
_LAST_WORDS = 3


class Service:
    """A server process on 127.0.0.1 in its own folder; it may be killed and started again."""

    name: str
    stop_signal = signal.SIGTERM

    def __init__(self, program: Path) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = int(probe.getsockname()[1])
        # directly below the temporary folder, since other users than root must have access
        self.folder = Path(tempfile.mkdtemp(prefix=f"face-edge-{self.name}-"))
        self.log = self.folder / "server.log"
        self.process: subprocess.Popen[bytes] | None = None
        self._program = program
        # both refuse to run as root, or should
        self._user = "nobody" if os.geteuid() == 0 else None
        if self._user is not None:
            shutil.chown(self.folder, self._user)

    def start(self) -> Self:
        """Start and wait until the server answers.

        Raises:
            SinkError: It ended at once or never answered; contains the last lines of its log.
        """
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(  # noqa: S603 - our own command line
                self._command(), stdout=log, stderr=log, user=self._user, cwd=self.folder
            )
        deadline_s = time.monotonic() + _START_TIMEOUT_S
        while not self._answers():
            if self.process.poll() is not None or time.monotonic() > deadline_s:
                said = " | ".join(self.log.read_text(errors="replace").strip().splitlines()[-_LAST_WORDS:])
                msg = f"{self.name} does not start: {said}"
                raise SinkError(msg)
            time.sleep(0.02)
        return self

    @property
    def pid(self) -> int:
        """Id of the process; 0 if none runs."""
        return 0 if self.process is None else self.process.pid

    def kill(self) -> None:
        """Kill the process with SIGKILL; idempotent."""
        process, self.process = self.process, None
        if process is not None:
            process.kill()
            process.wait()

    def stop(self) -> None:
        """Shut down in order; idempotent."""
        process, self.process = self.process, None
        if process is not None:
            process.send_signal(self.stop_signal)
            process.wait(_STOP_TIMEOUT_S)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _command(self) -> Sequence[str | Path]:
        raise NotImplementedError

    def _answers(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0


class Mosquitto(Service):
    """Broker that keeps sessions across restarts, as a fleet's must; ``lines`` are added to its settings."""

    name = "mosquitto"

    def __init__(self, lines: str = "") -> None:
        super().__init__(_found("mosquitto", ["/usr/sbin", "/usr/local/sbin"], "sudo apt install mosquitto"))
        self._config = self.folder / "mosquitto.conf"
        self._config.write_text(
            f"listener {self.port} 127.0.0.1\nallow_anonymous true\npersistence true\npersistence_location "
            f"{self.folder}/\nautosave_interval 1\nmax_queued_messages 0\nmax_inflight_messages 100\n"
            f"set_tcp_nodelay true\nlog_type error\n{lines}\n"
        )

    @property
    def uri(self) -> str:
        """URL for ``--broker``."""
        return f"mqtt://127.0.0.1:{self.port}"

    def _command(self) -> Sequence[str | Path]:
        return [self._program, "-c", self._config]


class PostgreSQL(Service):
    """Cluster with one database; commits are durable and timestamped, other settings are defaults and ``settings``."""

    name = "postgresql"
    stop_signal = signal.SIGINT  # "fast" shutdown: sessions are ended, the state is saved

    def __init__(self, **settings: str) -> None:
        folders = sorted(map(str, Path("/usr/lib/postgresql").glob("*/bin")), reverse=True)
        super().__init__(_found("postgres", folders, "sudo apt install postgresql"))
        self._settings = {"track_commit_timestamp": "on", "unix_socket_directories": "", **settings}
        self._data = self.folder / "data"
        self._initialised = False

    @property
    def uri(self) -> str:
        """URL for ``--database``."""
        return f"postgresql://edge@127.0.0.1:{self.port}/postgres"

    def start(self) -> Self:
        """Start and wait until the server answers; the first start creates the cluster.

        Raises:
            SinkError: it does not start.
        """
        if not self._initialised:
            command: list[str | Path] = [
                self._program.with_name("initdb"),
                "-D",
                self._data,
                "-U",
                "edge",
                "-A",
                "trust",
            ]
            options = ["-E", "UTF8", "--locale=C", "--no-sync"]
            made = subprocess.run(  # noqa: S603 - our own command line
                [*command, *options], capture_output=True, text=True, user=self._user, cwd=self.folder, check=False
            )
            if made.returncode:
                msg = f"initdb failed: {made.stderr.strip().splitlines()[-1]}"
                raise SinkError(msg)
            self._initialised = True
        # a killed server leaves its lock file behind
        (self._data / "postmaster.pid").unlink(missing_ok=True)
        return super().start()

    def _command(self) -> Sequence[str | Path]:
        options = [f"-c{name}={value}" for name, value in self._settings.items()]
        return [self._program, "-D", self._data, "-p", str(self.port), "-h", "127.0.0.1", *options]

    def _answers(self) -> bool:
        ready: list[str | Path] = [self._program.with_name("pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(self.port)]
        return super()._answers() and subprocess.run(ready, check=False).returncode == 0  # noqa: S603


def _found(program: str, folders: Sequence[str], remedy: str) -> Path:
    found = shutil.which(program, path=":".join([*folders, os.environ.get("PATH", "")]))
    if found is None:
        msg = f"{program} is not installed: {remedy}"
        raise HardwareUnavailable(msg)
    return Path(found)
