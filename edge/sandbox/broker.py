"""Open, rename and delete files on behalf of a confined process, as far as its access allows.

The kernel suspends the process at each such call and notifies this one. This process resolves the path, opens the file
and installs the descriptor in the other: changes that the other makes to its memory in the meantime have no effect.
"""

from __future__ import annotations

import errno
import fcntl
import logging
import os
import select
import socket
import stat
import struct
import sysconfig
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from edge.sandbox.confine import HANDED_OVER, why_not
from edge.sandbox.libseccomp import number

if TYPE_CHECKING:
    from collections.abc import Iterable

_LOG = logging.getLogger(__name__)
_RECEIVE, _SEND, _IS_VALID, _ADD = 0xC0502100, 0xC0182101, 0x40082102, 0x40182103
"""Requests of <linux/seccomp.h>."""
_NOTIFICATION = struct.Struct("=QIIiIQ6Q")
_RESPONSE = struct.Struct("=QqiI")
_DESCRIPTOR = struct.Struct("=QIIII")
_ADD_AND_SEND = 2
_HERE = -100
_LONGEST_PATH = 4096
_PAGE = 4096
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
_FLAGS = _WRITING | os.O_EXCL | os.O_DIRECTORY
_SYSTEM = ("/usr/lib", "/lib", "/usr/local/lib", "/etc/ld.so.cache", "/etc/localtime", "/usr/share/zoneinfo")
_MACHINE = ("/proc/cpuinfo", "/proc/meminfo", "/sys/devices/system/cpu", "/dev/null", "/dev/urandom")
_CALLS_PER_S = 500
"""A process that asks more often waits: it must not take this one's time."""


@dataclass(frozen=True, slots=True)
class Access:
    """Files and folders of a confined process: ``read`` beside Python's own and the machine's libraries."""

    read: tuple[str, ...] = ()
    write: tuple[str, ...] = ()


class FileBroker:
    """Broker that serves the file calls of one process on a thread, which ends with the process.

    ``access`` may be replaced at any time.
    """

    def __init__(self, line: socket.socket) -> None:
        self.access = Access()
        self.confined = False
        self._line = line
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, name="file-broker", daemon=True)
        self._thread.start()

    def wait(self, timeout_s: float) -> bool:
        """Wait at most ``timeout_s`` seconds for the process's report; return whether it is confined."""
        self._ready.wait(timeout_s)
        return self.confined

    def _run(self) -> None:
        descriptor = self._receive_descriptor()
        self._ready.set()
        if descriptor is None:
            return
        try:
            self._serve(descriptor)
        except OSError as error:
            _LOG.warning("files for the confined process are not opened any more: %s", error.strerror or error)
        finally:
            os.close(descriptor)  # what is still asked is refused by the kernel

    def _receive_descriptor(self) -> int | None:
        with self._line, suppress(OSError):
            _, descriptors, _, _ = socket.recv_fds(self._line, 64, 1)
            self.confined = bool(descriptors)
            return descriptors[0] if descriptors else None
        return None

    def _serve(self, descriptor: int) -> None:
        names = {number(name): name for name in HANDED_OVER}
        poll = select.poll()
        poll.register(descriptor, select.POLLIN)
        second, calls = time.monotonic(), 0
        while True:
            ready = poll.poll()
            if any(event & (select.POLLHUP | select.POLLERR | select.POLLNVAL) for _, event in ready):
                return
            now = time.monotonic()
            if now - second >= 1:
                second, calls = now, 0
            calls += 1
            if calls > _CALLS_PER_S:
                time.sleep(max(0.0, second + 1 - now))
            self._answer(descriptor, names)

    def _answer(self, descriptor: int, names: dict[int, str]) -> None:
        data = bytearray(_NOTIFICATION.size)
        try:
            fcntl.ioctl(descriptor, _RECEIVE, data)
        except OSError as error:
            if error.errno in {errno.ENOENT, errno.EINTR}:  # it has died, or was interrupted
                return
            raise
        identity, process, _, call, _, _, *arguments = _NOTIFICATION.unpack(data)
        opened, failure = -1, 0
        try:
            opened = self._do(names.get(call, ""), process, arguments, _Check(descriptor, identity))
            if opened >= 0:
                fcntl.ioctl(descriptor, _ADD, _DESCRIPTOR.pack(identity, _ADD_AND_SEND, opened, 0, os.O_CLOEXEC))
                return
        except OSError as error:
            failure = error.errno or errno.EACCES
        except Exception:  # noqa: BLE001 - whatever arguments that a hostile process made up lead to
            failure = errno.EACCES
        finally:
            if opened >= 0:
                os.close(opened)
        with suppress(OSError):  # it has died meanwhile
            fcntl.ioctl(descriptor, _SEND, _RESPONSE.pack(identity, 0, -failure, 0))

    def _do(self, name: str, process: int, arguments: list[int], check: _Check) -> int:
        """Execute the call; return a descriptor for the process, or -1 if the call returns none.

        Raises:
            OSError: the call is not allowed, or fails.
        """

        def path(folder: int | None, address: int) -> Path:
            return _path(process, None if folder is None else arguments[folder], arguments[address], check)

        match name:
            case "open":
                return self._open(path(None, 0), arguments[1], arguments[2])
            case "openat":
                return self._open(path(0, 1), arguments[2], arguments[3])
            case "unlink":
                self._writable(path(None, 0)).unlink()
            case "unlinkat" if not arguments[2]:
                self._writable(path(0, 1)).unlink()
            case "rename":
                self._writable(path(None, 0)).rename(self._writable(path(None, 1)))
            case "renameat":
                self._writable(path(0, 1)).rename(self._writable(path(2, 3)))
            case "renameat2" if not arguments[4]:
                self._writable(path(0, 1)).rename(self._writable(path(2, 3)))
            case _:
                raise _no()
        return -1

    def _open(self, path: Path, flags: int, mode: int) -> int:
        if flags & _WRITING:
            real = self._writable(path)
        else:
            real = _real(path)
            if not _below(real, (*_own_files(), *_reals(self.access.read), *_reals(self.access.write))):
                raise _no()
        opened = os.open(real, flags & _FLAGS | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK, mode & 0o600)
        kind = os.fstat(opened).st_mode
        if stat.S_ISREG(kind) or stat.S_ISDIR(kind) or str(real) in _MACHINE:
            os.set_blocking(opened, True)
            return opened
        os.close(opened)
        raise _no()

    def _writable(self, path: Path) -> Path:
        real = _real(path.parent) / path.name
        if path.name in {"", ".."} or not _below(real.parent, _reals(self.access.write)) or real.is_symlink():
            raise _no()
        return real


