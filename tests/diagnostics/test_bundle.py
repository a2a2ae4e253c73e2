"""The support archive: complete, in order, private, and without a secret or a picture in it."""

from __future__ import annotations

import io
import json
import os
import stat
import tarfile
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest

from edge import config as configuration
from edge.cli import main
from edge.core.errors import InputError
from edge.core.events import CameraStatus
from edge.diagnostics import bundle, evidence
from edge.diagnostics.finding import ok
from edge.diagnostics.secrets import Masker
from edge.runtime import build
from edge.sinks.memory import MemorySink

if TYPE_CHECKING:
    from collections.abc import Iterator

IN_FILE, IN_CONFIG, IN_ENVIRONMENT = "hunter2-in-a-file", 'tr0ub4dor"3', "correct-horse-9"
IN_URI, IN_URI_PLAIN, KIOSK_HASH, COOKIE_KEY = (
    "b%40ttery%2F7",
    "b@ttery/7",
    "scrypt:16384:8:1:c2FsdA:aGFzaA",
    "5ec2e7" * 8,
)
SECRETS = (IN_FILE, IN_CONFIG, IN_ENVIRONMENT, IN_URI, IN_URI_PLAIN, KIOSK_HASH, COOKIE_KEY)
PICTURES = (b"\xff\xd8\xff", b"\x89PNG\r\n", b"RIFF", b"GIF8", b"BM6", b"\x00\x00\x00\x18ftyp")


def contents(path: Path) -> dict[str, str]:
    with tarfile.open(path) as archive:
        members = archive.getmembers()
        files = {}
        for member in members:
            stream = archive.extractfile(member)
            assert stream is not None
            files[member.name.partition("/")[2]] = stream.read().decode()
    return files


def tool(folder: Path, name: str, text: str) -> None:
    (folder / f"{name}.out").write_text(text)
    script = folder / name
    script.write_text(f"#!/bin/sh\n/bin/cat '{folder}/{name}.out'\n")
    script.chmod(0o755)


@pytest.fixture
def planted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A configuration file of a device with a secret in every corner and pictures among its state."""
    state, tools = tmp_path / "state", tmp_path / "bin"
    state.mkdir()
    tools.mkdir()
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("FACE_EDGE_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PATH", f"{tools}:{os.environ['PATH']}")
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    monkeypatch.setenv("FACE_EDGE_MQTT__PASSWORD", IN_ENVIRONMENT)
    picture = np.random.default_rng(1).integers(0, 255, (32, 32, 3), np.uint8)
    for name in ("face.jpg", "face.png", "face.bmp"):
        cv2.imwrite(str(state / name), picture)
    (state / "kiosk-secret").write_text(COOKIE_KEY)
    (state / "mqtt-pass").write_text(IN_FILE + "\n")
    (state / "kiosk-pass").write_text(KIOSK_HASH + "\n")
    said = f"cannot reach rtsp://admin:{IN_URI}@cam: refused {IN_URI_PLAIN}, {IN_CONFIG}, {IN_FILE}; {IN_ENVIRONMENT}"
    tool(tools, "journalctl", f"12:00 face-edge: {said}\n12:01 the key is {COOKIE_KEY} {KIOSK_HASH}\n")
    tool(tools, "dmesg", f"[1] usb 1-1: hello\n[2] hwmon: Undervoltage detected! {IN_FILE}\n")
    config = tmp_path / "face-edge.toml"
    config.write_text(
        f"""
