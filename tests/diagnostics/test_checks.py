from __future__ import annotations

import shutil
import signal
import socket
import subprocess
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest

from edge.config import Config, SourceConfig, load
from edge.core.commands import Answer, CommandQueue
from edge.core.errors import HardwareUnavailable
from edge.diagnostics import broker, camera, displays, libraries, machine
from edge.diagnostics.examination import healthy
from edge.diagnostics.finding import Status, fail, ok, skip, warn
from edge.runtime.local import LocalControl, control_path
from edge.sandbox.probe import Outcome, probe

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def configured(**flags: Any) -> Config:
    return load(environment={}, flags={key.replace("__", "."): value for key, value in flags.items()})


def only(findings: Any) -> Any:
    (finding,) = list(findings)
    return finding


# metrics


def test_metrics_are_judged(monkeypatch: pytest.MonkeyPatch) -> None:
    assert libraries.metrics(configured()).status is Status.SKIP
    missing = HardwareUnavailable("metrics need prometheus_client: pip install -e '.[metrics]'")

    def raise_missing() -> None:
        raise missing

    with monkeypatch.context() as without:
        without.setattr("edge.sinks.metrics.sink.require_package", raise_missing)
        finding = libraries.metrics(configured(metrics__enabled=True))
    assert finding.status is Status.WARN
    assert "pip install -e '.[metrics]'" in finding.message
    pytest.importorskip("prometheus_client", reason="the extra `metrics` is not installed")
    assert "this machine alone" in libraries.metrics(configured(metrics__enabled=True)).message
    everyone = configured(metrics__enabled=True, metrics__host="0.0.0.0")
    assert "whoever is on the network" in libraries.metrics(everyone).message


# machine


def test_the_board_is_named_from_its_device_tree(tmp_path: Path) -> None:
    (tmp_path / "proc/device-tree").mkdir(parents=True)
    (tmp_path / "proc/device-tree/model").write_bytes(b"Raspberry Pi 5 Model B Rev 1.0\0")
    finding = machine.board(tmp_path, "aarch64")
    assert (finding.status, finding.message) == (Status.OK, "aarch64, Raspberry Pi 5 Model B Rev 1.0")


@pytest.mark.parametrize(("name", "status"), [("armv7l", Status.WARN), ("armv6l", Status.FAIL), ("x86_64", Status.OK)])
def test_the_architecture_is_judged(tmp_path: Path, name: str, status: Status) -> None:
    assert machine.board(tmp_path, name).status is status


def test_the_system_is_named(tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/os-release").write_text('ID=debian\nPRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\n')
    assert machine.system(tmp_path).message.startswith("Debian GNU/Linux 12 (bookworm), kernel ")
    assert machine.system(tmp_path / "nowhere").status is Status.OK


@pytest.mark.parametrize(
    ("answer", "status", "words"),
    [
        ("throttled=0x0", Status.OK, "no under-voltage"),
        ("throttled=0x50005", Status.WARN, "now under-voltage, throttled"),
        ("throttled=0x80000", Status.WARN, "since the start: near its temperature limit"),
        ("what", Status.SKIP, "what"),
    ],
)
def test_throttling_bits_are_read(answer: str, status: Status, words: str) -> None:
    finding = machine.throttling(answer)
    assert finding.status is status
    assert words in finding.message


def test_the_firmware_s_bits_are_read_where_its_tool_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "which", lambda _: None)
    assert machine.power(tmp_path).status is Status.SKIP
    file = tmp_path / "sys/devices/platform/soc/soc:firmware/get_throttled"
    file.parent.mkdir(parents=True)
    file.write_text("5\n")
    assert machine.power(tmp_path).message == "now under-voltage, throttled"


@pytest.mark.parametrize(("available", "status"), [("900000", Status.OK), ("50000", Status.WARN), ("?", Status.SKIP)])
def test_memory_is_judged(tmp_path: Path, available: str, status: Status) -> None:
    (tmp_path / "proc").mkdir()
    (tmp_path / "proc/meminfo").write_text(f"MemTotal: 1000000 kB\nMemAvailable: {available} kB\n")
    assert machine.memory(tmp_path).status is status


