"""Logging on standard error with one line per event, as text or JSON.

Messages quote untrusted input such as names, topics and client ids. Every record passes
:func:`~edge.util.text.in_one_line`, so that no input can begin a line or control a terminal, and the rate of each line
of the program is limited.
"""

from __future__ import annotations

import logging
import socket
import struct
import threading
import time
from collections import OrderedDict, deque
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Protocol

from edge.util.text import in_one_line, json_text

if TYPE_CHECKING:
    from collections.abc import Hashable


class LogSettings(Protocol):
    """The part of the configuration that :func:`configure` reads."""

    @property
    def level(self) -> str:
        """Return the name of the lowest level: ``debug``, ``info``, ``warning`` or ``error``."""
        ...

    @property
    def format(self) -> str:
        """Return ``text``, ``json`` or ``journal``."""
        ...


JOURNAL = "/run/systemd/journal/socket"
_PRIORITIES = {logging.DEBUG: 7, logging.INFO: 6, logging.WARNING: 4, logging.ERROR: 3, logging.CRITICAL: 2}
"""Syslog priorities of the levels."""


class TextFormatter(logging.Formatter):
    """Formats records as ``12:30:01 WARNING sinks.mqtt: message``, followed by the traceback, if any, indented."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(short)s: %(message)s", "%H:%M:%S")

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as text."""
        record.short = in_one_line(record.name.removeprefix("edge."))
        return super().format(record)

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - logging's name
        """Return the line of the message."""
        record.message = in_one_line(record.message)
        return super().formatMessage(record)

    def formatException(self, ei: Any) -> str:  # noqa: N802 - logging's name
        """Return the traceback, indented."""
        return "\n".join(f"  {line}" for line in _traceback(ei).splitlines())


class JsonFormatter(logging.Formatter):
    """Formats each record as a JSON object: ``ts``, ``level``, ``logger``, ``message`` and, if any, ``traceback``."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as JSON on one line."""
        line = {
            "ts": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": in_one_line(record.getMessage()),
        }
        if record.exc_info:
            line["traceback"] = _traceback(record.exc_info)
        return json_text(line)


class JournalHandler(logging.Handler):
    """Sends each record to systemd's journal by its native protocol, as a datagram of fields.

    Besides the message a record has ``PRIORITY``, ``LOGGER``, ``THREAD_NAME``, ``CODE_FILE``, ``CODE_LINE``,
    ``CODE_FUNC`` and, if any, ``TRACEBACK``: ``journalctl LOGGER=edge.sinks.mqtt.sink``. A record that the journal does
    not accept, because it restarts or the datagram is too large, goes to standard error as text.
    """

    def __init__(self, connection: socket.socket) -> None:
        super().__init__()
        self._connection = connection
        self._fallback = logging.StreamHandler()
        self._fallback.setFormatter(TextFormatter())

    @classmethod
    def connected(cls) -> JournalHandler | None:
        """Return a handler that is connected to the journal; ``None`` if there is no journal."""
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
            "MESSAGE": in_one_line(record.getMessage()),
            "PRIORITY": str(_PRIORITIES.get(record.levelno, 6)),
            "SYSLOG_IDENTIFIER": "face-edge",
            "LOGGER": record.name,
            "THREAD_NAME": record.threadName or "",
            "CODE_FILE": record.pathname,
            "CODE_LINE": str(record.lineno),
            "CODE_FUNC": record.funcName or "",
        }
        if record.exc_info:
            fields["TRACEBACK"] = _traceback(record.exc_info)
        try:
            self._connection.send(b"".join(_field(name, value) for name, value in fields.items()))
        except OSError:
            self._fallback.emit(record)

    def close(self) -> None:
        """Disconnect from the journal."""
        self._connection.close()
        super().close()


def _traceback(error: Any) -> str:
    """Return a traceback whose lines are all printable; untrusted input may still be at the beginning of one."""
    return "\n".join(in_one_line(line) for line in logging.Formatter().formatException(error).split("\n"))


def _field(name: str, value: str) -> bytes:
    """Return a field of the protocol: with its length, so that it may contain line breaks."""
    data = value.encode("utf-8", "replace")
    return name.encode() + b"\n" + struct.pack("<Q", len(data)) + data + b"\n"


def configure(settings: LogSettings) -> None:
    """Send this program's records, and warnings of libraries, to standard error or the journal.

    Without a journal they go to standard error as text.
    """
    handler: logging.Handler | None = JournalHandler.connected() if settings.format == "journal" else None
    if handler is None:
        handler = logging.StreamHandler()
        handler.setFormatter(JsonFormatter() if settings.format == "json" else TextFormatter())
    handler.addFilter(FloodFilter())
    root = logging.getLogger()
    for former in root.handlers:
        if isinstance(former, JournalHandler):
            former.close()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    logging.getLogger("edge").setLevel(settings.level.upper())


class FloodFilter(logging.Filter):
    """Limits the records of each line of the program: ``burst`` at once, then one every ``every_s``.

    The next record that passes states how many were dropped. Debug records always pass.
    """

    def __init__(self, *, burst: int = 50, every_s: float = 2.0) -> None:
        super().__init__()
        self._burst, self._every_s = burst, every_s
        self._call_sites: dict[tuple[str, int], _CallSite] = {}
        self._lock = threading.Lock()

    def filter(self, record: logging.LogRecord) -> bool:
        """Return whether the record may be written."""
        if record.levelno <= logging.DEBUG:
            return True
        now_s = time.monotonic()
        with self._lock:
            key = record.pathname, record.lineno
            site = self._call_sites.setdefault(key, _CallSite(float(self._burst), now_s))
            site.left = min(float(self._burst), site.left + (now_s - site.at_s) / self._every_s)
            site.at_s = now_s
            if site.left < 1:
                site.dropped += 1
                return False
            site.left -= 1
            dropped, site.dropped = site.dropped, 0
        if dropped:
            record.msg, record.args = f"{record.getMessage()} (and {dropped} more like this)", None
        return True


@dataclass(slots=True)
class _CallSite:
    """A line of the program that logs, with the records that it may still write and those that were dropped."""

    left: float
    at_s: float
    dropped: int = 0


class LogThrottle:
    """Limits similar log lines to one per key in ``every_s``; not thread-safe.

    Untrusted clients may choose the keys: ``most`` limits the lines of all keys together in that time.
    """

    def __init__(self, every_s: float, *, keys: int = 256, most: int = 32) -> None:
        self._every_s = every_s
        self._keys = keys
        self._recent: deque[float] = deque(maxlen=most)
        self._written: OrderedDict[Hashable, float] = OrderedDict()

    def due(self, key: Hashable) -> bool:
        """Return whether the line of ``key`` may be written now, and count it as written if so."""
        now_s = time.monotonic()
        last_s = self._written.get(key)
        if last_s is not None and now_s - last_s < self._every_s:
            return False
        if len(self._recent) == self._recent.maxlen and now_s - self._recent[0] < self._every_s:
            return False
        self._recent.append(now_s)
        self._written[key] = now_s
        self._written.move_to_end(key)
        if len(self._written) > self._keys:
            self._written.popitem(last=False)
        return True