[node]
id = "n1"
state_dir = "{state}"
[source]
uri = "rtsp://admin:{IN_URI}@127.0.0.1:9/live"
[mqtt]
broker = "mqtt://127.0.0.1:9"
username = "me"
password = '{IN_CONFIG}'
password_file = "{state}/mqtt-pass"
[kiosk]
password_file = "{state}/kiosk-pass"
"""
    )
    return config


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """The checks themselves have tests of their own."""

    def examine(config: configuration.Config, file: Path | None) -> Iterator[object]:
        yield ok("camera", f"{config.source.uri} of {file} was tried")

    monkeypatch.setattr("edge.diagnostics.examination.examine", examine)


@pytest.mark.usefixtures("quick")
def test_no_secret_and_no_picture_is_in_it(planted: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "support.tar.gz"
    assert main(["--config", str(planted), "doctor", "--bundle", str(path)]) == 0
    assert "look through it before you send it" in capsys.readouterr().out
    files = contents(path)
    for name, text in files.items():
        for secret in SECRETS:
            assert secret not in text, name
            assert json.dumps(secret)[1:-1] not in text, name
        assert not any(magic in text.encode() for magic in PICTURES), name
    assert "cannot reach rtsp://***@cam: refused" in files["journal/face-edge.service.txt"]
    assert "Undervoltage detected! ***" in files["kernel.txt"]
    assert "hello" not in files["kernel.txt"]
    assert 'uri = "rtsp://***@127.0.0.1:9/live"' in files["config.toml"]
    assert "face.jpg" in files["state.txt"]


@pytest.mark.usefixtures("quick")
def test_everything_is_named_in_the_readme_and_in_order(planted: Path, tmp_path: Path) -> None:
    path = tmp_path / "support.tgz"
    assert main(["--config", str(planted), "doctor", "--bundle", str(path), "--json"]) == 0
    files = contents(path)
    names = list(files)
    assert names[0] == "README.txt"
    assert names[1:6] == ["versions.json", "readers.json", "doctor.json", "config.toml", "status.json"]
    for name in names[1:]:
        assert f"\n{name} " in files["README.txt"]
        assert files[name].strip(), name
    assert json.loads(files["versions.json"])["packages"]["numpy"]
    assert json.loads(files["doctor.json"])[0]["name"] == "configuration"
    assert any("gdconv" in model for model in json.loads(files["models.json"]))
    assert files["status.json"].startswith("cannot be had: NotRunning: ")
    assert "MemTotal" in files["meminfo.txt"]
    with tarfile.open(path) as archive:
        members = archive.getmembers()
    assert {member.mode for member in members} == {0o600}
    assert {(member.uid, member.uname, member.isfile()) for member in members} == {(0, "", True)}
    assert len({member.mtime for member in members}) == 1
    assert not any(Path(member.name).is_absolute() or ".." in member.name for member in members)


@pytest.mark.usefixtures("quick")
def test_only_its_owner_may_read_it_and_a_failure_leaves_nothing(
    planted: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = os.umask(0)
    try:
        path = tmp_path / "here.tar.gz"
        assert main(["--config", str(planted), "doctor", "--bundle", str(path)]) == 0
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600

    def broken(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(tarfile.TarFile, "addfile", broken)
    folder = tmp_path / "other"
    folder.mkdir()
    with pytest.raises(KeyboardInterrupt):
        bundle.write(folder / "a.tar.gz", [bundle.Piece("a", "b", lambda: "c")], Masker())
    assert list(folder.iterdir()) == []


@pytest.mark.usefixtures("quick")
def test_a_wrong_configuration_is_in_it_and_its_secrets_are_not(planted: Path, tmp_path: Path) -> None:
    planted.write_text(planted.read_text().replace("username", "usernam"))
    path = tmp_path / "support.tar.gz"
    assert main(["--config", str(planted), "doctor", "--bundle", str(path)]) == 1
    files = contents(path)
    assert "usernam: unknown setting" in files["config.toml"]
    assert not any(secret in text for secret in (IN_CONFIG, IN_ENVIRONMENT, IN_URI) for text in files.values())


@pytest.mark.usefixtures("quick")
def test_a_configuration_that_is_no_toml_keeps_its_secrets(planted: Path, tmp_path: Path) -> None:
    planted.write_text(planted.read_text() + "\n= what")
    path = tmp_path / "support.tar.gz"
    assert main(["--config", str(planted), "doctor", "--bundle", str(path)]) == 1
    files = contents(path)
    assert "is not valid TOML" in files["config.toml"]
    assert not any(secret in text for secret in (IN_CONFIG, IN_ENVIRONMENT, IN_URI) for text in files.values())


@pytest.mark.usefixtures("quick")
def test_the_service_s_own_folders_count_for_whoever_asks_with_sudo(
    planted: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    service = tmp_path / "state"
    monkeypatch.setattr("edge.diagnostics.evidence.SERVICE_FOLDERS", (service,))
    monkeypatch.setattr("edge.diagnostics.secrets.SERVICE_FOLDERS", (service,))
    planted.write_text(planted.read_text().replace(f'state_dir = "{service}"', f'state_dir = "{tmp_path}/own"'))
    path = tmp_path / "support.tar.gz"
    assert main(["--config", str(planted), "doctor", "--bundle", str(path)]) == 0
    files = contents(path)
    assert "face.jpg" in files["state.txt"]
    assert not any(secret in text for secret in SECRETS for text in files.values())


@pytest.mark.usefixtures("quick")
def test_a_configuration_that_is_not_there_is_a_finding(tmp_path: Path) -> None:
    path = tmp_path / "support.tar.gz"
    assert main(["--config", str(tmp_path / "none.toml"), "doctor", "--bundle", str(path)]) == 1
    assert "No such file" in contents(path)["config.toml"]


def test_a_file_that_is_no_archive_is_not_overwritten(planted: Path) -> None:
    text = planted.read_text()
    assert main(["--config", str(planted), "doctor", "--bundle", str(planted)]) == InputError.exit_code
    assert planted.read_text() == text


def test_what_fails_is_told_and_the_rest_is_there(tmp_path: Path) -> None:
    def fails() -> str:
        msg = "no such luck at http://a:secret@b"
        raise OSError(msg)

    path = tmp_path / "a.tar.gz"
    bundle.write(path, [bundle.Piece("one", "1", fails), bundle.Piece("two", "2", lambda: {"k": "v"})], Masker())
    files = contents(path)
    assert files["one"] == "cannot be had: OSError: no such luck at http://***@b\n"
    assert json.loads(files["two"]) == {"k": "v"}


def test_bytes_that_are_no_text_stay_out(tmp_path: Path) -> None:
    picture = io.BytesIO(b"\xff\xd8\xff\xe0 JFIF \x89PNG\r\n")
    text = picture.getvalue().decode("utf-8", "replace")
    path = tmp_path / "a.tar.gz"
    bundle.write(path, [bundle.Piece("one", "1", lambda: text)], Masker())
    with tarfile.open(path) as archive:
        stream = archive.extractfile("a/one")
        assert stream is not None
        assert not any(magic in stream.read() for magic in PICTURES)


def test_units_are_taken_with_their_drop_ins(tmp_path: Path) -> None:
    folder = tmp_path / "etc/systemd/system"
    (folder / "face-edge.service.d").mkdir(parents=True)
    (folder / "face-edge.service").write_text("[Unit]\nDescription=x\n")
    (folder / "face-edge.service.d/own.conf").write_text("[Service]\nEnvironment=FACE_EDGE_MQTT__PASSWORD=open\n")
    text = Masker()(evidence.units(tmp_path))
    assert "Description=x" in text
    assert "own.conf\n[Service]\nEnvironment=FACE_EDGE_MQTT__PASSWORD=***" in text
    assert evidence.units(tmp_path / "nothing") == "none"


def test_a_running_device_is_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    monkeypatch.delenv("RUNTIME_DIRECTORY", raising=False)
    flags = {"node.id": "n1", "node.state_dir": tmp_path, "source.uri": "virtual:blank", "source.fps": 5}
    config = configuration.load(environment={}, flags=flags)
    sink = MemorySink()
    wiring = build.device(config, extra_sinks=[sink])
    with wiring.resources:
        running = threading.Thread(target=wiring.device.run)
        running.start()
        try:
            sink.wait_for(CameraStatus)
            found = evidence.status(config)
        finally:
            wiring.device.stop()
            running.join(60)
    assert found["camera"] == "online"
    assert found["health"]["memory_mb"] > 1
