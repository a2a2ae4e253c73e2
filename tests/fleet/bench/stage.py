"""Private broker and database, with the product's commands running against them in their own processes."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, Self

from edge.collector.database.driver import import_psycopg
from edge.collector.services import Mosquitto, PostgreSQL
from edge.core.errors import SinkError
from tests.fleet.bench.usage import Usage, usage

if TYPE_CHECKING:
    from types import TracebackType

_READY_TIMEOUT_S = 60.0
_PROGRAM = (sys.executable, "-m", "edge")
_LABORATORY = (sys.executable, "-m", "tests.lab")


class Command:
    """Running ``face-edge`` command; ``documents`` are its ``--json`` outputs so far."""

    def __init__(self, *arguments: str, program: tuple[str, ...] = _PROGRAM) -> None:
        self.documents: list[dict[str, Any]] = []
        self.process = subprocess.Popen([*program, *arguments, "--json"], stdout=subprocess.PIPE, text=True)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        self.documents.extend(json.loads(line) for line in self.process.stdout)

    def wait(self) -> list[dict[str, Any]]:
        """Wait for its end and return its output."""
        self.process.wait()
        self._reader.join()
        return self.documents

    def kill(self) -> None:
        """Send SIGKILL."""
        self.process.kill()
        self.wait()

    def stop(self) -> dict[str, Any]:
        """Send SIGTERM and return the last output."""
        self.process.terminate()
        documents = self.wait()
        return documents[-1] if documents else {}


class BenchStage:
    """Context manager that stops everything it started."""

    def __init__(self) -> None:
        self._stack = ExitStack()
        self.collectors: dict[str, Command] = {}

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            # as much as a small server of one's own would be given; commits wait for the disk as they must
            self.database = stack.enter_context(PostgreSQL(shared_buffers="256MB", max_wal_size="2GB"))
            self.broker = stack.enter_context(Mosquitto())
            stack.callback(self._stop_collectors)
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def collect(self, *instances: str) -> None:
        """Start collectors and wait until they listen."""
        for instance in instances:
            self.collectors[instance] = Command(
                "--log-level", "error", "collect", "--broker", self.broker.uri, "--database", self.database.uri,
                "--instance", instance, "--status-every", "0.5",
            )  # fmt: skip
        until_s = time.monotonic() + _READY_TIMEOUT_S
        for instance in instances:
            documents = self.collectors[instance].documents
            while not (documents and documents[-1]["broker"] == "connected"):
                if time.monotonic() > until_s:
                    msg = f"collector {instance} does not listen: {documents[-1:]}"
                    raise SinkError(msg)
                time.sleep(0.05)

    def simulate(self, *, devices: int, rate: float, seconds: float, options: tuple[str, ...] = ()) -> Command:
        """Start a simulator."""
        return Command(
            "--log-level", "error", "simulate", "--broker", self.broker.uri, "--devices", str(devices),
            "--rate", str(rate), "--seconds", str(seconds), "--verify", self.database.uri, *options,
            program=_LABORATORY,
        )  # fmt: skip

    def stop_collectors(self) -> list[dict[str, Any]]:
        """Stop the collectors and return their totals; the broker keeps their sessions."""
        totals = [collector.stop() for collector in self.collectors.values()]
        self.collectors.clear()
        return totals

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        """Return all rows of a query."""
        with import_psycopg().connect(self.database.uri, autocommit=True) as connection:
            rows: list[tuple[Any, ...]] = connection.execute(sql).fetchall()
        return rows

    def kill(self, instance: str) -> None:
        """Send SIGKILL to a collector."""
        self.collectors[instance].kill()

    def usage(self, simulator: Command | None = None) -> dict[str, Usage]:
        """Return the usage of each part so far, summed over the collectors."""
        parts: dict[str, list[int]] = {
            "broker": [self.broker.pid],
            "database": [self.database.pid],
            "collectors": [collector.process.pid for collector in self.collectors.values()],
            "simulator": [] if simulator is None else [simulator.process.pid],
        }
        return {name: _sum([usage(pid) for pid in pids]) for name, pids in parts.items()}

    def _stop_collectors(self) -> None:
        for collector in self.collectors.values():
            collector.kill()


def _sum(parts: list[Usage]) -> Usage:
    return Usage(sum(part.cpu_s for part in parts), sum(part.memory_mb for part in parts))
