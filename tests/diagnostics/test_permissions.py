"""Who else may read the device's secrets or change what it does; what is said of the page, its ports and films."""

from __future__ import annotations

import os
import socket
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from edge import config as configuration
from edge.diagnostics.finding import Status
from edge.diagnostics.page import certificate, media, page, ports
from edge.diagnostics.permissions import permissions

if TYPE_CHECKING:
    from pathlib import Path

    from edge.config import Config
    from edge.diagnostics.finding import Finding


def config(folder: Path, **flags: Any) -> Config:
    return configuration.load(environment={}, flags={"node.id": "x", "node.state_dir": folder / "state"} | flags)


def written(path: Path, mode: int, text: str = "secret") -> Path:
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    path.chmod(mode)
    return path


@pytest.fixture
def closed(tmp_path: Path) -> Path:
    """A folder that others may enter but not change, whatever those above it are like."""
    folder = tmp_path / "etc"
    folder.mkdir(mode=0o755)
    return folder


def only(findings: list[Finding]) -> Finding:
    [finding] = findings
    return finding


@pytest.mark.parametrize(
    ("key", "extra"),
    [
        ("kiosk.password_file", {}),
        ("kiosk.viewer_token_file", {}),
        ("kiosk.tls_key", {}),
        ("mqtt.password_file", {}),
        ("mqtt.tls.key", {"mqtt.tls.certificate": "c.pem"}),
    ],
)
@pytest.mark.parametrize(
    ("mode", "status"), [(0o600, Status.OK), (0o640, Status.OK), (0o644, Status.WARN), (0o602, Status.FAIL)]
)
def test_a_secret_that_others_can_read_or_change_is_said(
    closed: Path, key: str, extra: dict[str, Any], mode: int, status: Status
) -> None:
    path = written(closed / "secret", mode)
    finding = only(list(permissions(config(closed, **{key: path}, **extra), None)))
    assert finding.status is status
    if status is not Status.OK:
        assert finding.message.startswith(f"{key}: everyone on this machine")
        assert f"sudo chmod {'600' if status is Status.FAIL else 'o-rwx'} {path}" in finding.remedy


@pytest.mark.parametrize("name", ["kiosk-secret", "kiosk-tls.pem", "kiosk-logins-n1.json"])
def test_keys_that_the_device_made_are_secrets_too(closed: Path, name: str) -> None:
    written(closed / "state" / name, 0o644)
    finding = only(list(permissions(config(closed, **{"node.id": "n1"}), None)))
    assert (finding.status, name in finding.message) == (Status.WARN, True)


def test_a_password_in_a_credential_is_a_secret_too(closed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(closed))
    written(closed / "mqtt-password", 0o644)
    assert only(list(permissions(config(closed), None))).status is Status.WARN


def test_a_configuration_that_everyone_may_change_fails(closed: Path) -> None:
    file = written(closed / "config.toml", 0o666)
    finding = only(list(permissions(config(closed), file)))
    assert (finding.status, finding.remedy) == (Status.FAIL, f"sudo chmod o-w {file}")


def test_a_folder_in_which_everyone_may_replace_it_fails(closed: Path) -> None:
    file = written(closed / "config.toml", 0o644)
    closed.chmod(0o777)
    finding = only(list(permissions(config(closed), file)))
    assert (finding.status, finding.remedy) == (Status.FAIL, f"sudo chmod o-w {closed}")
    closed.chmod(0o1777)
    assert only(list(permissions(config(closed), file))).status is Status.OK


@pytest.mark.parametrize(
    ("flags", "status"),
    [
        ({"mqtt.password": "hunter2"}, Status.WARN),
        ({"source.uri": "rtsp://me:hunter2@camera/1"}, Status.WARN),
        ({"mqtt.username": "me"}, Status.OK),
    ],
)
def test_a_password_in_a_configuration_that_everyone_can_read_is_said(
    closed: Path, flags: dict[str, Any], status: Status
) -> None:
    file = written(closed / "config.toml", 0o644)
    finding = only(list(permissions(config(closed, **flags), file)))
    assert finding.status is status
    assert "hunter2" not in finding.message + finding.remedy
    file.chmod(0o640)
    assert only(list(permissions(config(closed, **flags), file))).status is Status.OK


