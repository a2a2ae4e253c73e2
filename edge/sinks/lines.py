"""Writes states and events to a stream, a JSON document a line, for programs that read standard output."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, TextIO

from edge.events import CameraStatus, Event, Health, Info, State

if TYPE_CHECKING:
    from edge.events import Message


class LinesSink:
    """``{"topic": "event", "payload": {…}}`` a line; a reader that went away closes the sink, not the device."""

    name = "lines"
    accepts: tuple[type, ...] = (State, Event, Info, Health, CameraStatus)

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._reader_gone = False

    def open(self) -> None:
        """Nothing to open."""

    def handle(self, message: Message) -> None:
        """Write one line and flush it."""
        if self._reader_gone:
            return
        topic = "camera" if isinstance(message, CameraStatus) else type(message).__name__.lower()
        is_model = isinstance(message, State | Event | Info | Health)
        payload = json.loads(message.to_json()) if is_model else str(message)
        try:
            self._stream.write(json.dumps({"topic": topic, "payload": payload}) + "\n")
            self._stream.flush()
        except BrokenPipeError:
            self._reader_gone = True

    def close(self) -> None:
        """The stream is its owner's to close."""
