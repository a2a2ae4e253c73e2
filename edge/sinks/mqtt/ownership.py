"""Check whether a TCP connection comes from this process, by the kernel's socket tables."""

from __future__ import annotations

import contextlib
from pathlib import Path

_TABLES = ("/proc/self/net/tcp", "/proc/self/net/tcp6")


def is_own(peer_port: int, local_port: int) -> bool:
    """Return whether this process holds the other end of a connection from ``peer_port`` to our ``local_port``."""
    wanted = {
        f"socket:[{columns[9]}]"
        for columns in _connections()
        if columns[1].endswith(f":{peer_port:04X}") and columns[2].endswith(f":{local_port:04X}")
    }
    return bool(wanted) and not wanted.isdisjoint(_own_sockets())


def _connections() -> list[list[str]]:
    found = []
    for table in _TABLES:
        with contextlib.suppress(OSError):
            found += [line.split() for line in Path(table).read_text(encoding="ascii").splitlines()[1:]]
    return found


def _own_sockets() -> list[str]:
    found = []
    with contextlib.suppress(OSError):
        for entry in Path("/proc/self/fd").iterdir():
            with contextlib.suppress(OSError):
                found.append(str(entry.readlink()))
    return found
