"""An hour of accelerated replay with all events of a device's days, and an analysis of the result."""

from __future__ import annotations

import itertools
import signal
import socket
import time
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from edge.bench.mosquitto import Mosquitto
from edge.core.errors import SourceError
from edge.sinks.mqtt.topics import Topics
from tests.drills.appliance import NODE, DrillDevice
from tests.drills.kill import damaged
from tests.drills.listener import DrillListener
from tests.drills.soak.device import NOMINAL_FPS
from tests.drills.soak.pace import ReferenceLoop
from tests.drills.soak.plot import draw, needed
from tests.drills.soak.report import SoakFeed, SoakReport
from tests.drills.soak.sample import Probe, SampleTable, SoakSample
from tests.drills.soak.script import CYCLE, SoakScript
from tests.drills.soak.verdict import judge
from tests.drills.tcp_proxy import TcpProxy

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

MODULE = "tests.drills.soak.device"
CSV, PLOT = "soak.csv", "soak.png"
_CATCH_UP_S = 30.0
_SLACK_S = 0.05


@dataclass(frozen=True, slots=True)
class SoakOptions:
    """Options of a soak: duration and sample interval in seconds, output folder, planted leak."""

    seconds: float = 3600.0
    sample_s: float = 5.0
    output: Path | None = None
    leak: str | None = None


def run(folder: Path, setting: SoakOptions, *, progress: Callable[[float], None]) -> SoakReport:
    """Run a device, sample it, and judge; Ctrl-C or SIGTERM ends it early, with a verdict on the samples so far.

    Raises:
        HardwareUnavailable: Mosquitto is missing, or matplotlib if a plot is requested.
        SourceError: the device does not start.
        SinkError: the broker does not start.
    """
    begun_s = time.monotonic()
    if setting.output is not None:
        needed()
        setting.output.mkdir(parents=True, exist_ok=True)
    samples: list[SoakSample] = []
    with ExitStack() as stack:
        pace = stack.enter_context(closing(ReferenceLoop.for_samples_every(setting.sample_s)))
        device, script, listener = _scene(stack, folder, setting.leak)
        with _interruptible():
            coming = _samples(Probe(device, folder, pace), script, setting)
            faults = _watch(device, coming, samples, setting, progress)
            script.end()
            feed = _feed(device, listener, script)
        if code := device.stop():
            faults.append(f"it ended with code {code} when asked to stop")
        faults += damaged(device.state)
    if setting.output is not None and len(samples) > 1:
        draw(samples, setting.output / PLOT)
    frames = samples[-1].frames if samples else 0
    return SoakReport(
        asked_s=setting.seconds,
        seconds=round(time.monotonic() - begun_s, 1),
        samples=len(samples),
        frames=frames,
        device_s=round(frames / NOMINAL_FPS),
        done=dict(script.done),
        feed=feed,
        findings=judge(samples),
        faults=tuple(faults),
    )


def _scene(stack: ExitStack, folder: Path, leak: str | None) -> tuple[DrillDevice, SoakScript, DrillListener]:
    """Start broker, subscriber and a running device."""
    page, metrics = _free_ports(2)
    with _ignore_interrupts():  # Ctrl-C is handled here alone: the device is asked to stop later
        broker = stack.enter_context(Mosquitto(folder / "broker"))
        gate = stack.enter_context(TcpProxy(broker.port))
        listener = stack.enter_context(DrillListener(broker.port, Topics.of("face-edge", NODE)))
        device = stack.enter_context(_device(folder, gate.uri, leak, page=page, metrics=metrics))
    device.wait_looking()
    return device, SoakScript(device, gate, page=page, metrics=metrics), listener


def _watch(
    device: DrillDevice,
    coming: Iterator[SoakSample],
    samples: list[SoakSample],
    setting: SoakOptions,
    progress: Callable[[float], None],
) -> list[str]:
    """Collect ``samples`` until the end or an interrupt; return the faults."""
    table = None if setting.output is None else SampleTable(setting.output / CSV)
    try:
        for sample in coming:
            samples.append(sample)
            if table is not None:
                table.add(sample)
            progress(sample.t_s)
    except KeyboardInterrupt:
        pass  # interrupted
    except (OSError, SourceError):
        return [f"the device ended by itself: {' | '.join(device.lines[-3:])}"]
    return []


def _device(folder: Path, broker: str, leak: str | None, *, page: int, metrics: int) -> DrillDevice:
    return DrillDevice(
        folder,
        broker=broker,
        module=MODULE,
        source__uri="soak" if leak is None else f"soak?leak={leak}",
        source__fps=NOMINAL_FPS,
        source__read_timeout_s=3,
        kiosk__enabled=True,
        kiosk__host="127.0.0.1",
        kiosk__port=page,
        metrics__enabled=True,
        metrics__port=metrics,
    )


def _samples(probe: Probe, script: SoakScript, setting: SoakOptions) -> Iterator[SoakSample]:
    """Yield one sample per tick, each followed by the tick's actions; slow actions delay later samples."""
    begun_s = due_s = time.monotonic()
    for phase in itertools.cycle(range(CYCLE)):
        time.sleep(max(0.0, due_s - time.monotonic()))
        t_s = time.monotonic() - begun_s
        yield probe.read(t_s, phase, **script.going_on)
        if t_s + setting.sample_s > setting.seconds + _SLACK_S:
            return
        script.tick(phase)
        due_s = max(due_s + setting.sample_s, time.monotonic())


def _feed(device: DrillDevice, listener: DrillListener, script: SoakScript) -> SoakFeed:
    """Return what the broker delivered, when nothing more arrives."""
    deadline_s = time.monotonic() + _CATCH_UP_S
    while device.status().get("health", {}).get("queue_depth", 1) and time.monotonic() < deadline_s:
        time.sleep(0.2)
    time.sleep(0.5)
    return SoakFeed.of(listener.received(), script.answered)


@contextmanager
def _interruptible() -> Iterator[None]:
    """Treat SIGTERM like Ctrl-C, and enable Ctrl-C in the background, where a shell ignores it."""
    before = {each: signal.signal(each, signal.default_int_handler) for each in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)


@contextmanager
def _ignore_interrupts() -> Iterator[None]:
    """Start processes and threads that ignore Ctrl-C on the terminal."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _free_ports(count: int) -> list[int]:
    with ExitStack() as stack:
        probes = [stack.enter_context(socket.socket()) for _ in range(count)]
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [int(probe.getsockname()[1]) for probe in probes]
