"""Simulation of many devices in one process, driven by one thread, up to the last acknowledgement."""

from __future__ import annotations

import threading
import time
from dataclasses import replace
from typing import TYPE_CHECKING

from tests.fleet.simulation.device import SimulatedDevice
from tests.fleet.simulation.event_queue import DeviceTask, EventQueue
from tests.fleet.simulation.meter import SimulationMeter
from tests.fleet.simulation.network import Network
from tests.fleet.simulation.node_model import NodeModel
from tests.fleet.simulation.plan import SimulationPlan, prepare
from tests.fleet.simulation.scheduler import Scheduler
from tests.fleet.simulation.tally import MessageTally

if TYPE_CHECKING:
    from collections.abc import Callable

    from edge.sinks.mqtt.options import Options
    from tests.fleet.simulation.progress import SimulationProgress

_NS = 1_000_000_000
_CONNECT_PATIENCE_NS = 30 * _NS
_TASKS_A_TURN = 256
_TURN_NS = _NS // 4
_DRAIN_NS = 15 * _NS
_LEAVE_NS = 3 * _NS
_OF_THE_CONNECTION = frozenset({DeviceTask.DIAL, DeviceTask.TEND, DeviceTask.GIVE_UP})


class Simulator:
    """Runs until the time is over or ``stop``; calls ``report`` every ``report_every_s``.

    Raises:
        InputError: this process cannot simulate so many devices.
    """

    def __init__(
        self,
        plan: SimulationPlan,
        options: Options,
        *,
        report: Callable[[SimulationProgress], None] | None = None,
        report_every_s: float = 5.0,
    ) -> None:
        prepare(plan)
        self._plan = plan
        self.tally = MessageTally(acknowledged_ids=set() if plan.keep_ids else None)
        self._devices = _devices(plan, options, self.tally)
        self._event_queue = EventQueue()
        self._network = Network(self._devices, self._event_queue)
        self._meter = SimulationMeter(self.tally, plan.asked_per_s)
        self._doings = Scheduler(plan, self._devices, self._event_queue, self._meter)
        self._report = report
        self._report_every_ns = int(report_every_s * _NS)
        self._stopping = threading.Event()
        self._playing = False

    def stop(self) -> None:
        """Create no more events, and send waiting ones in the remaining time; thread-safe."""
        self._stopping.set()
        self._network.wake()

    def run(self) -> SimulationProgress:
        """Run the simulation and return the totals."""
        now_ns = time.monotonic_ns()
        for index in range(len(self._devices)):
            self._event_queue.add(now_ns, DeviceTask.DIAL, index)
        try:
            self._gather()
            self._play()
            ended_ns, connected = time.monotonic_ns(), self._network.connected
            self._drain()
            self._depart()
        finally:
            self._network.close()
        return replace(self._progress(ended_ns, total=True), connected=connected)

    def _gather(self) -> None:
        """Wait until all devices are connected, or time out."""
        until_ns = time.monotonic_ns() + _CONNECT_PATIENCE_NS
        while (
            not self._stopping.is_set()
            and time.monotonic_ns() < until_ns
            and self._network.connected < len(self._devices)
        ):
            self._turn()

    def _play(self) -> None:
        now_ns = time.monotonic_ns()
        until_ns = None if self._plan.seconds is None else now_ns + int(self._plan.seconds * _NS)
        self._meter.begin(now_ns)
        self._doings.begin(now_ns)
        self._playing = True
        while not self._stopping.is_set() and (until_ns is None or time.monotonic_ns() < until_ns):
            self._turn()
            if time.monotonic_ns() - self._meter.read_ns >= self._report_every_ns and self._report is not None:
                self._report(self._progress(time.monotonic_ns()))
        self._playing = False

    def _drain(self) -> None:
        """Wait until all messages are acknowledged, or time out."""
        until_ns = time.monotonic_ns() + _DRAIN_NS
        while (left := [i for i, device in enumerate(self._devices) if device.depth]) and (
            now_ns := time.monotonic_ns()
        ) < until_ns:
            for index in left:
                self._devices[index].pump(now_ns)
                self._network.flush(index)
            self._turn()

    def _depart(self) -> None:
        until_ns = time.monotonic_ns() + _LEAVE_NS
        for index, device in enumerate(self._devices):
            device.depart()
            self._network.flush(index)
        while time.monotonic_ns() < until_ns and any(
            device.link is not None and (not device.said_goodbye or device.link.wants_write) for device in self._devices
        ):
            self._turn()

    def _turn(self) -> None:
        """Run due tasks, then the network until the next one."""
        now_ns = time.monotonic_ns()
        for _ in range(_TASKS_A_TURN):
            due = self._event_queue.take(now_ns)
            if due is None:
                break
            self._do(*due, now_ns)
        self._network.poll(self._event_queue.pause_ns(now_ns, _TURN_NS))

    def _do(self, due_ns: int, task: DeviceTask, index: int, now_ns: int) -> None:
        if task in _OF_THE_CONNECTION:
            self._network.do(task, index, now_ns)
        elif self._playing:
            self._doings.do(task, index, due_ns, now_ns)
            self._devices[index].pump(now_ns)
            self._network.flush(index)

    def _progress(self, now_ns: int, *, total: bool = False) -> SimulationProgress:
        waiting = sum(device.depth for device in self._devices)
        return self._meter.read(now_ns, connected=self._network.connected, waiting=waiting, total=total)


def _devices(plan: SimulationPlan, options: Options, tally: MessageTally) -> list[SimulatedDevice]:
    epoch_ns = time.time_ns() - time.monotonic_ns()
    return [
        SimulatedDevice(
            NodeModel(plan.node(index), epoch_ns=epoch_ns, seed=plan.seed, window_s=plan.window_s),
            options,
            plan.prefix,
            tally,
            resend_ns=int(plan.resend_s * _NS),
        )
        for index in range(plan.devices)
    ]
