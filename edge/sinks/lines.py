"""Sink that writes states and events to a stream, one JSON document per line, e.g. to standard output."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, TextIO

from edge.core.events import Aggregate, CameraStatus, Event, Health, Info, State, Tracks
from edge.core.sink_base import BaseSink

if TYPE_CHECKING:
    from edge.core.events import Message


_TOPICS: dict[type, str] = {
    State: "state",
    Event: "event",
    Aggregate: "aggregate",
    Tracks: "track",
    Info: "info",
    Health: "health",
}


class LinesSink(BaseSink):
    """Writer of ``{"topic": "event", "payload": {…}}`` lines; if the reader leaves, only the sink closes."""

    name = "lines"
    accepts: tuple[type, ...] = (State, Event, Aggregate, Tracks, Info, Health, CameraStatus)

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._reader_gone = False

    def open(self) -> None:
        """Do nothing: the stream is open."""

    def handle(self, message: Message) -> None:
        """Write one line and flush it."""
        if self._reader_gone:
            return
        if isinstance(message, State | Event | Aggregate | Tracks | Info | Health):
            document = {"topic": _TOPICS[type(message)], "payload": json.loads(message.to_json())}
        else:
            document = {"topic": "camera", "payload": str(message)}
        try:
            self._stream.write(json.dumps(document) + "\n")
            self._stream.flush()
        except BrokenPipeError:
            self._reader_gone = True

    def close(self) -> None:
        """Do nothing: the owner closes the stream."""
