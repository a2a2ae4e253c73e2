"""What the service manager is told, on a socket of its kind."""

from __future__ import annotations

import os
import socket
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

from edge.runtime.manager import ServiceManager

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    Managed = Callable[[dict[str, str]], ServiceManager]


@pytest.fixture
def listen() -> Iterator[Callable[[str], Callable[[], list[str]]]]:
    """``listen(address)``: what is said there, each time what is new."""
    opened: list[socket.socket] = []

    def start(address: str) -> Callable[[], list[str]]:
        heard = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        opened.append(heard)
        heard.setblocking(False)
        heard.bind(address)

        def read() -> list[str]:
            found = []
            while True:
                try:
                    found.append(heard.recv(4096).decode())
                except BlockingIOError:
                    return found

        return read

    yield start
    for each in opened:
        each.close()


@pytest.fixture
def managed() -> Iterator[Callable[[dict[str, str]], ServiceManager]]:
    """``managed(environment)``: closed after the test."""
    with ExitStack() as stack:
        yield lambda environment: stack.enter_context(ServiceManager(environment))


def test_the_manager_hears_start_status_reload_and_stop(
    tmp_path: Path, listen: Callable[..., Callable[[], list[str]]], managed: Managed
) -> None:
    path = str(tmp_path / "notify")
    heard = listen(path)
    manager = managed({"NOTIFY_SOCKET": path})
    manager.ready()
    manager.status("looking")
    manager.status("looking")
    manager.reloading()
    manager.stopping()
    said = heard()
    assert said[:2] == ["READY=1", "STATUS=looking"]
    assert said[2].startswith("RELOADING=1\nMONOTONIC_USEC=")
    assert said[3:] == ["STOPPING=1"]
    assert not manager.watches
    manager.alive()
    assert heard() == []


def test_an_abstract_address_and_a_watchdog_that_is_not_flooded(
    listen: Callable[..., Callable[[], list[str]]], managed: Managed
) -> None:
    name = f"face-edge-test-{os.getpid()}"
    heard = listen("\0" + name)
    manager = managed({"NOTIFY_SOCKET": f"@{name}", "WATCHDOG_USEC": "30000000", "WATCHDOG_PID": str(os.getpid())})
    assert manager.watches
    for _ in range(100):
        manager.alive()
    assert heard() == ["WATCHDOG=1"]


def test_a_sign_of_life_follows_the_period(
    tmp_path: Path, listen: Callable[..., Callable[[], list[str]]], monkeypatch: pytest.MonkeyPatch, managed: Managed
) -> None:
    path = str(tmp_path / "notify")
    heard = listen(path)
    now = [100.0]
    monkeypatch.setattr("edge.runtime.manager.time.monotonic", lambda: now[0])
    manager = managed({"NOTIFY_SOCKET": path, "WATCHDOG_USEC": "30000000"})
    for _ in range(7):
        manager.alive()
        now[0] += 5
    assert heard() == ["WATCHDOG=1"] * 4


@pytest.mark.parametrize(
    "environment",
    [
        {},
        {"NOTIFY_SOCKET": "relative"},
        {"NOTIFY_SOCKET": "@x", "WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "1"},
        {"NOTIFY_SOCKET": "@x", "WATCHDOG_USEC": "soon"},
    ],
)
def test_nobody_watches_where_nobody_asked(environment: dict[str, str], managed: Managed) -> None:
    assert not managed(environment).watches


def test_a_manager_that_is_gone_is_told_of_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, managed: Managed
) -> None:
    manager = managed({"NOTIFY_SOCKET": str(tmp_path / "nobody")})
    manager.ready()
    manager.stopping()
    assert [record.getMessage() for record in caplog.records] == [
        "the service manager cannot be told how the device is: No such file or directory"
    ]
