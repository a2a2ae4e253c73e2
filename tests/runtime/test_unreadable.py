"""A file that cannot be read keeps off what needs it, never the device; what it kept off comes back by itself."""

from __future__ import annotations

import logging
import os
import pwd
import threading
import urllib.request
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

pytest.importorskip("starlette", reason="the extra `kiosk` is not installed")

from edge import config as configuration
from edge.core.errors import ConfigError, FileUnavailable
from edge.kiosk.passwords import make_hash
from edge.kiosk.sink import KioskSink
from edge.runtime import build
from edge.sinks.memory import MemorySink
from edge.util.files import why_unreadable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from edge.runtime.app import Device

Eventually = Any


@contextmanager
def running(tmp_path: Path, **flags: Any) -> Iterator[tuple[Device, MemorySink]]:
    base = {"node.id": "hall", "node.state_dir": tmp_path / "state", "source.uri": "virtual:portrait"}
    base |= {"source.width": 160, "source.height": 120, "source.fps": 5, "sessions.keep": False}
    config = configuration.load(environment={}, flags=base | {k.replace("__", "."): v for k, v in flags.items()})
    sink = MemorySink()
    wiring = build.device(config, extra_sinks=[sink])
    with wiring.resources:
        thread = threading.Thread(target=wiring.device.run)
        thread.start()
        try:
            yield wiring.device, sink
        finally:
            wiring.device.stop()
            thread.join(60)
            assert not thread.is_alive()


def answers(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/about", timeout=60) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def failing(device: Device) -> dict[str, str]:
    found: dict[str, str] = device._about()["failing"]
    return found


@pytest.mark.parametrize("content", [None, b"", b"correct horse\n", b"\xff\xfe\n"])
def test_without_its_password_file_the_page_stays_off_and_the_device_works(
    tmp_path: Path,
    content: bytes | None,
    free_port: Callable[[], int],
    eventually: Eventually,
    caplog: pytest.LogCaptureFixture,
) -> None:
    path, port = tmp_path / "operator.hash", free_port()
    if content is not None:
        path.write_bytes(content)
    caplog.set_level(logging.ERROR)
    page = {"kiosk__enabled": True, "kiosk__port": port, "kiosk__password_file": path}
    with running(tmp_path, mqtt__broker="off", **page) as (device, sink):
        assert eventually(lambda: "kiosk" in failing(device))
        assert eventually(lambda: device.processed > 3), "the loop does its work"
        assert not answers(port), "never without its password"
        assert "kiosk.password_file: " in failing(device)["kiosk"]
        health = device._health(0)
        assert health.failing == ("kiosk",)
        assert sink.messages
        path.write_text(make_hash("correct horse") + "\n")
        assert eventually(lambda: answers(port), 60)
        assert eventually(lambda: failing(device) == {})
    told = [record.getMessage() for record in caplog.records if "kiosk.password_file" in record.getMessage()]
    assert len(told) == 1, "once, in one line"
    assert "\n" not in told[0]


def test_a_certificate_that_is_not_there_yet(
    tmp_path: Path, free_port: Callable[[], int], eventually: Eventually
) -> None:
    files = {"kiosk__tls_certificate": tmp_path / "c.pem", "kiosk__tls_key": tmp_path / "k.pem"}
    port = free_port()
    page = {"kiosk__enabled": True, "kiosk__port": port, "kiosk__tls": "files"} | files
    with running(tmp_path, mqtt__broker="off", **page) as (device, _):
        assert eventually(lambda: "kiosk.tls_certificate" in failing(device).get("kiosk", ""))
        assert eventually(lambda: device.processed > 3)


def test_the_embedded_broker_waits_for_its_password(
    tmp_path: Path, free_port: Callable[[], int], eventually: Eventually
) -> None:
    pytest.importorskip("amqtt", reason="the extra `broker` is not installed")
    path = tmp_path / "mqtt-password"
    feed = {"mqtt__broker": f"embedded:{free_port()}", "mqtt__username": "hall", "mqtt__password_file": path}
    with running(tmp_path, **feed) as (device, _):
        assert eventually(lambda: "mqtt.password_file: cannot read" in failing(device).get("mqtt", ""))
        assert eventually(lambda: device.processed > 3)
        assert device._about()["work"]["broker"] is False
        path.write_text("secret\n")
        assert eventually(lambda: device._about()["work"]["broker"] is True, 60)
        assert failing(device) == {}


def test_another_broker_s_password_is_asked_for_again(
    tmp_path: Path, free_port: Callable[[], int], eventually: Eventually, caplog: pytest.LogCaptureFixture
) -> None:
    feed = {"mqtt__broker": f"mqtt://127.0.0.1:{free_port()}", "mqtt__username": "hall"}
    with running(tmp_path, mqtt__password_file=tmp_path / "none", **feed) as (device, _):
        assert eventually(lambda: device.processed > 3)
        assert eventually(lambda: "mqtt.password_file: cannot read" in caplog.text)


@pytest.mark.parametrize(
    "flags", [{"kiosk.host": "0.0.0.0"}, {"kiosk.tls": "files", "kiosk.tls_certificate": "/c.pem"}]
)
def test_what_no_file_can_mend_is_still_refused(tmp_path: Path, flags: dict[str, str]) -> None:
    from edge.core.commands import CommandQueue

    base = {"kiosk.enabled": True, "node.state_dir": tmp_path}
    config = configuration.load(environment={}, flags=base | flags)
    with pytest.raises(ConfigError) as refused:
        KioskSink(config, CommandQueue())
    assert not isinstance(refused.value, FileUnavailable)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root takes another user's place")
def test_the_message_names_the_user_and_the_command(tmp_path: Path) -> None:
    account = pwd.getpwnam("nobody")
    path = tmp_path / "secret"
    path.write_text("x")
    closed = [each for each in (tmp_path, *tmp_path.parents) if not each.stat().st_mode & 0o001]
    denied = PermissionError(13, "Permission denied")
    os.seteuid(account.pw_uid)
    try:
        behind = why_unreadable(path, denied)
    finally:
        os.seteuid(0)
    modes = [each.stat().st_mode & 0o7777 for each in closed]
    for each in closed:
        each.chmod(0o711)
    os.seteuid(account.pw_uid)
    try:
        here = why_unreadable(path, denied)
    finally:
        os.seteuid(0)
        for each, mode in zip(closed, modes, strict=True):
            each.chmod(mode)
    assert here == f"Permission denied: sudo chown nobody {path}"
    if closed:
        assert (
            behind == f"Permission denied: the user nobody cannot access the folder {closed[-1]}; choose another path"
        )
    assert why_unreadable(path, FileNotFoundError(2, "No such file or directory")) == "No such file or directory"
