"""What ``run`` refuses, ``config check`` says: every refusal is walked, and none is without a case."""

from __future__ import annotations

import ast
import hashlib
import inspect
import json
import os
import shutil
import sys
import threading
import time
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from edge import config as configuration
from edge.core.errors import ConfigError, EdgeError, HardwareUnavailable
from edge.diagnostics import broker, camera, detector, displays, libraries, machine, page
from edge.diagnostics.finding import Finding, Status, skip
from edge.inference.manifest import packaged_model
from edge.kiosk.certificate import make as make_certificate
from edge.runtime import build, preflight

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from edge.config import Layers

for needed in ("ai_edge_litert", "amqtt", "starlette", "cryptography", "prometheus_client"):
    pytest.importorskip(needed, reason="an extra is not installed")

ROOT = Path(__file__).resolve().parents[2]
Flags = dict[str, Any]
Case = "Callable[[Path], Flags]"
PAGE: Flags = {"kiosk.enabled": True, "kiosk.port": 0}


def written(path: Path, content: str | bytes = "") -> str:
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return str(path)


def model(folder: Path, damage: Callable[[Path, Path], object]) -> Flags:
    """A copy of the packaged model, on which ``damage`` works (model, manifest)."""
    copy, manifest = folder / packaged_model().name, folder / packaged_model().with_suffix(".json").name
    shutil.copy(packaged_model(), copy)
    shutil.copy(packaged_model().with_suffix(".json"), manifest)
    damage(copy, manifest)
    return {"model.path": str(copy)}


def manifest_with(**changes: Any) -> Callable[[Path, Path], None]:
    def damage(_model: Path, manifest: Path) -> None:
        manifest.write_text(json.dumps(json.loads(manifest.read_text()) | changes))

    return damage


def input_with(**changes: Any) -> Callable[[Path, Path], None]:
    found = json.loads(packaged_model().with_suffix(".json").read_text())["input"]
    return manifest_with(input=found | changes)


def outputs_with(**changes: Any) -> Callable[[Path, Path], None]:
    found = json.loads(packaged_model().with_suffix(".json").read_text())["outputs"]
    return manifest_with(outputs=[output | {"certainty": None} | changes for output in found], refusal=None)


def unloadable(path: Path, manifest: Path) -> None:
    path.write_bytes(b"\x08\0\0\0TFL3" + bytes(64))
    manifest_with(sha256=hashlib.sha256(path.read_bytes()).hexdigest())(path, manifest)


def flipped(path: Path, _manifest: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 0xFF
    path.write_bytes(bytes(data))


def detector_file(folder: Path, kind: str, name: str) -> Flags:
    (folder / "state/models").mkdir(parents=True)
    written(folder / "state/models" / name, b"no network")
    return {"detector.kind": kind}


def pem(folder: Path, name: str) -> str:
    return written(folder / name, make_certificate({"localhost"}))


def encrypted_key(folder: Path) -> str:
    from cryptography.hazmat.primitives.serialization import (
        BestAvailableEncryption,
        Encoding,
        PrivateFormat,
        load_pem_private_key,
    )

    key = load_pem_private_key(make_certificate({"localhost"}), password=None)
    made = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"secret"))
    return written(folder / "encrypted.pem", made)


