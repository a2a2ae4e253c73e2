"""Lock for one process per camera and node id, based on a file lock that the kernel releases with its owner."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
from pathlib import Path
from typing import TYPE_CHECKING, Self
from urllib.parse import quote

from edge.core.errors import AlreadyRunning, ConfigError
from edge.util.files import not_writable

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import TracebackType

_LONGEST_NAME = 120


class InstanceLock:
    """Lock on ``name`` (``"node ID"`` or ``"camera URI"``); a context manager.

    ``directory`` is used if the system has no runtime directory, see :func:`runtime_dir`. The file is not removed after
    use: only the lock counts, so a file left by a crash does no harm, and no process can lock a removed file.
    """

    def __init__(self, directory: Path, name: str, *, environment: Mapping[str, str] | None = None) -> None:
        self._name = name
        self.path = runtime_dir(directory, environment) / _file_name(name)
        self._descriptor: int | None = None

    def acquire(self) -> None:
        """Acquire the lock; safe to call again while this object holds it.

        Raises:
            AlreadyRunning: another process, or another part of this one, holds it.
            ConfigError: the lock file cannot be written.
        """
        if self._descriptor is not None:
            return
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        except OSError as error:
            msg = f"node.state_dir: cannot write {self.path}: {error.strerror}; make it writable or set another"
            raise ConfigError(msg) from None
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = _holder(descriptor)
            os.close(descriptor)
            raise AlreadyRunning(_refusal(self._name, holder)) from None
        except OSError as error:
            os.close(descriptor)
            msg = f"node.state_dir: {self.path} cannot be locked: {error.strerror}; set a directory on a local disk"
            raise ConfigError(msg) from None
        # the number only helps a person: a full disk must not stop the device
        with contextlib.suppress(OSError):
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        self._descriptor = descriptor

    def release(self) -> None:
        """Release the lock; safe to call again."""
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is None:
            return
        with contextlib.suppress(OSError):
            os.ftruncate(descriptor, 0)
        os.close(descriptor)

    def __enter__(self) -> Self:
        self.acquire()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()


def check_folder(directory: Path, environment: Mapping[str, str] | None = None) -> None:
    """Check that locks can be created, without creating any.

    Raises:
        ConfigError: the lock files cannot be written.
    """
    folder = runtime_dir(directory, environment)
    reason = not_writable(folder)
    if reason is not None:
        msg = f"node.state_dir: {folder} cannot be used: {reason}; make it writable or set another"
        raise ConfigError(msg)


def runtime_dir(fallback: Path, environment: Mapping[str, str] | None = None) -> Path:
    """Return the folder of locks: ``$RUNTIME_DIRECTORY``, else the user's ``/run/user/UID``, else ``fallback``."""
    variables = os.environ if environment is None else environment
    given = variables.get("RUNTIME_DIRECTORY", "").split(":")[0]
    if given:
        return Path(given)
    of_user = Path(variables.get("XDG_RUNTIME_DIR") or f"/run/user/{os.getuid()}")
    return of_user if of_user.is_dir() and os.access(of_user, os.W_OK | os.X_OK) else fallback


def _file_name(name: str) -> str:
    """Return a unique file name: special characters are percent-encoded, long names are cut and end in a hash."""
    quoted = quote(name.replace(" ", "-"), safe="")
    if quoted != name.replace(" ", "-") or len(quoted) > _LONGEST_NAME:
        quoted = f"{quoted[:_LONGEST_NAME]}-{hashlib.blake2b(name.encode(), digest_size=4).hexdigest()}"
    return f"face-edge-{quoted}.lock"


def _holder(descriptor: int) -> str:
    """Return ``process 123``, or ``another process`` if the holder has not written its id yet."""
    digits = os.pread(descriptor, 32, 0).strip()
    return f"process {int(digits)}" if digits.isdigit() else "another process"


def _refusal(name: str, holder: str) -> str:
    kind, _, which = name.partition(" ")
    match kind:
        case "node":
            return f"node id {which!r} is already run by {holder}: stop it or set another node.id"
        case "camera":
            return f"camera {which} is already used by {holder}: stop it or set another source.uri"
        case _:
            return f"{name} is already used by {holder}: stop it first"