@pytest.mark.parametrize(("content", "status"), [("48500", Status.OK), ("81200", Status.WARN), ("?", Status.SKIP)])
def test_temperature(tmp_path: Path, content: str, status: Status) -> None:
    folder = tmp_path / "sys/class/thermal/thermal_zone0"
    folder.mkdir(parents=True)
    (folder / "temp").write_text(content)
    assert machine.temperature(tmp_path).status is status


def test_a_state_folder_that_can_be_made_is_well(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("STATE_DIRECTORY", raising=False)
    config = configured(node__state_dir=str(tmp_path / "not" / "yet"))
    assert only(machine.storage(config)).status in {Status.OK, Status.WARN}
    assert not (tmp_path / "not").exists()


def test_a_file_in_the_state_folders_place_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("STATE_DIRECTORY", raising=False)
    (tmp_path / "file").touch()
    assert only(machine.storage(configured(node__state_dir=str(tmp_path / "file" / "state")))).status is Status.FAIL


def test_clock_and_power_never_fail() -> None:
    assert {machine.clock().status, machine.power().status} <= {Status.OK, Status.WARN, Status.SKIP}


# libraries


def test_a_probe_answers() -> None:
    outcome = probe("import json, sys; print('noise'); print(json.dumps({'got': sys.argv[1]}))", "this")
    assert outcome.answer == {"got": "this"}


def test_a_crash_is_reported_by_its_signal() -> None:
    outcome = probe("import os, signal; os.kill(os.getpid(), signal.SIGILL)")
    assert outcome.signal is signal.SIGILL
    finding = libraries.inference(outcome, 0.2)
    assert finding.status is Status.FAIL
    assert "SIGILL" in finding.message
    assert "tflite-runtime" in finding.remedy


def test_a_segmentation_fault_an_exception_and_a_hang_are_reported() -> None:
    assert "SIGSEGV" in libraries.inference(probe("import os; os.kill(os.getpid(), 11)"), 0.2).message
    assert "No module named 'nothing_here'" in libraries.inference(probe("import nothing_here"), 0.2).message
    assert "0.3 s" in libraries.inference(probe("import time; time.sleep(9)", timeout_s=0.3), 0.2).message


def test_the_trial_is_judged() -> None:
    well = libraries.inference(Outcome({"runtime": "ai-edge-litert 2.3", "ms": 0.61, "sum": 1.0}), 0.2)
    assert (well.status, well.message) == (Status.OK, "ai-edge-litert 2.3: 0.6 ms a face")
    assert libraries.inference(Outcome({"runtime": "x", "ms": 1.0, "sum": 2.0}), 0.2).status is Status.WARN
    slow = Outcome({"runtime": "x", "ms": 52.0, "sum": 1.0})
    assert libraries.inference(slow, 0.2).message == "x: 52.0 ms a face, so that each in view takes 26% of a core"
    assert "gdconv-24m-int8" in libraries.inference(slow, 0.2).remedy
    assert libraries.inference(slow, 0.4).status is Status.OK
    assert libraries.inference(Outcome({"error": "m.tflite: corrupt"}), 0.2).message == "m.tflite: corrupt"


def test_opencv_is_judged() -> None:
    assert libraries.opencv(Outcome({"version": "4.12.0", "cascade": True})).status is Status.OK
    assert libraries.opencv(Outcome({"version": "5.0.0", "cascade": False})).status is Status.FAIL
    assert libraries.opencv(Outcome({"version": "4.12.0", "cascade": False})).status is Status.FAIL
    broken = libraries.opencv(Outcome(None, "ImportError: numpy.core.multiarray failed to import"))
    assert "multiarray" in broken.message


def test_this_environments_numpy_and_opencv_fit() -> None:
    assert [finding.status for finding in libraries.numpy_and_opencv()] == [Status.OK, Status.OK]


# camera


def test_picamera_is_judged() -> None:
    first, second = SourceConfig(uri="picamera"), SourceConfig(uri="picamera:1")
    in_use = camera.picamera(Outcome({"cameras": ["imx708"]}), first)
    assert in_use.status is Status.OK
    assert in_use.message == "imx708 through picamera2; in use, so that its controls cannot be listed now"
    assert "found: imx708" in camera.picamera(Outcome({"cameras": ["imx708"]}), second).message
    assert "ribbon cable" in camera.picamera(Outcome({"cameras": []}), first).remedy
    missing = camera.picamera(Outcome(None, "ModuleNotFoundError: No module named 'picamera2'"), first)
    assert "sudo apt install python3-picamera2" in missing.remedy


def test_a_usb_camera_is_looked_for(tmp_path: Path) -> None:
    (tmp_path / "dev").mkdir()
    (tmp_path / "dev/video2").touch()
    assert camera.camera(configured(source__uri="usb:2"), tmp_path).status is Status.OK
    missing = camera.camera(configured(source__uri="usb:0"), tmp_path)
    assert missing.status is Status.FAIL
    assert "connected: usb:2" in missing.message


def test_a_stream_is_knocked_at_without_showing_its_password() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        well = camera.camera(configured(source__uri=f"rtsp://me:hunter2@127.0.0.1:{port}/live"))
    assert well.status is Status.OK
    refused = camera.camera(configured(source__uri=f"rtsp://me:hunter2@127.0.0.1:{port}/live"))
    assert refused.status is Status.FAIL
    assert "hunter2" not in well.message + refused.message


@pytest.mark.parametrize("prefix", ["", "images:", "replay:"])
def test_files_must_be_there(tmp_path: Path, prefix: str, make_clip: Any) -> None:
    make_clip("clip.mp4", frames=3)
    assert camera.camera(configured(source__uri=f"{prefix}{tmp_path}/clip.mp4")).status is Status.OK
    assert camera.camera(configured(source__uri=f"{prefix}{tmp_path}/none.mp4")).status is Status.FAIL


def test_a_source_that_does_not_exist_is_told_with_a_suggestion() -> None:
    finding = camera.camera(configured(source__uri="picamrea"))
    assert finding.status is Status.FAIL
    assert "did you mean 'picamera'?" in finding.message


def test_a_virtual_camera_is_always_there() -> None:
    assert camera.camera(configured(source__uri="virtual")).status is Status.OK


# displays

LED = {"kind": "rgb_led", "red": 17, "green": 27, "blue": 22}


def test_what_is_not_configured_is_skipped(tmp_path: Path) -> None:
    assert only(displays.displays(configured(), tmp_path)).status is Status.SKIP


def test_leds_need_a_gpio_chip(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GPIOZERO_PIN_FACTORY", raising=False)
    finding = only(displays.displays(configured(display=[LED]), tmp_path))
    assert (finding.status, finding.name) == (Status.FAIL, "gpio")


def test_leds_on_simulated_pins_are_a_warning(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GPIOZERO_PIN_FACTORY", "mock")
    assert only(displays.displays(configured(display=[LED]), tmp_path)).status is Status.WARN


def test_buses_are_looked_for_and_the_remedy_turns_them_on(tmp_path: Path) -> None:
    config = configured(
        display=[{"kind": "matrix"}, {"kind": "oled"}, {"kind": "oled", "i2c_port": 3, "emulate": "capture"}]
    )
    _, spi, i2c = displays.displays(config, tmp_path)
    assert [spi.status, i2c.status] == [Status.FAIL, Status.FAIL]
    assert "do_spi" in spi.remedy
    assert "do_i2c" in i2c.remedy


def test_groups_follow_the_configuration() -> None:
    config = configured(source__uri="usb:0", display=[LED, {"kind": "oled"}, {"kind": "matrix", "emulate": "capture"}])
    finding = displays.groups(config, {"video", "users"})
    assert finding.status is Status.WARN
    assert finding.message == "not a member of gpio, i2c"
    assert displays.groups(config, {"video", "gpio", "i2c"}).status is Status.OK
    assert displays.groups(configured(source__uri="virtual"), set()).status is Status.SKIP


# broker


def free_port() -> int:
    with socket.socket() as trial:
        trial.bind(("127.0.0.1", 0))
        port: int = trial.getsockname()[1]
        return port


@pytest.fixture(scope="module")
def mosquitto(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """A broker that takes only ann with her password."""
    program = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin")
    makes_passwords = shutil.which("mosquitto_passwd")
    if program is None or makes_passwords is None:
        pytest.skip("mosquitto is not installed: sudo apt install mosquitto")
    folder = tmp_path_factory.mktemp("mosquitto")
    subprocess.run([makes_passwords, "-b", "-c", folder / "users", "ann", "right"], check=True, capture_output=True)
    (folder / "users").chmod(0o644)
    folder.chmod(0o755)
    port = free_port()
    (folder / "conf").write_text(f"listener {port} 127.0.0.1\npassword_file {folder}/users\nuser root\n")
    process = subprocess.Popen([program, "-c", folder / "conf"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    deadline_s = time.monotonic() + 60
    while time.monotonic() < deadline_s:
        with socket.socket() as trial:
            if trial.connect_ex(("127.0.0.1", port)) == 0:
                break
        time.sleep(0.02)
    yield port
    process.terminate()
    process.wait(60)


def test_a_broker_that_takes_us_is_well(mosquitto: int) -> None:
    config = configured(mqtt__broker=f"mqtt://127.0.0.1:{mosquitto}", mqtt__username="ann", mqtt__password="right")
    finding = broker.broker(config)
    assert finding.status is Status.OK
    assert finding.message.endswith("takes us as ann, MQTT 5")


@pytest.mark.parametrize(
    ("connected", "found"), [(True, "the running device is connected"), (False, "takes us as ann")]
)
def test_a_running_device_keeps_its_connection_where_the_user_is_the_client_id(
    mosquitto: int, tmp_path: Path, connected: bool, found: str
) -> None:
    config = configured(
        mqtt__broker=f"mqtt://127.0.0.1:{mosquitto}",
        mqtt__username="ann",
        mqtt__password="right",
        node__state_dir=str(tmp_path),
    )
    inbox, done = CommandQueue(), threading.Event()

    def answer() -> None:
        while not done.wait(0.01):
            for request in inbox.take():
                request.answer(Answer({"work": {"broker": connected}}))

    device = threading.Thread(target=answer)
    device.start()
    with LocalControl(control_path(config), inbox):
        finding = broker.broker(config)
    done.set()
    device.join()
    assert finding.status is Status.OK
    assert found in finding.message


@pytest.mark.parametrize("credentials", [{}, {"mqtt__username": "ann", "mqtt__password": "wrong"}])
def test_wrong_credentials_fail_and_are_not_shown(mosquitto: int, credentials: dict[str, str]) -> None:
    finding = broker.broker(configured(mqtt__broker=f"mqtt://127.0.0.1:{mosquitto}", **credentials))
    assert finding.status is Status.FAIL
    assert "mqtt.username" in finding.message
    assert "wrong" not in finding.message


def test_no_broker_there_fails() -> None:
    finding = broker.broker(configured(mqtt__broker=f"mqtt://127.0.0.1:{free_port()}"))
    assert finding.status is Status.FAIL
    assert "refuses connections" in finding.message


def test_a_missing_password_file_fails(tmp_path: Path) -> None:
    config = configured(mqtt__broker="mqtt://127.0.0.1", mqtt__username="a", mqtt__password_file=str(tmp_path / "no"))
    assert "mqtt.password_file" in broker.broker(config).message


def test_the_embedded_brokers_port_is_tried() -> None:
    pytest.importorskip("amqtt", reason="needs the embedded broker: pip install -e '.[broker]'")
    port = free_port()
    config = configured(mqtt__broker=f"embedded:{port}")
    assert broker.broker(config).status is Status.OK
    with socket.create_server(("127.0.0.1", port)):
        taken = broker.broker(config)
    assert taken.status is Status.WARN
    assert str(port) in taken.message


def test_no_broker_wanted_is_skipped() -> None:
    assert broker.broker(configured()).status is Status.SKIP


def test_only_a_failure_is_unhealthy() -> None:
    assert healthy([ok("a", ""), warn("b", ""), skip("c", "")])
    assert not healthy([ok("a", ""), fail("b", "", "")])
