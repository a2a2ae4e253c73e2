"""Commands from the same machine through a Unix socket next to the locks, accessible only to its owner and root.

It accepts the requests of the MQTT feed and ``status``, one JSON object per line: ``{"request": "marker", "label":
"…"}`` is answered by ``{"status": "ok", "data": {…}}`` or ``{"status": "error", "error": "why"}``. No broker, password
or network is needed, and file permissions control access.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import socket
import threading
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any, Self

from edge.config import node_id, state_dir
from edge.core.commands import CheckStatus
from edge.core.errors import EdgeError
from edge.core.events import Reply
from edge.runtime.lock import runtime_dir
from edge.sinks.mqtt import payloads

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from types import TracebackType

    from edge.config import Config
    from edge.core.commands import Answer, Command, CommandQueue

_LOG = logging.getLogger(__name__)
_PATIENCE_S = 2.0
_ANSWER_S = 5.0
_BACKLOG = 8
_PATH_MAX = 100
_SERVICE_RUNTIME = Path("/run/face-edge")


def _status(payload: bytes) -> tuple[None, Command]:
    if payload != b"{}":
        msg = "status takes nothing"
        raise payloads.Refused(msg)
    return None, CheckStatus()


_OWN: dict[str, Callable[[bytes], tuple[str | None, Command]]] = {"status": _status}
"""Requests that only this machine may make: their answer says more than subscribers need."""


class NotRunning(EdgeError):
    """Error if no device of this node answers on this machine."""


def control_path(config: Config, environment: Mapping[str, str] | None = None) -> Path:
    """Return the socket that a device with this configuration listens on."""
    return runtime_dir(state_dir(config, environment), environment) / f"face-edge-{node_id(config)}.sock"


def control_paths(config: Config, environment: Mapping[str, str] | None = None) -> list[Path]:
    """Return the sockets on which the device of this configuration may listen, most likely first."""
    own = control_path(config, environment)
    state = state_dir(config, environment) / own.name
    return list(dict.fromkeys((own, state, _SERVICE_RUNTIME / own.name)))


class LocalControl:
    """Server of the socket at ``path`` on a separate thread, one request at a time; a context manager.

    The path must be held by an :class:`edge.runtime.lock.InstanceLock`: a socket left by a crash is removed.
    """

    def __init__(self, path: Path, inbox: CommandQueue) -> None:
        self.path = path
        self._inbox = inbox
        self._socket: socket.socket | None = None
        self._thread = threading.Thread(target=self._serve, name="local-control", daemon=True)

    def start(self) -> None:
        """Start to listen.

        Raises:
            EdgeError: the socket cannot be created.
        """
        served = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self.path.unlink(missing_ok=True)
            os.fchmod(served.fileno(), 0o600)  # before it has a name: nobody else can ever connect
            with _short(self.path) as address:
                served.bind(address)
            self.path.chmod(0o600)
            served.listen(_BACKLOG)
        except OSError as error:
            served.close()
            msg = f"{self.path}: cannot listen for commands of this machine: {error.strerror or error}"
            raise EdgeError(msg) from None
        self._socket = served
        self._thread.start()

    def stop(self) -> None:
        """Stop listening; safe to call again."""
        served, self._socket = self._socket, None
        if served is None:
            return
        with contextlib.suppress(OSError):
            served.shutdown(socket.SHUT_RDWR)  # wakes the thread that waits in accept
        served.close()
        self._thread.join(_PATIENCE_S)
        self.path.unlink(missing_ok=True)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _serve(self) -> None:
        while (served := self._socket) is not None:
            try:
                visitor, _ = served.accept()
            except OSError:
                if self._socket is not None:
                    _LOG.exception("%s: no commands of this machine are taken any more", self.path)
                return
            with visitor:
                visitor.settimeout(_PATIENCE_S)
                with contextlib.suppress(OSError):  # who goes away or dawdles gets no answer
                    reply = self._reply(_line_of(visitor))
                    visitor.sendall(reply.to_json().encode() + b"\n")

    def _reply(self, line: bytes) -> Reply:
        try:
            name, payload = _taken_apart(line)
            transaction, command = _OWN[name](payload) if name in _OWN else payloads.request(name, payload)
        except payloads.Refused as refusal:
            return Reply(status="error", error=str(refusal), transaction=refusal.transaction)
        answers: SimpleQueue[Answer] = SimpleQueue()
        if not self._inbox.offer(command, answers.put):
            return Reply(status="error", error="too many requests wait: try again", transaction=transaction)
        try:
            answer = answers.get(timeout=_ANSWER_S)
        except Empty:
            return Reply(status="error", error="the device did not answer in time", transaction=transaction)
        status: Any = "ok" if answer.error is None else "error"
        return Reply(status=status, data=answer.data, error=answer.error, transaction=transaction)


def is_running(paths: Sequence[Path]) -> bool:
    """Return whether a device listens behind one of ``paths``; also where this user may not ask it."""
    for path in paths:
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as device, _short(path) as address:
                device.settimeout(_PATIENCE_S)
                device.connect(address)
        except (FileNotFoundError, NotADirectoryError, ConnectionRefusedError):
            continue
        except OSError:
            return True
        return True
    return False


def ask(paths: Sequence[Path], request: str, **fields: Any) -> dict[str, Any]:
    """Put ``request`` to the device behind the first of ``paths`` that answers; gives the answer's data.

    Raises:
        NotRunning: none answers.
        EdgeError: the device refuses, or this user may not ask.
    """
    line = json.dumps({"request": request, **fields}).encode() + b"\n"
    for path in paths:
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as device:
                device.settimeout(_ANSWER_S + _PATIENCE_S)
                with _short(path) as address:
                    device.connect(address)
                device.sendall(line)
                reply = Reply.model_validate_json(_line_of(device))
        except PermissionError:
            msg = f"{path}: only the user that runs the device, or root, may command it: use sudo"
            raise EdgeError(msg) from None
        except (FileNotFoundError, NotADirectoryError, ConnectionRefusedError):
            continue
        except (OSError, ValueError):
            msg = f"{path}: the device did not answer: see its log"
            raise EdgeError(msg) from None
        if reply.error is not None:
            msg = f"the device refuses: {reply.error}"
            raise EdgeError(msg)
        return dict(reply.data or {})
    msg = "no device of this node runs on this machine: begin one with `face-edge run`, or give its --set node.id=ID"
    raise NotRunning(msg)


def _taken_apart(line: bytes) -> tuple[str, bytes]:
    try:
        given = json.loads(line)
    except (ValueError, RecursionError):
        given = None
    if not isinstance(given, dict) or not isinstance(given.get("request"), str):
        msg = 'expected a JSON object with "request"'
        raise payloads.Refused(msg)
    return given.pop("request"), json.dumps(given).encode()


def _line_of(connection: socket.socket) -> bytes:
    """Read until the line or the connection ends; overlong input is cut."""
    line = b""
    while b"\n" not in line and len(line) <= 4 * payloads.PAYLOAD_MAX:
        part = connection.recv(payloads.PAYLOAD_MAX)
        if not part:
            break
        line += part
    return line.partition(b"\n")[0]


@contextlib.contextmanager
def _short(path: Path) -> Iterator[str]:
    """Yield an address of at most 107 bytes, the kernel's limit; a longer folder is named by its descriptor."""
    if len(os.fsencode(path)) <= _PATH_MAX:
        yield str(path)
        return
    folder = os.open(path.parent, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{folder}/{path.name}"
    finally:
        os.close(folder)