PAGE = {"kiosk.enabled": True}


@pytest.mark.parametrize(
    ("flags", "status", "words"),
    [
        ({}, Status.SKIP, "not switched on"),
        (PAGE, Status.OK, "for this machine alone"),
        (PAGE | {"kiosk.host": "0.0.0.0"}, Status.FAIL, "asks for an operator password"),
        (PAGE | {"kiosk.password_file": "/nowhere/p"}, Status.FAIL, "/nowhere/p cannot be read"),
        (PAGE | {"kiosk.tls": "files", "kiosk.tls_key": "/nowhere/k"}, Status.FAIL, "wants kiosk.tls_certificate"),
    ],
)
def test_the_page(tmp_path: Path, flags: dict[str, Any], status: Status, words: str) -> None:
    pytest.importorskip("starlette", reason="the extra `kiosk` is not installed")
    findings = list(page(config(tmp_path, **flags)))
    assert findings[0].status is status
    assert words in findings[0].message
    assert status is not Status.FAIL or findings[0].remedy


def test_a_certificate_that_ends_soon_is_said(tmp_path: Path) -> None:
    pytest.importorskip("cryptography", reason="the extra `kiosk` is not installed")
    from edge.kiosk.certificate import describe, make

    path = tmp_path / "c.pem"
    path.write_bytes(make({"localhost"}))
    end = describe(path.read_bytes()).not_after
    assert certificate(path, end - timedelta(days=90)).status is Status.OK
    assert certificate(path, end - timedelta(days=3)).status is Status.WARN
    assert "browsers refuse it" in certificate(path, end + timedelta(days=3)).remedy


@pytest.fixture
def taken() -> Any:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


def test_a_port_of_another_program_fails(tmp_path: Path, taken: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RUNTIME_DIRECTORY", str(tmp_path))
    flags = PAGE | {"kiosk.port": taken, "metrics.enabled": True, "metrics.port": 0, "mqtt.broker": f"embedded:{taken}"}
    monkeypatch.setattr("edge.config.checking.port_clashes", lambda *_: ())
    findings = list(ports(config(tmp_path, **flags)))
    assert [finding.status for finding in findings] == [Status.FAIL, Status.FAIL, Status.OK]
    assert f"port {taken} is taken by another program" in findings[0].message
    assert "ss -ltnp" in findings[0].remedy


def test_a_port_of_the_running_device_is_well(tmp_path: Path, taken: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edge.diagnostics.page.ask", lambda *_: {})
    finding = only(list(ports(config(tmp_path, **PAGE, **{"kiosk.port": taken}))))
    assert (finding.status, "a device of this node is running" in finding.message) == (Status.OK, True)


def test_an_address_of_another_machine_fails(tmp_path: Path) -> None:
    flags = {"metrics.enabled": True, "metrics.host": "192.0.2.77"}
    finding = only(list(ports(config(tmp_path, **flags))))
    assert (finding.status, "192.0.2.77 is not an address of this machine" in finding.message) == (Status.FAIL, True)


def test_the_folder_of_films(tmp_path: Path) -> None:
    films = tmp_path / "films"
    made = config(tmp_path, **PAGE, **{"kiosk.media_dir": films})
    assert media(config(tmp_path, **{"kiosk.media_dir": films})).status is Status.SKIP
    assert media(config(tmp_path, **PAGE)).status is Status.SKIP
    assert media(made).status is Status.FAIL
    films.mkdir()
    assert (media(made).status, ".mp4" in media(made).remedy) == (Status.WARN, True)
    (films / "a.mp4").write_bytes(b"x")
    assert (media(made).status, "1 file" in media(made).message) == (Status.OK, True)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_film_that_cannot_be_read_is_said(tmp_path: Path) -> None:
    (tmp_path / "a.mp4").touch(mode=0)
    assert media(config(tmp_path, **PAGE, **{"kiosk.media_dir": tmp_path})).status is Status.WARN