def weak_certificate(folder: Path) -> str:
    """One whose key is too short for OpenSSL."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import rsa
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    key, now = rsa.generate_private_key(65537, 1024), datetime.now(UTC)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "x")])
    builder = x509.CertificateBuilder(name, name, key.public_key(), 1, now, now + timedelta(days=1))
    made = builder.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM)
    secret = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return written(folder / "weak.pem", secret + made)


def https(certificate: str | None, key: str | None) -> Flags:
    given = {"kiosk.tls_certificate": certificate, "kiosk.tls_key": key}
    return PAGE | {"kiosk.tls": "files"} | {name: value for name, value in given.items() if value is not None}


def blocked_state(folder: Path) -> Flags:
    return {"node.state_dir": written(folder / "in-the-way") + "/state"}


REFUSED: dict[str, Any] = {
    "no such source": lambda _: {"source.uri": "telepathy"},
    "no such scheme": lambda _: {"source.uri": "ftp://camera/x"},
    "a name that is too long": lambda _: {"source.uri": "x" * 5000},
    "pictures of no name": lambda _: {"source.uri": "images:"},
    "replay of no name": lambda _: {"source.uri": "replay:"},
    "replay with an unknown option": lambda _: {"source.uri": "replay:x.mp4?speed=2"},
    "replay at an unknown pace": lambda _: {"source.uri": "replay:x.mp4?pace=slow"},
    "a camera without a number": lambda _: {"source.uri": "picamera:front"},
    "no such scene": lambda _: {"source.uri": "virtual:opera"},
    "a stream without a host": lambda _: {"source.uri": "rtsp:///x"},
    "a stream with a bad port": lambda _: {"source.uri": "rtsp://camera:port/x"},
    "no such film": lambda folder: {"source.uri": str(folder / "missing.mp4")},
    "an empty film": lambda folder: {"source.uri": written(folder / "empty.mp4")},
    "a film that is none": lambda folder: {"source.uri": written(folder / "text.mp4", "text")},
    "a replay that is not there": lambda folder: {"source.uri": f"replay:{folder}/missing.mp4?pace=real"},
    "no such pictures": lambda folder: {"source.uri": f"images:{folder}/nowhere"},
    "a folder without pictures": lambda folder: {"source.uri": f"images:{folder}"},
    "no such model": lambda _: {"model.path": "gdconv-9m"},
    "a model without a manifest": lambda folder: {"model.path": written(folder / "x.tflite", b"x")},
    "a missing model": lambda folder: model(folder, lambda path, _: path.unlink()),
    "an empty model": lambda folder: model(folder, lambda path, _: path.write_bytes(b"")),
    "a damaged model": lambda folder: model(folder, flipped),
    "a manifest that is no JSON": lambda folder: model(folder, lambda _, manifest: manifest.write_text("{")),
    "a manifest of the future": lambda folder: model(folder, manifest_with(schema=99)),
    "a manifest of other labels": lambda folder: model(folder, manifest_with(labels=["a", "b"])),
    "a manifest of another file": lambda folder: model(folder, manifest_with(file="other.tflite")),
    "a manifest without the head": lambda folder: (
        model(folder, outputs_with(head="fer2013")) | {"model.head": "consensus"}
    ),
    "a prior that the model has not": lambda folder: model(folder, outputs_with(prior=None)) | {"model.prior": "even"},
    "a manifest of another input": lambda folder: model(folder, input_with(shape=[1, 40, 48, 1])),
    "a manifest of another scale": lambda folder: model(folder, input_with(scale=0.5)),
    "a manifest of other outputs": lambda folder: model(folder, outputs_with(name="x")),
    "a model that cannot be loaded": lambda folder: model(folder, unloadable),
    "no such runtime": lambda _: {"model.runtime": "tflite-runtime"},
    "no YuNet": lambda _: {"detector.kind": "yunet"},
    "another YuNet": lambda folder: detector_file(folder, "yunet", "face_detection_yunet_2023mar.onnx"),
    "no BlazeFace": lambda _: {"detector.kind": "blazeface"},
    "state below a file": lambda folder: blocked_state(folder) | {"mqtt.broker": "mqtt://127.0.0.1:9"},
    "the page open to all": lambda _: PAGE | {"kiosk.host": "0.0.0.0"},
    "a proxy without a password": lambda _: PAGE | {"kiosk.trusted_proxies": "127.0.0.1"},
    "half a certificate": lambda folder: https(pem(folder, "c.pem"), None),
    "the other half": lambda folder: https(None, pem(folder, "c.pem")),
    "no certificate at all": lambda _: https(None, None),
    "certificates that are not there": lambda folder: https(f"{folder}/c.pem", f"{folder}/k.pem"),
    "a certificate that is none": lambda folder: https(written(folder / "c.pem", "c"), pem(folder, "k.pem")),
    "a key that is none": lambda folder: https(pem(folder, "c.pem"), written(folder / "k.pem", "k")),
    "a key with a passphrase": lambda folder: https(pem(folder, "c.pem"), encrypted_key(folder)),
    "a weak key": lambda folder: https(weak_certificate(folder), weak_certificate(folder)),
    "the key of another": lambda folder: https(pem(folder, "c.pem"), pem(folder, "k.pem")),
    "no such password file": lambda folder: PAGE | {"kiosk.password_file": f"{folder}/p"},
    "a password in place of its hash": lambda folder: PAGE | {"kiosk.password_file": written(folder / "p", "secret")},
    "a token that is no text": lambda folder: PAGE | {"kiosk.viewer_token_file": written(folder / "t", b"\xff")},
    "the embedded broker open to all": lambda _: {"mqtt.broker": "embedded:18999", "mqtt.embedded_host": "0.0.0.0"},
    "an embedded port out of range": lambda _: {"mqtt.broker": "embedded:99999"},
    "an embedded address elsewhere": lambda folder: {
        "mqtt.broker": "embedded:18999",
        "mqtt.embedded_host": "192.0.2.77",
        "mqtt.username": "x",
        "mqtt.password_file": written(folder / "p", "secret"),
    },
    "certificates without TLS": lambda folder: {"mqtt.broker": "mqtt://h", "mqtt.tls.ca": pem(folder, "ca.pem")},
    "a password of nobody": lambda _: {"mqtt.broker": "mqtt://h", "mqtt.password": "secret"},
    "two passwords": lambda folder: {
        "mqtt.broker": "mqtt://h",
        "mqtt.username": "x",
        "mqtt.password": "secret",
        "mqtt.password_file": written(folder / "p", "secret"),
    },
    "a broker's password file that is not there": lambda folder: {
        "mqtt.broker": "mqtt://h",
        "mqtt.username": "x",
        "mqtt.password_file": f"{folder}/p",
    },
    "a broker's password file that is no text": lambda folder: {
        "mqtt.broker": "mqtt://h",
        "mqtt.username": "x",
        "mqtt.password_file": written(folder / "p", b"\xff\xfe"),
    },
    "an empty password": lambda folder: {
        "mqtt.broker": "mqtt://h",
        "mqtt.username": "x",
        "mqtt.password_file": written(folder / "p"),
    },
    "an authority that is not there": lambda folder: {"mqtt.broker": "mqtts://h", "mqtt.tls.ca": f"{folder}/ca"},
    "an authority that is none": lambda folder: {"mqtt.broker": "mqtts://h", "mqtt.tls.ca": written(folder / "ca")},
    "a client certificate that is none": lambda folder: {
        "mqtt.broker": "mqtts://h",
        "mqtt.tls.certificate": written(folder / "c", "c"),
        "mqtt.tls.key": written(folder / "k", "k"),
    },
    "no such emulator": lambda _: {"display": [{"kind": "matrix", "emulate": "laser"}]},
}
"""Settings with which ``run`` ends, each made in a folder of its own."""


def layers(folder: Path, flags: Flags) -> Layers:
    base = {"node.id": "x", "node.state_dir": str(folder / "state"), "source.uri": "virtual:blank"}
    return configuration.collect(environment={}, flags=base | {"source.width": 320, "source.height": 240} | flags)


def told_by_run(given: Layers, is_logged: Callable[[], bool] = lambda: False) -> EdgeError | None:
    """How the device itself refuses, without having been asked for all that is wrong before.

    ``None`` where it goes on and ``is_logged`` says that its log has the reason.
    """
    refusals: list[EdgeError] = []

    def run() -> None:
        try:
            wiring.device.run()
        except EdgeError as refusal:
            refusals.append(refusal)

    try:
        wiring = build.device(configuration.check(given))
    except EdgeError as refusal:
        return refusal
    with wiring.resources:
        thread = threading.Thread(target=run)
        thread.start()
        until_s = time.monotonic() + 60
        while thread.is_alive() and not is_logged() and time.monotonic() < until_s:
            thread.join(0.02)
        wiring.device.stop()
        thread.join(30)
    assert refusals or is_logged(), "it neither refused nor said why it does without"
    return refusals[0] if refusals else None


@pytest.fixture(autouse=True)
def _alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("RUNTIME_DIRECTORY", str(tmp_path / "run"))


def lines(error: EdgeError) -> tuple[str, ...]:
    return error.problems if isinstance(error, ConfigError) else (str(error),)


@pytest.mark.parametrize("case", REFUSED)
def test_what_run_refuses_is_said(
    case: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    if case == "state below a file":
        monkeypatch.delenv("RUNTIME_DIRECTORY")
        monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "none"))
    given = layers(tmp_path, REFUSED[case](tmp_path))
    said = preflight.examine(given).problems
    assert said
    assert len(said) == len(set(said))

    def is_logged() -> bool:
        logged = [record.getMessage() for record in caplog.records if record.levelname == "ERROR"]
        return any(line.partition(": ")[2] in each for line in said for each in logged)

    refusal = told_by_run(given, is_logged)
    if refusal is None:  # it goes on without that part
        preflight.load(given)
        return
    with pytest.raises(ConfigError) as caught:
        preflight.load(given)
    assert set(caught.value.problems) <= set(said)
    assert caught.value.exit_code == refusal.exit_code
    if case == "state below a file":
        assert any("node.state_dir" in line for line in said)
        return
    for line in lines(refusal):
        assert any(problem.endswith(line) for problem in said), (line, said)


@pytest.mark.parametrize("case", REFUSED)
def test_doctor_says_it_too(case: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edge.diagnostics.broker._remote", lambda _config: skip("broker", "not asked"))
    config = configuration.check(layers(tmp_path, REFUSED[case](tmp_path)))
    checks: list[Callable[[], Iterable[Finding]]] = [
        lambda: [camera.camera(config), detector.detector(config), libraries.model(config), broker.broker(config)],
        lambda: [*page.page(config), *page.ports(config), *displays.displays(config), *machine.storage(config)],
        lambda: [libraries.runtime(config)],
    ]
    failed = (finding for check in checks for finding in check() if finding.status is Status.FAIL)
    finding = next(failed, None)
    assert finding is not None
    assert finding.remedy


def test_a_good_configuration_is_not_refused(tmp_path: Path, make_clip: Any) -> None:
    certificate = pem(tmp_path, "c.pem")
    flags = https(certificate, certificate) | {
        "source.uri": str(make_clip("clip.mp4", frames=3)),
        "mqtt.broker": "embedded:18998",
        "metrics.enabled": True,
        "metrics.port": 0,
        "kiosk.media_dir": str(tmp_path),
        "display": [{"kind": "matrix", "emulate": "dummy"}, {"kind": "terminal"}],
    }
    given = layers(tmp_path, flags)
    assert preflight.examine(given).problems == []
    assert preflight.load(given) == configuration.check(given)


def test_nothing_is_made_by_looking(tmp_path: Path) -> None:
    given = layers(tmp_path, PAGE | {"kiosk.tls": "self-signed", "mqtt.broker": "embedded:18997"})
    before = sorted(tmp_path.rglob("*"))
    assert preflight.examine(given).problems == []
    assert sorted(tmp_path.rglob("*")) == before


def test_all_that_is_wrong_is_said_at_once_also_beside_wrong_settings(tmp_path: Path) -> None:
    text = """