class _Check:
    """Check that a call is still pending, so that its process id cannot have been reused."""

    def __init__(self, descriptor: int, identity: int) -> None:
        self._descriptor, self._identity = descriptor, identity

    def __call__(self) -> None:
        fcntl.ioctl(self._descriptor, _IS_VALID, struct.pack("=Q", self._identity))


def _path(process: int, folder: int | None, address: int, check: _Check) -> Path:
    """Read the path from the memory of ``process``; ``folder`` is the base descriptor of a relative one.

    Its working folder is the same as ours: it was started in it and cannot change it.
    """
    found = b""
    with Path(f"/proc/{process}/mem").open("rb", buffering=0) as memory:
        check()
        while b"\0" not in found:
            memory.seek(address + len(found))
            piece = memory.read(_PAGE - (address + len(found)) % _PAGE)
            found += piece
            if not piece or len(found) > _LONGEST_PATH + _PAGE:
                raise OSError(errno.ENAMETOOLONG, os.strerror(errno.ENAMETOOLONG))
    path = Path(os.fsdecode(found.partition(b"\0")[0]))
    if (
        not path.is_absolute()
        and folder is not None
        and struct.unpack("=i", struct.pack("=I", folder & 0xFFFFFFFF))[0] != _HERE
    ):
        raise _no()
    return path


def _no() -> OSError:
    return OSError(errno.EACCES, os.strerror(errno.EACCES))


def _real(path: str | Path) -> Path:
    return Path(os.path.realpath(path))


@lru_cache(maxsize=8)
def _reals(paths: tuple[str, ...]) -> tuple[Path, ...]:
    return tuple(_real(path) for path in paths)


def _below(path: Path, roots: Iterable[Path]) -> bool:
    return any(path.is_relative_to(root) for root in roots)


@cache
def _own_files() -> tuple[Path, ...]:
    """Return the files of Python, its packages and this one, and system files that libraries read."""
    package = Path(__file__).resolve().parents[1]
    paths = sysconfig.get_paths()
    code = [paths[name] for name in ("stdlib", "platstdlib", "purelib", "platlib")]
    return _reals((*_SYSTEM, *_MACHINE, *code, str(package), str(package.parent / "models")))


def start_broker() -> tuple[FileBroker, socket.socket] | None:
    """Return a broker and the socket for its process; ``None`` if this system cannot confine processes."""
    if why_not():
        return None
    ours, theirs = socket.socketpair()
    return FileBroker(ours), theirs
