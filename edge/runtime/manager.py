"""Tells the service manager how the device is, as sd_notify(3) lays down; silent where no manager listens.

A handful of datagrams need no package: systemd passes the socket's path and the watchdog's period in the environment.
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
    """Sends what changed; a manager that does not read holds nobody up. A context manager."""

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
        """True where a watchdog waits for :meth:`alive`."""
        return self._socket is not None and self._pause_s > 0

    def ready(self) -> None:
        """The device has started; also after :meth:`reloading`."""
        self._send("READY=1")

    def reloading(self) -> None:
        """The configuration is being read again; ``ready`` follows."""
        # the time stamp is what newer versions tell one reload from the next by
        self._send(f"RELOADING=1\nMONOTONIC_USEC={time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000}")

    def stopping(self) -> None:
        """The device ends on purpose."""
        self._send("STOPPING=1")

    def status(self, text: str) -> None:
        """One line for ``systemctl status``; sent where it differs from the last one."""
        if text != self._said:
            self._said = text
            self._send(f"STATUS={text}")

    def alive(self) -> None:
        """Frames come and are looked at; sent a few times per watchdog period, however often it is called."""
        if not self.watches:
            return
        now_s = time.monotonic()
        if self._fed_s is None or now_s - self._fed_s >= self._pause_s:
            self._fed_s = now_s
            self._send("WATCHDOG=1")

    def close(self) -> None:
        """Say nothing more; harmless when repeated."""
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
    """Of a Unix socket in the file system, or of an abstract one, whose name begins with ``@``."""
    if path.startswith("@"):
        return "\0" + path[1:]
    return path if path.startswith("/") else None


def _watchdog_s(environment: Mapping[str, str]) -> float:
    """Period of the watchdog; 0 where there is none, or it is meant for another process."""
    if environment.get("WATCHDOG_PID", str(os.getpid())) != str(os.getpid()):
        return 0.0
    try:
        return max(0.0, int(environment.get("WATCHDOG_USEC", "0")) / 1e6)
    except ValueError:
        return 0.0