[source]
fps = "fast"
uri = "telepathy"
[model]
path = "gdconv-9m"
[detector]
kind = "blazeface"
[kiosk]
enabled = true
host = "0.0.0.0"
port = 9464
tls = "files"
tls_key = "missing.pem"
media_dir = "films"
viewer_token_file = "token"
[mqtt]
broker = "mqtts://h"
keepalive_s = 1
password_file = "password"
tls = { ca = "ca.pem" }
[metrics]
enabled = true
port = 9464
[panel]
light = 5
button = 5
[[display]]
kind = "matrix"
emulate = "laser"
"""
    (tmp_path / "device.toml").write_text(text)
    found = preflight.examine(configuration.collect(tmp_path / "device.toml", environment={})).problems
    keys = [
        "source.fps", "mqtt.keepalive_s", "panel.light", "metrics.port", "source.uri", "model.path", "detector.kind",
        "mqtt.password_file", "mqtt.username", "mqtt.tls.ca", "kiosk.host", "kiosk.viewer_token_file", "kiosk.tls",
        "kiosk.tls_key", "kiosk.media_dir", "display.0",
    ]  # fmt: skip
    assert sorted(line.split(": ")[1] for line in found) == sorted(keys)
    assert all(line.startswith(f"{tmp_path}/device.toml: ") for line in found)


@pytest.mark.parametrize(
    ("flags", "key"),
    [
        (PAGE | {"kiosk.media_dir": "nowhere"}, "kiosk.media_dir"),
        (PAGE | {"kiosk.host": "192.0.2.77", "kiosk.password_file": "p"}, "kiosk.host"),
        (PAGE | {"kiosk.tls_certificate": "c.pem"}, "kiosk.tls_certificate"),
        (PAGE | {"kiosk.tls": "self-signed", "kiosk.tls_key": "k.pem"}, "kiosk.tls_key"),
        ({"metrics.enabled": True, "metrics.host": "192.0.2.77", "metrics.port": 0}, "metrics.host"),
        ({"node.state_dir": "file/state"}, "node.state_dir"),
    ],
)
def test_what_the_device_runs_without_is_said_but_does_not_stop_it(tmp_path: Path, flags: Flags, key: str) -> None:
    from edge.kiosk.passwords import make_hash

    written(tmp_path / "file")
    written(tmp_path / "p", make_hash("correct horse"))
    given = layers(tmp_path, flags)
    [line] = preflight.examine(given).problems
    assert key in line
    preflight.load(given)


def test_a_part_of_which_a_setting_is_wrong_is_not_judged(tmp_path: Path) -> None:
    given = layers(tmp_path, PAGE | {"kiosk.host": "nonsense", "source.uri": 7})
    assert {line.split(": ")[1] for line in preflight.examine(given).problems} == {"kiosk.host", "source.uri"}


def test_an_added_model_that_is_damaged_is_no_reason_to_refuse(tmp_path: Path) -> None:
    added = tmp_path / "state/models/mine-0123456789ab"
    added.mkdir(parents=True)
    written(added / "mine.tflite", b"damaged")
    written(tmp_path / "state/models/current.json", json.dumps({"current": added.name}))
    assert preflight.examine(layers(tmp_path, {})).problems == []


KINDS = {"ConfigError", "FileUnavailable", "ModelError", "HardwareUnavailable"}
ROOMS = (
    "config",
    "runtime",
    "sources",
    "sinks",
    "kiosk",
    "vision",
    "pipelines",
    "inference/manifest.py",
    "models/store.py",
    "models/rollback.py",
)
ELSEWHERE: dict[str, str] = {
    "config/checking.py:check": "the settings themselves: tests/cli/test_config.py",
    "config/layers.py:plain_value": "the settings themselves: tests/cli/test_config.py",
    "config/layers.py:_read_toml": "the settings themselves: tests/cli/test_config.py",
    "config/layers.py:_put": "the settings themselves: tests/cli/test_config.py",
    "runtime/preflight/__init__.py:load": "the refusal itself",
    "inference/manifest.py:packaged_model": "an installation without its models",
    "vision/haar.py:_load_cascade": "an OpenCV without its cascades",
    "vision/yunet.py:__init__": "an OpenCV without YuNet",
    "vision/yunet.py:_load": "an OpenCV that cannot load YuNet",
    "sinks/gpio.py:_no_factory": "hardware, by doctor; the device runs without it",
    "sinks/display/luma_device.py:_luma_error": "hardware, by doctor; the device runs without it",
    "sinks/display/luma_device.py:_system_error": "hardware, by doctor; the device runs without it",
    "sinks/display/luma_device.py:explain": "hardware, by doctor; the device runs without it",
    "sources/controls.py:check": "by the camera itself: test_controls_that_the_camera_does_not_have_are_said",
    "sources/usb_controls.py:chosen_values": "by the camera itself, as the above",
    "sources/usb_controls.py:_set": "by the camera itself, when it is set",
    "sources/picamera_controls.py:_flicker": "by the camera itself, as the above",
    "runtime/preflight/page.py:unused_certificate": "the device runs with it: test_what_the_device_runs_without…",
    "runtime/preflight/parts.py:displays": "names the display: no such emulator",
    "runtime/lock.py:acquire": "what is wrong with the folder is found before: state below a file",
    "models/store.py:regular": "of commands that add models",
    "models/rollback.py:_chosen": "the device goes back to the model before",
    "kiosk/sink.py:require_packages": "an extra is missing: test_a_missing_extra_is_said",
    "kiosk/tls.py:_require": "an extra is missing: test_a_missing_extra_is_said",
    "kiosk/addresses.py:own_addresses": "an extra is missing: test_a_missing_extra_is_said",
    "sinks/metrics/sink.py:require_package": "an extra is missing: test_a_missing_extra_is_said",
    "sinks/mqtt/embedded.py:_import_amqtt": "an extra is missing: test_a_missing_extra_is_said",
    "sources/picamera.py:require_package": "a package is missing: test_a_missing_extra_is_said",
}
"""Places that make such errors but are walked by no case, each with the reason."""


def test_every_refusal_has_a_case(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    walked: set[str] = set()
    monkeypatch.delenv("RUNTIME_DIRECTORY")
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "none"))
    for number, case in enumerate(REFUSED.values()):
        folder = tmp_path / str(number)
        folder.mkdir()
        monkeypatch.chdir(folder)
        given = layers(folder, case(folder))
        with makers(monkeypatch) as seen:
            preflight.examine(given)
        walked |= seen
    missing = places() - walked - set(ELSEWHERE)
    assert sorted(missing) == [], "add a case to REFUSED, or the reason why none is possible to ELSEWHERE"
    assert not set(ELSEWHERE) - places(), "these are gone"


@contextmanager
def makers(monkeypatch: pytest.MonkeyPatch) -> Iterator[set[str]]:
    """Places in which an error of :data:`KINDS` was made within the block."""
    seen: set[str] = set()

    def new(kind: type[EdgeError], *given: Any) -> EdgeError:
        frame = inspect.currentframe()
        caller = None if frame is None else frame.f_back
        if caller is not None and Path(caller.f_code.co_filename).is_relative_to(ROOT / "edge"):
            place = Path(caller.f_code.co_filename).relative_to(ROOT / "edge")
            seen.add(f"{place}:{caller.f_code.co_name}")
        return Exception.__new__(kind, *given)

    with monkeypatch.context() as patch:
        patch.setattr(EdgeError, "__new__", new)
        yield seen


def places() -> set[str]:
    """``path:function`` of each place in the device's rooms that makes an error of :data:`KINDS`."""
    found = set()
    for room in ROOMS:
        top = ROOT / "edge" / room
        for path in [top] if top.is_file() else sorted(top.rglob("*.py")):
            for function in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
                    calls = (node for node in _own(function) if isinstance(node, ast.Call))
                    if any(isinstance(call.func, ast.Name) and call.func.id in KINDS for call in calls):
                        found.add(f"{path.relative_to(ROOT / 'edge')}:{function.name}")
    return found


