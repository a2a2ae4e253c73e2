"""One line an event on standard error, as text or JSON.

Messages quote what strangers chose: names, topics, client ids. Every record passes
:func:`~edge.util.text.in_one_line`, so that none of it begins a line of its own or controls a terminal, and no place
in the program writes without a bound.
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
    """What :func:`configure` reads of the configuration."""

    @property
    def level(self) -> str:
        """Name of the least level: ``debug``, ``info``, ``warning`` or ``error``."""
        ...

    @property
    def format(self) -> str:
        """``text``, ``json`` or ``journal``."""
        ...


JOURNAL = "/run/systemd/journal/socket"
_PRIORITIES = {logging.DEBUG: 7, logging.INFO: 6, logging.WARNING: 4, logging.ERROR: 3, logging.CRITICAL: 2}
"""Levels in syslog's numbers."""


class TextFormatter(logging.Formatter):
    """``12:30:01 WARNING sinks.mqtt: what happened``; a traceback, where there is one, follows, with indented lines."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(short)s: %(message)s", "%H:%M:%S")

    def format(self, record: logging.LogRecord) -> str:
        """The record as text."""
        record.short = in_one_line(record.name.removeprefix("edge."))
        return super().format(record)

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - logging's name
        """The line itself."""
        record.message = in_one_line(record.message)
        return super().formatMessage(record)

    def formatException(self, ei: Any) -> str:  # noqa: N802 - logging's name
        """The traceback."""
        return "\n".join(f"  {line}" for line in _traceback(ei).splitlines())


class JsonFormatter(logging.Formatter):
    """One JSON object a record: ``ts``, ``level``, ``logger``, ``message`` and, where there is one, ``traceback``."""

    def format(self, record: logging.LogRecord) -> str:
        """The record as JSON on one line."""
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
            self._otherwise.emit(record)

    def close(self) -> None:
        """Let go of the journal."""
        self._connection.close()
        super().close()


def _traceback(error: Any) -> str:
    """A traceback whose lines are all printable; what strangers chose may still begin one."""
    return "\n".join(in_one_line(line) for line in logging.Formatter().formatException(error).split("\n"))


def _field(name: str, value: str) -> bytes:
    """A field on the wire: with its length, so that it may hold line ends."""
    data = value.encode("utf-8", "replace")
    return name.encode() + b"\n" + struct.pack("<Q", len(data)) + data + b"\n"


def configure(settings: LogSettings) -> None:
    """Send this program's records to standard error or the journal; libraries speak up from warnings on.

    Without a journal the text goes to standard error.
    """
    handler: logging.Handler | None = JournalHandler.connected() if settings.format == "journal" else None
    if handler is None:
        handler = logging.StreamHandler()
        handler.setFormatter(JsonFormatter() if settings.format == "json" else TextFormatter())
    handler.addFilter(Flood())
    root = logging.getLogger()
    for former in root.handlers:
        if isinstance(former, JournalHandler):
            former.close()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    logging.getLogger("edge").setLevel(settings.level.upper())


class Flood(logging.Filter):
    """Bounds what each place in the program writes: ``burst`` records at once, then one every ``every_s``.

    The next one that passes says how many did not. Debug records pass: who asks for them wants all.
    """

    def __init__(self, *, burst: int = 50, every_s: float = 2.0) -> None:
        super().__init__()
        self._burst, self._every_s = burst, every_s
        self._places: dict[tuple[str, int], _Place] = {}
        self._lock = threading.Lock()

    def filter(self, record: logging.LogRecord) -> bool:
        """Return whether the record may be written."""
        if record.levelno <= logging.DEBUG:
            return True
        now_s = time.monotonic()
        with self._lock:
            place = self._places.setdefault((record.pathname, record.lineno), _Place(float(self._burst), now_s))
            place.left = min(float(self._burst), place.left + (now_s - place.at_s) / self._every_s)
            place.at_s = now_s
            if place.left < 1:
                place.dropped += 1
                return False
            place.left -= 1
            dropped, place.dropped = place.dropped, 0
        if dropped:
            record.msg, record.args = f"{record.getMessage()} (and {dropped} more like this)", None
        return True


@dataclass(slots=True)
class _Place:
    """A line of the program that logs: records that it may write now, and those that it could not."""

    left: float
    at_s: float
    dropped: int = 0


class Rarely:
    """Says which of many like lines may be written: each key once in ``every_s``; not thread-safe.

    Keys may be chosen by strangers: ``most`` bounds the lines of all keys together in that time.
    """

    def __init__(self, every_s: float, *, keys: int = 256, most: int = 32) -> None:
        self._every_s = every_s
        self._keys = keys
        self._lately: deque[float] = deque(maxlen=most)
        self._written: OrderedDict[Hashable, float] = OrderedDict()

    def due(self, key: Hashable) -> bool:
        """True where nothing was written for ``key`` in the last while; it counts as written then."""
        now_s = time.monotonic()
        last_s = self._written.get(key)
        if last_s is not None and now_s - last_s < self._every_s:
            return False
        if len(self._lately) == self._lately.maxlen and now_s - self._lately[0] < self._every_s:
            return False
        self._lately.append(now_s)
        self._written[key] = now_s
        self._written.move_to_end(key)
        if len(self._written) > self._keys:
            self._written.popitem(last=False)
        return True
