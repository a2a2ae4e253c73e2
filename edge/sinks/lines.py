"""Writes states and events to a stream, a JSON document a line, for programs that read standard output."""

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
    """``{"topic": "event", "payload": {…}}`` a line; a reader that went away closes the sink, not the device."""

    name = "lines"
    accepts: tuple[type, ...] = (State, Event, Aggregate, Tracks, Info, Health, CameraStatus)

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._reader_gone = False

    def open(self) -> None:
        """Nothing to open."""

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
        """The stream is its owner's to close."""
