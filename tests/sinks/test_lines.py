from __future__ import annotations

import io
import json

from edge.core.events import CameraStatus, Event, EventType, Stamp
from edge.sinks.lines import LinesSink


def event() -> Event:
    identity, seq, ts = Stamp(epoch_ns=0, seed=b"lines").next(0)
    return Event(id=identity, seq=seq, ts=ts, type=EventType.PEAK, people=1)


def test_each_message_is_a_json_document_on_its_line() -> None:
    stream = io.StringIO()
    sink = LinesSink(stream)
    sink.open()
    sink.handle(event())
    sink.handle(CameraStatus.ONLINE)
    sink.close()
    first, second = (json.loads(line) for line in stream.getvalue().splitlines())
    assert first["topic"] == "event"
    assert first["payload"]["type"] == "peak"
    assert second == {"topic": "camera", "payload": "online"}


def test_a_reader_that_went_away_does_not_matter() -> None:
    class Gone(io.StringIO):
        writes = 0

        def write(self, _text: str, /) -> int:
            self.writes += 1
            raise BrokenPipeError

    stream = Gone()
    sink = LinesSink(stream)
    sink.handle(event())
    sink.handle(event())
    assert stream.writes == 1
