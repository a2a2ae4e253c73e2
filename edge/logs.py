"""One line an event on standard error, as text or JSON."""

from __future__ import annotations

import json
import logging
import time
from collections import OrderedDict
from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Hashable

    from edge.config import LogConfig


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


def configure(settings: LogConfig) -> None:
    """Send this program's records to standard error; libraries speak up from warnings on."""
    handler = logging.StreamHandler()
    handler.setFormatter(JsonFormatter() if settings.format == "json" else TextFormatter())
    root = logging.getLogger()
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
