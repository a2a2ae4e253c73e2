"""The wire that can be cut, where a network namespace may be made; and what is said where not."""

from __future__ import annotations

import shutil
import socket
import subprocess
from typing import Any

import pytest

from edge.core.errors import HardwareUnavailable
from tests.drills.wire import NetworkLink

_TALK = "import socket, sys; socket.create_connection((sys.argv[1], int(sys.argv[2])), timeout=1).sendall(b'x')"


def talk(wire: NetworkLink, port: int) -> str:
    """Return the error's name of a connection from the device's end, or nothing."""
    python = shutil.which("python3")
    assert python
    done = subprocess.run([*wire.inside, python, "-c", _TALK, wire.host, str(port)], capture_output=True, check=False)
    return done.stderr.decode().strip().rpartition("\n")[2].partition(":")[0]


def test_a_cut_wire_is_silent_and_a_mended_one_carries_on() -> None:
    try:
        with NetworkLink() as wire, socket.create_server((wire.host, 0)) as server:
            port = server.getsockname()[1]
            assert talk(wire, port) == ""
            wire.cut()
            assert talk(wire, port) == "TimeoutError"  # a reset or an unreachable network would say more
            wire.restore()
            wire.restore()
            assert talk(wire, port) == ""
    except HardwareUnavailable as refusal:
        pytest.skip(str(refusal))
    left = subprocess.run(["ip", "netns", "list"], capture_output=True, text=True, check=True).stdout
    assert wire.inside[-1] not in left


def test_without_the_right_it_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(words: list[str], **_named: Any) -> subprocess.CompletedProcess[str]:
        return subprocess.CompletedProcess(words, 1, "", "mkdir /run/netns failed: Permission denied\n")

    monkeypatch.setattr(shutil, "which", lambda _name: "/sbin/ip")
    monkeypatch.setattr(subprocess, "run", refused)
    with pytest.raises(HardwareUnavailable, match=r"run it as root \(sudo\).*Permission denied") as raised:
        NetworkLink().__enter__()
    assert "\n" not in str(raised.value)


def test_without_iproute2_it_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda _name: None)
    with pytest.raises(HardwareUnavailable, match="sudo apt install iproute2"):
        NetworkLink().__enter__()
