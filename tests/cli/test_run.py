"""``run`` and ``demo`` as a user starts them: processes, signals, exit codes, one line each for what is wrong."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from edge.inference.manifest import packaged_model

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@pytest.fixture
def face_edge(tmp_path: Path) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Start ``face-edge ARGUMENTS`` in a folder of its own; killed at the end if it still runs."""
    started: list[subprocess.Popen[str]] = []
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("FACE_EDGE_", "COV_"))}

    def start(*arguments: str, **environment: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-m", "edge", "--set", f"node.state_dir={tmp_path}", *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=tmp_path,
            env={**kept, "PYTHONPATH": str(Path(__file__).parents[2]), **environment},
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


def lines_until(process: subprocess.Popen[str], topic: str) -> dict[str, Any]:
    """The first JSON line about ``topic``."""
    assert process.stdout is not None
    for line in process.stdout:
        document: dict[str, Any] = json.loads(line)
        if document["topic"] == topic:
            return document
    msg = f"never told {topic}: {process.communicate()[1]}"
    raise AssertionError(msg)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_in_time_and_offline_is_published(
    number: signal.Signals,
    face_edge: Callable[..., Any],
    mosquitto: Callable[..., Any],
    subscribe: Callable[..., Any],
    stopwatch: Callable[..., Any],
) -> None:
    broker = mosquitto()
    subscriber = subscribe(broker.port)
    process = face_edge("--set", "node.id=x", "run", "--source", "virtual", "--broker", broker.uri, "--json")
    lines_until(process, "event")
    subscriber.wait_payload("availability", "online")
    with stopwatch() as took:
        process.send_signal(number)
        _, errors = process.communicate(timeout=60)
    assert took.seconds < 15  # about one second where nothing else runs
    assert process.returncode == 0, errors
    assert "Traceback" not in errors
    subscriber.wait_payload("availability", "offline")


def test_sigusr1_pauses_and_resumes(face_edge: Callable[..., Any]) -> None:
    process = face_edge("run", "--source", "virtual", "--json")
    assert lines_until(process, "camera")["payload"] == "online"
    process.send_signal(signal.SIGUSR1)
    assert lines_until(process, "camera")["payload"] == "paused"
    process.send_signal(signal.SIGUSR1)
    assert lines_until(process, "camera")["payload"] == "online"


def test_sighup_has_the_configuration_read_again(face_edge: Callable[..., Any], tmp_path: Path) -> None:
    file = tmp_path / "device.toml"
    file.write_text('[source]\nuri = "virtual"\n')
    process = face_edge("--config", str(file), "run", "--json")
    lines_until(process, "event")
    file.write_text('[source]\nuri = "virtual"\nfps = 3\n[detector]\nmin_face = 0.9\n')
    process.send_signal(signal.SIGHUP)
    while lines_until(process, "state")["payload"]["people"]:
        pass  # until no face is large enough any more
    file.write_text("[detector]\nmin_face = 7\n")
    process.send_signal(signal.SIGHUP)
    told = [process.stderr.readline() for _ in range(4)]
    process.terminate()
    process.communicate()
    assert process.returncode == 0
    assert "now detector.min_face" in told[-3]
    assert "source.fps: takes effect after a restart" in told[-2]
    assert "stays as it was" in told[-1]
    assert "detector.min_face" in told[-1]


def test_sighup_says_what_a_restart_would_refuse(face_edge: Callable[..., Any], tmp_path: Path) -> None:
    file = tmp_path / "device.toml"
    file.write_text('[source]\nuri = "virtual"\n')
    process = face_edge("--config", str(file), "run", "--json")
    lines_until(process, "event")
    file.write_text('[source]\nuri = "virtual"\n[model]\npath = "gdconv-9m"\n')
    process.send_signal(signal.SIGHUP)
    told = process.stderr.readline()
    while "gdconv-9m" not in told:
        told = process.stderr.readline()
        assert told, "it ended without a word"
    process.terminate()
    process.communicate()
    assert process.returncode == 0
    assert "the configuration stays as it was" in told


def test_a_dead_device_is_announced_by_its_last_will(
    face_edge: Callable[..., Any], mosquitto: Callable[..., Any], subscribe: Callable[..., Any]
) -> None:
    broker = mosquitto()
    subscriber = subscribe(broker.port)
    process = face_edge("run", "--source", "virtual", "--broker", broker.uri)
    subscriber.wait_payload("availability", "online")
    process.kill()
    subscriber.wait_payload("availability", "offline")


def test_a_second_instance_is_refused(face_edge: Callable[..., Any], mosquitto: Callable[..., Any]) -> None:
    arguments = ("--set", "node.id=twin", "run", "--source", "virtual", "--broker", mosquitto().uri, "--json")
    first = face_edge(*arguments)
    lines_until(first, "camera")
    second = face_edge(*arguments)
    _, errors = second.communicate(timeout=60)
    assert second.returncode == 9
    assert "twin" in errors
    assert str(first.pid) in errors
    assert errors.count("\n") == 1


def test_it_runs_on_when_the_broker_comes_late(
    face_edge: Callable[..., Any], mosquitto: Callable[..., Any], subscribe: Callable[..., Any]
) -> None:
    broker = mosquitto(start=False)
    process = face_edge(
        "--set", "mqtt.backoff_max_s=0.2", "run", "--source", "virtual", "--broker", broker.uri, "--json"
    )
    lines_until(process, "event")
    broker.start()
    subscribe(broker.port).wait_payload("availability", "online")


@pytest.fixture
def bad(tmp_path: Path) -> dict[str, list[str]]:
    """Command lines that cannot work, by what is wrong."""
    model = tmp_path / packaged_model().name
    shutil.copy(packaged_model(), model)
    shutil.copy(packaged_model().with_suffix(".json"), model.with_suffix(".json"))
    data = bytearray(model.read_bytes())
    data[len(data) // 2] ^= 0xFF
    model.write_bytes(bytes(data))
    (tmp_path / "bad.toml").write_text('[source]\nurl = "usb:0"\n[mqtt]\nkeepalive_s = "soon"\n')
    return {
        "configuration": ["--config", str(tmp_path / "bad.toml"), "run"],
        "source": ["run", "--source", "telepathy"],
        "clip": ["run", "--source", str(tmp_path / "missing.mp4")],
        "model": ["--set", f"model.path={model}", "run", "--source", "virtual"],
    }


@pytest.mark.parametrize(
    ("case", "code", "says"),
    [
        ("configuration", 3, ["source.url", "did you mean 'uri'", "mqtt.keepalive_s"]),
        ("source", 3, ["'telepathy' is not a source", "picamera"]),
        ("clip", 5, ["missing.mp4: no such file"]),
        ("model", 6, ["expected sha256", "found"]),
    ],
)
def test_what_cannot_work_is_one_line_and_an_exit_code(
    case: str, code: int, says: list[str], bad: dict[str, list[str]], face_edge: Callable[..., Any]
) -> None:
    process = face_edge(*bad[case])
    _, errors = process.communicate(timeout=60)
    assert process.returncode == code, errors
    assert "Traceback" not in errors
    for part in says:
        assert part in errors


def test_a_taken_port_is_one_line(face_edge: Callable[..., Any]) -> None:
    pytest.importorskip("amqtt", reason="the embedded broker is not installed")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        process = face_edge("run", "--source", "virtual", "--broker", f"embedded:{port}")
        _, errors = process.communicate(timeout=60)
    assert process.returncode == 7
    assert f"port {port} is used by another program" in errors
    assert errors.count("\n") == 1


def test_a_machine_without_the_pis_camera_library_is_told_what_to_install(face_edge: Callable[..., Any]) -> None:
    if Path("/usr/lib/python3/dist-packages/picamera2").exists():
        pytest.skip("picamera2 is installed here")
    process = face_edge("run", "--source", "picamera")
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 8
    assert "sudo apt install python3-picamera2" in errors
    assert "Traceback" not in errors


def test_the_demo_shows_everything_and_ends(face_edge: Callable[..., Any]) -> None:
    pytest.importorskip("amqtt", reason="the embedded broker is not installed")
    process = face_edge("demo", "--duration", "4")
    out, errors = process.communicate(timeout=30)
    assert process.returncode == 0, errors
    for part in ("availability  online", "presence_start", '"emotion":"happy"', "LED red", "frames in", "offline"):
        assert part in out, (part, out, errors)
    assert "Traceback" not in errors


def test_a_signal_that_does_not_interrupt_the_main_thread_ends_the_fault_display_too(tmp_path: Path) -> None:
    """As one that arrives just before the main thread blocks: another thread receives it here."""
    file = tmp_path / "device.toml"
    file.write_text('[[display]]\nkind = "terminal"\n')
    code = (
        "import signal, threading, time\n"
        "from edge.cli import main\n"
        "def later():\n"
        "    while signal.getsignal(signal.SIGTERM) is signal.SIG_DFL: time.sleep(0.05)\n"
        "    time.sleep(0.5)\n"
        "    signal.pthread_kill(threading.get_ident(), signal.SIGTERM)\n"
        "threading.Thread(target=later, daemon=True).start()\n"
        f"raise SystemExit(main(['--config', {str(file)!r}, 'fault']))\n"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 0, ended.stderr


def test_what_has_given_up_shows_it_until_it_is_stopped(face_edge: Callable[..., Any], tmp_path: Path) -> None:
    file = tmp_path / "broken.toml"
    file.write_text('[source]\nurl = "typo"\n[[display]]\nkind = "terminal"\n')
    process = face_edge("--config", str(file), "fault")
    assert process.stderr is not None
    assert process.stderr.readline().endswith(" fault\n")
    process.send_signal(signal.SIGTERM)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 0, errors
    assert "Traceback" not in errors
    file.write_text('[[display]]\nkind = "lamp"\n')
    wrong = face_edge("--config", str(file), "fault")
    assert "lamp" in wrong.communicate(timeout=60)[1]
    assert wrong.returncode == 3
    nothing = face_edge("fault")
    assert "no display is configured" in nothing.communicate(timeout=60)[1]
    assert nothing.returncode == 0
