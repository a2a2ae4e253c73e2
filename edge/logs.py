"""One line an event on standard error, as text or JSON."""

from __future__ import annotations

import json
import logging
import socket
import struct
import time
from collections import OrderedDict
from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Hashable

    from edge.config import LogConfig


JOURNAL = "/run/systemd/journal/socket"
_PRIORITIES = {logging.DEBUG: 7, logging.INFO: 6, logging.WARNING: 4, logging.ERROR: 3, logging.CRITICAL: 2}
"""Levels in syslog's numbers."""


class TextFormatter(logging.Formatter):
    """``12:30:01 WARNING sinks.mqtt: what happened``; a traceback, where there is one, follows."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(short)s: %(message)s", "%H:%M:%S")

    def format(self, record: logging.LogRecord) -> str:
        """The record as text."""
        record.short = record.name.removeprefix("edge.")
        return super().format(record)


class JsonFormatter(logging.Formatter):
    """One JSON object a record: ``ts``, ``level``, ``logger``, ``message`` and, where there is one, ``traceback``."""

    def format(self, record: logging.LogRecord) -> str:
        """The record as JSON on one line."""
        line = {
            "ts": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False)


class JournalHandler(logging.Handler):
    """Sends records to systemd's journal by its native protocol: a datagram of fields each.

    Beside the message a record has ``PRIORITY``, ``LOGGER``, ``THREAD_NAME``, ``CODE_FILE``, ``CODE_LINE``,
    ``CODE_FUNC`` and, where there is one, ``TRACEBACK``: ``journalctl LOGGER=edge.sinks.mqtt.sink``. What the journal
    cannot take, because it is restarted or the datagram is too large, goes to standard error as text.
    """

    def __init__(self, connection: socket.socket) -> None:
        super().__init__()
        self._connection = connection
        self._otherwise = logging.StreamHandler()
        self._otherwise.setFormatter(TextFormatter())

    @classmethod
    def connected(cls) -> JournalHandler | None:
        """One that reaches the journal; ``None`` where there is none."""
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        try:
            connection.connect(JOURNAL)
        except OSError:
            connection.close()
            return None
        return cls(connection)

    def emit(self, record: logging.LogRecord) -> None:
        """Send one record."""
        fields = {
            "MESSAGE": record.getMessage(),
            "PRIORITY": str(_PRIORITIES.get(record.levelno, 6)),
            "SYSLOG_IDENTIFIER": "face-edge",
            "LOGGER": record.name,
            "THREAD_NAME": record.threadName or "",
            "CODE_FILE": record.pathname,
            "CODE_LINE": str(record.lineno),
            "CODE_FUNC": record.funcName or "",
        }
        if record.exc_info:
            fields["TRACEBACK"] = logging.Formatter().formatException(record.exc_info)
        try:
            self._connection.send(b"".join(_field(name, value) for name, value in fields.items()))
        except OSError:
            self._otherwise.emit(record)

    def close(self) -> None:
        """Let go of the journal."""
        self._connection.close()
        super().close()


def _field(name: str, value: str) -> bytes:
    """A field on the wire: with its length, so that it may hold line ends."""
    data = value.encode("utf-8", "replace")
    return name.encode() + b"\n" + struct.pack("<Q", len(data)) + data + b"\n"


def configure(settings: LogConfig) -> None:
    """Send this program's records to standard error or the journal; libraries speak up from warnings on.

    Without a journal the text goes to standard error.
    """
    handler: logging.Handler | None = JournalHandler.connected() if settings.format == "journal" else None
    if handler is None:
        handler = logging.StreamHandler()
        handler.setFormatter(JsonFormatter() if settings.format == "json" else TextFormatter())
    root = logging.getLogger()
    for former in root.handlers:
        if isinstance(former, JournalHandler):
            former.close()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    logging.getLogger("edge").setLevel(settings.level.upper())


class Rarely:
    """Says which of many like lines may be written: each key once in ``every_s``; not thread-safe."""

    def __init__(self, every_s: float, *, keys: int = 256) -> None:
        self._every_s = every_s
        self._keys = keys
        self._written: OrderedDict[Hashable, float] = OrderedDict()

    def due(self, key: Hashable) -> bool:
        """True where nothing was written for ``key`` in the last while; it counts as written then."""
        now_s = time.monotonic()
        last_s = self._written.get(key)
        if last_s is not None and now_s - last_s < self._every_s:
            return False
        self._written[key] = now_s
        self._written.move_to_end(key)
        if len(self._written) > self._keys:
            self._written.popitem(last=False)
        return True
