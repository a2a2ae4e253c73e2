"""Board without a battery: it starts in 1970, and the network sets its clock while the broker is away."""

from __future__ import annotations

import time
from contextlib import ExitStack
from datetime import datetime
from typing import TYPE_CHECKING, Any

from edge.bench.mosquitto import Mosquitto
from edge.sinks.mqtt.topics import Topics
from tests.drills.appliance import NODE, DrillDevice
from tests.drills.listener import DrillListener
from tests.drills.outcome import DrillOutcome
from tests.drills.tcp_proxy import TcpProxy

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_PATIENCE_S = 20.0
_MARKS = 10
_LENGTH_S = 3600.0
_SLACK_S = 5.0


def run(folder: Path, *, events: int, seed: int, progress: Callable[[float], None]) -> DrillOutcome:
    """Jump from 1970 to now in a session of an hour, which must continue; nothing may expire or change order."""
    del events, seed
    begun_s, faults = time.monotonic(), []
    with ExitStack() as stack:
        broker = stack.enter_context(Mosquitto(folder / "broker"))
        gate = stack.enter_context(TcpProxy(broker.port))
        listener = stack.enter_context(DrillListener(broker.port, Topics.of("face-edge", NODE)))
        device = DrillDevice(folder, broker=gate.uri)
        device.inject(clock_s=-time.time())
        stack.enter_context(device)
        gate.shut()
        device.wait_looking()
        device.ask("session_start", title="drill", planned_s=_LENGTH_S)
        answered = device.mark(_MARKS)
        device.inject()
        set_s = device.wait_for(lambda status: abs(_age_s(status)) < _SLACK_S, _PATIENCE_S)
        answered += device.mark(_MARKS)
        running = device.status()["session"]
        device.kill()
        device.start()
        device.wait_looking()
        after = device.status()["session"]
        answered += device.mark(_MARKS)
        progress(1)
        gate.open()
        listener.wait_for(len(answered), _PATIENCE_S)
        device.stop()
        received = listener.received()
        jump_lines = [line for line in device.lines if "clock was set" in line]
    events_in = [mark for mark in received if mark.stream == "event"]
    lost = {each["id"] for each in answered} - {mark.id for mark in received}
    numbers = [mark.seq for mark in dict.fromkeys(events_in)]
    faults += [f"{len(lost)} answered markers were lost"] if lost else []
    faults += ["numbers are out of order"] if numbers != sorted(numbers) else []
    faults += ["the session ended with the jump"] if running is None else []
    faults += _wrong_start(running)
    faults += ["the session was gone after the restart"] if running is not None and after is None else []
    times = [each["ts"] for each in answered]
    return DrillOutcome(
        "clock",
        "the clock in 1970 at the start, set by 56 years while the broker was away, then SIGKILL",
        (
            f"times followed {set_s:.1f} s after the clock: from {times[0]} to {times[-1]}",
            f"the session of an hour went on; the log says it {len(jump_lines)} times"
            if running
            else "the session ended",
        ),
        set_s,
        f"{len(lost)} of {len(answered)} answered markers; {len(numbers)} events came in order",
        time.monotonic() - begun_s,
        tuple(faults),
    )


def _wrong_start(session: dict[str, Any] | None) -> list[str]:
    """Check that the session began a moment ago, whatever the clock was then."""
    if session is None:
        return []
    ago_s = time.time() - datetime.fromisoformat(session["start"]).timestamp()
    return [] if 0 <= ago_s < _PATIENCE_S * 3 else [f"the session seems to have begun at {session['start']}"]


def _age_s(status: dict[str, Any]) -> float:
    """Return the device's clock delay relative to ours in seconds."""
    return time.time() - datetime.fromisoformat(status["health"]["ts"]).timestamp()