def _own(function: ast.AST) -> Iterator[ast.AST]:
    """Nodes of a function without those of functions in it."""
    for node in ast.iter_child_nodes(function):
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node
            yield from _own(node)


@pytest.mark.parametrize(
    ("module", "flags", "code"),
    [
        ("starlette", PAGE, 8),
        ("cryptography", PAGE | {"kiosk.tls": "self-signed"}, 8),
        ("ifaddr", PAGE | {"kiosk.tls": "self-signed"}, 8),
        ("amqtt.broker", {"mqtt.broker": "embedded:18996"}, 8),
        ("picamera2", {"source.uri": "picamera"}, 8),
    ],
)
def test_a_missing_extra_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, module: str, flags: Flags, code: int
) -> None:
    given = layers(tmp_path, flags)
    monkeypatch.setitem(sys.modules, module, None)
    [line] = preflight.examine(given).problems
    refusal = told_by_run(given)
    assert isinstance(refusal, HardwareUnavailable)
    assert line.endswith(str(refusal))
    with pytest.raises(ConfigError) as caught:
        preflight.load(given)
    assert caught.value.exit_code == code


def test_metrics_without_their_package_are_said_and_the_device_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = layers(tmp_path, {"metrics.enabled": True})
    monkeypatch.setitem(sys.modules, "prometheus_client", None)
    [line] = preflight.examine(given).problems
    assert "metrics need prometheus_client" in line
    preflight.load(given)


@pytest.mark.skipif(os.geteuid() != 0, reason="root may serve every port")
def test_a_privileged_port_is_no_mistake_for_root(tmp_path: Path) -> None:
    assert preflight.examine(layers(tmp_path, PAGE | {"kiosk.port": 81})).problems == []
