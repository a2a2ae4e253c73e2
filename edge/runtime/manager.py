"""Notify the service manager by sd_notify(3); without a manager nothing is sent.

The few datagrams need no package: systemd passes the socket's path and the watchdog's period in the environment.
"""

from __future__ import annotations

import logging
import os
import socket
import time
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import TracebackType

_LOG = logging.getLogger(__name__)
_PER_PERIOD = 3
"""Signs of life in one watchdog period: one may be late without being taken for death."""


class ServiceManager:
    """Connection to the service manager, which never blocks; a context manager."""

    def __init__(self, environment: Mapping[str, str] | None = None) -> None:
        found = os.environ if environment is None else environment
        self._address = _address(found.get("NOTIFY_SOCKET", ""))
        self._socket = None if self._address is None else socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        if self._socket is not None:
            self._socket.setblocking(False)
        self._pause_s = _watchdog_s(found) / _PER_PERIOD
        self._fed_s: float | None = None
        self._said = ""
        self._told = False

    @property
    def watches(self) -> bool:
        """True if a watchdog expects calls of :meth:`alive`."""
        return self._socket is not None and self._pause_s > 0

    def ready(self) -> None:
        """Report that the device is ready, after its start or after :meth:`reloading`."""
        self._send("READY=1")

    def reloading(self) -> None:
        """Report that the configuration is being reloaded; :meth:`ready` must follow."""
        # the time stamp is what newer versions tell one reload from the next by
        self._send(f"RELOADING=1\nMONOTONIC_USEC={time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000}")

    def stopping(self) -> None:
        """Report that the device is stopping intentionally."""
        self._send("STOPPING=1")

    def status(self, text: str) -> None:
        """Set the line in ``systemctl status``; sent only if it changed."""
        if text != self._said:
            self._said = text
            self._send(f"STATUS={text}")

    def alive(self) -> None:
        """Report that the loop is alive; sent a few times per watchdog period, however often it is called."""
        if not self.watches:
            return
        now_s = time.monotonic()
        if self._fed_s is None or now_s - self._fed_s >= self._pause_s:
            self._fed_s = now_s
            self._send("WATCHDOG=1")

    def close(self) -> None:
        """Close the socket; safe to call again."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _send(self, text: str) -> None:
        if self._socket is None or self._address is None:
            return
        try:
            self._socket.sendto(text.encode(), self._address)
        except OSError as error:
            if not self._told:
                _LOG.warning("the service manager cannot be told how the device is: %s", error.strerror or error)
            self._told = True


def _address(path: str) -> str | None:
    """Return the address of a Unix socket; a name that begins with ``@`` is an abstract one."""
    if path.startswith("@"):
        return "\0" + path[1:]
    return path if path.startswith("/") else None


def _watchdog_s(environment: Mapping[str, str]) -> float:
    """Return the watchdog's period in seconds; 0 if there is none, or it belongs to another process."""
    if environment.get("WATCHDOG_PID", str(os.getpid())) != str(os.getpid()):
        return 0.0
    try:
        return max(0.0, int(environment.get("WATCHDOG_USEC", "0")) / 1e6)
    except ValueError:
        return 0.0
