"""Network for the drill's device on a link that can be cut silently.

The device's processes run in a network namespace with one end of a veth pair; this machine has the other end. A cut is
a blackhole route to the device: packets of either side are dropped, no connection is reset, no interface goes down, as
with a dead switch or an access point out of range. Needs root and iproute2.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
from typing import TYPE_CHECKING, Self

from edge.core.errors import HardwareUnavailable

if TYPE_CHECKING:
    from types import TracebackType

_FREE = ("203.0.113", "198.51.100", "192.0.2")
"""Networks that RFC 5737 reserves for examples; if one is in use, the next is taken."""
_WIRES = 63
"""Subnets of four addresses in one of these networks."""


class NetworkLink:
    """Context manager for the link; ``inside`` is the prefix of commands at the device's end, ``host`` this end's
    address.

    Raises:
        HardwareUnavailable: on entering, if no network namespace can be created here.
    """

    def __init__(self) -> None:
        number = os.getpid()
        self._first = 4 * (number % _WIRES)
        self.host = self._device = ""
        self._namespace = f"face-edge-drill-{number}"
        self._near, self._far = f"fed{number}h", f"fed{number}d"
        self.inside = ("ip", "netns", "exec", self._namespace)

    def cut(self) -> None:
        """Drop all packets from now on, silently."""
        _ip("route", "replace", "blackhole", f"{self._device}/32")

    def restore(self) -> None:
        """Restore the link; no effect when repeated."""
        with contextlib.suppress(HardwareUnavailable):
            _ip("route", "del", "blackhole", f"{self._device}/32")

    def __enter__(self) -> Self:
        if shutil.which("ip") is None:
            msg = "this drill needs iproute2: sudo apt install iproute2"
            raise HardwareUnavailable(msg)
        try:
            self._lay()
        except BaseException:
            self._remove()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._remove()

    def _lay(self) -> None:
        network = next((each for each in _FREE if not _ip("-4", "route", "show", "root", f"{each}.0/24")), _FREE[0])
        self.host, self._device = f"{network}.{self._first + 1}", f"{network}.{self._first + 2}"
        _ip("netns", "add", self._namespace)
        _ip("link", "add", self._near, "type", "veth", "peer", "name", self._far, "netns", self._namespace)
        _ip("address", "add", f"{self.host}/30", "dev", self._near)
        _ip("link", "set", self._near, "up")
        within = ("-n", self._namespace)
        _ip(*within, "address", "add", f"{self._device}/30", "dev", self._far)
        _ip(*within, "link", "set", self._far, "up")
        _ip(*within, "link", "set", "lo", "up")

    def _remove(self) -> None:
        self.restore()
        for words in (("link", "del", self._near), ("netns", "del", self._namespace)):
            with contextlib.suppress(HardwareUnavailable):
                _ip(*words)


def _ip(*words: str) -> str:
    done = subprocess.run(["ip", *words], capture_output=True, text=True, check=False)
    if done.returncode:
        lines = done.stderr.strip().splitlines()
        said = lines[-1] if lines else f"ended with {done.returncode}"
        msg = f"this drill makes a network namespace: run it as root (sudo); ip {' '.join(words)}: {said}"
        raise HardwareUnavailable(msg)
    return done.stdout.strip()
