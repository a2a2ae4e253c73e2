"""Commands through the socket beside the locks, to a real device and to none."""

from __future__ import annotations

import json
import socket
import stat
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from edge import config as configuration
from edge.core.commands import Answer, CommandQueue, Mark, StartSession
from edge.core.errors import EdgeError
from edge.core.events import CameraStatus, SessionKind
from edge.recording.file import SessionFile
from edge.recording.paths import find_sessions, session_path
from edge.runtime import build
from edge.runtime.local import LocalControl, NotRunning, ask, control_path, control_paths
from edge.sinks.memory import MemorySink

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from edge.config import Config


@contextmanager
def answering(path: Path, answer: Answer) -> Iterator[list[Any]]:
    """A socket whose requests a thread serves, as the loop does."""
    inbox, asked, over = CommandQueue(), [], threading.Event()

    def loop() -> None:
        while not over.wait(0.01):
            for request in inbox.take():
                asked.append(request.command)
                request.answer(answer)

    thread = threading.Thread(target=loop)
    thread.start()
    try:
        with LocalControl(path, inbox):
            yield asked
    finally:
        over.set()
        thread.join(60)


def test_a_command_and_its_answer(tmp_path: Path) -> None:
    path = tmp_path / "new" / "x.sock"
    with answering(path, Answer({"id": "1"})) as asked:
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert ask([tmp_path / "none.sock", path], "marker", label="the kiss") == {"id": "1"}
        assert ask([path], "session_start", title="t", kind="game", planned_s=5) == {"id": "1"}
    assert asked == [Mark("the kiss"), StartSession("t", SessionKind.GAME, 5)]
    assert not path.exists()


def test_a_long_path_serves_too(tmp_path: Path) -> None:
    path = tmp_path / ("d" * 120) / "x.sock"
    with answering(path, Answer({})):
        assert ask([path], "marker") == {}


def test_what_a_crash_left_there_is_no_hindrance(tmp_path: Path) -> None:
    path = tmp_path / "x.sock"
    dead = socket.socket(socket.AF_UNIX)
    dead.bind(str(path))
    dead.close()
    with pytest.raises(NotRunning):
        ask([path], "marker")
    with answering(path, Answer({})):
        assert ask([path], "marker") == {}


def test_refusals_are_one_line(tmp_path: Path) -> None:
    path = tmp_path / "x.sock"
    with answering(path, Answer(error="no session is running")):
        with pytest.raises(EdgeError, match="refuses: no session is running"):
            ask([path], "session_stop")
        with pytest.raises(EdgeError, match="unknown request"):
            ask([path], "reboot")
        with pytest.raises(EdgeError, match="lable: unknown field"):
            ask([path], "marker", lable="x")


@pytest.mark.parametrize("sent", [b"\n", b"[]\n", b"{\n", b"\xff\n", b'{"request": 7}\n', b"x" * 50_000])
def test_nonsense_is_refused_and_the_next_one_served(tmp_path: Path, sent: bytes) -> None:
    path = tmp_path / "x.sock"
    with answering(path, Answer({})):
        with socket.socket(socket.AF_UNIX) as visitor:
            visitor.settimeout(5)
            visitor.connect(str(path))
            try:
                visitor.sendall(sent)
                reply = json.loads(visitor.recv(4096))
            except (BrokenPipeError, ConnectionResetError):
                reply = {"status": "error"}  # hung up on before all was read
        assert reply["status"] == "error"
        assert ask([path], "marker") == {}


def test_who_dawdles_holds_nobody_up_for_long(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edge.runtime.local._PATIENCE_S", 0.2)
    path = tmp_path / "x.sock"
    with answering(path, Answer({})), socket.socket(socket.AF_UNIX) as idler:
        idler.connect(str(path))
        assert ask([path], "marker") == {}


def settings(folder: Path, **flags: Any) -> Config:
    base = {"node.id": "test", "node.state_dir": folder, "source.uri": "virtual:portrait", "sessions.k": 1}
    return configuration.load(environment={}, flags=base | {"source.width": 320, "source.height": 240} | flags)


@contextmanager
def running(config: Config) -> Iterator[MemorySink]:
    sink = MemorySink()
    wiring = build.device(config, extra_sinks=[sink])
    with wiring.resources:
        thread = threading.Thread(target=wiring.device.run)
        thread.start()
        try:
            sink.wait_for(CameraStatus)
            yield sink
        finally:
            wiring.device.stop()
            thread.join(60)
            assert not thread.is_alive()


@pytest.fixture(autouse=True)
def _own_runtime_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RUNTIME_DIRECTORY", str(tmp_path / "run"))


def test_a_session_on_a_real_device(tmp_path: Path) -> None:
    config = settings(tmp_path)
    path = session_path(config)
    with running(config):
        started = ask(control_paths(config), "session_start", title="Matinee", planned_s=1.2)
        ask(control_paths(config), "marker", label="now")
        with SessionFile(path) as file:
            [record] = file.sessions()
            assert record.running
        for _ in range(100):
            with SessionFile(path) as file:
                [record] = file.sessions()
            if not record.running:
                break
            threading.Event().wait(0.05)
    assert (record.id, record.title, record.ended_by) == (started["id"], "Matinee", "plan")
    assert record.about["model"]
    assert 0.5 < record.about["accuracy"]["accuracy"] < 1
    with SessionFile(path) as file:
        found = file.recording(record)
    assert [second.second for second in found.seconds][:1] == [0]
    assert [h.type for h in found.events if h.type in {"session_start", "marker", "session_end"}] == [
        "session_start", "marker", "session_end",
    ]  # fmt: skip
    assert find_sessions(config) == path


def test_a_second_device_of_the_same_node_leaves_sessions_alone(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    config = settings(tmp_path)
    with running(config):
        with running(config):
            pass
        assert any("keeps no sessions" in record.message for record in caplog.records)
        assert control_path(config).exists()
        assert ask(control_paths(config), "health_check")["process_fps"] >= 0
