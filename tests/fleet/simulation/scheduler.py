"""Scheduled activity of the devices, by the contract's rules and the plan's rate."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

from tests.fleet.simulation.event_queue import DeviceTask, EventQueue

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.fleet.simulation.device import SimulatedDevice
    from tests.fleet.simulation.meter import SimulationMeter
    from tests.fleet.simulation.plan import SimulationPlan

_NS = 1_000_000_000
_BEHIND_MAX_NS = _NS
_FRAME_NS = 66_000_000
"""Maximum delay of a window's end: the first frame after it closes the window."""


class Scheduler:
    """Schedules device tasks: ``begin`` adds the first task of each device, each ``do`` its next one."""

    def __init__(
        self, plan: SimulationPlan, devices: Sequence[SimulatedDevice], event_queue: EventQueue, meter: SimulationMeter
    ) -> None:
        self._plan = plan
        self._devices = devices
        self._event_queue = event_queue
        self._meter = meter
        self._random = random.Random(plan.seed)

    def begin(self, now_ns: int) -> None:
        """Start all devices."""
        for index, device in enumerate(self._devices):
            self._event_queue.add(now_ns + self._pause_ns(), DeviceTask.EVENT, index)
            self._event_queue.add(
                now_ns + int(self._random.random() * self._plan.health_s * _NS), DeviceTask.HEALTH, index
            )
            self._event_queue.add(self._window_ends(device, now_ns), DeviceTask.AGGREGATE, index)
            self._event_queue.add(now_ns + _NS, DeviceTask.STATE, index)

    def do(self, task: DeviceTask, index: int, due_ns: int, now_ns: int) -> None:
        """Run one task; its message waits in the device."""
        device = self._devices[index]
        match task:
            case DeviceTask.EVENT:
                self._meter.behind(now_ns - due_ns)
                # what this process was too slow for is not made up for: the rate achieved says so
                self._event_queue.add(max(due_ns, now_ns - _BEHIND_MAX_NS) + self._pause_ns(), DeviceTask.EVENT, index)
                event = device.node_model.next_event(now_ns)
                device.add("event", event.id, event.to_json(), now_ns)
                self._publish_state(device, now_ns, changed=True)
            case DeviceTask.AGGREGATE:
                aggregate = device.node_model.aggregate(now_ns)
                device.add("aggregate", aggregate.id, aggregate.to_json(), now_ns)
                self._meter.told("aggregate")
                self._event_queue.add(self._window_ends(device, now_ns), DeviceTask.AGGREGATE, index)
            case DeviceTask.STATE:
                self._publish_state(device, now_ns, changed=False)
                self._event_queue.add(now_ns + _NS, DeviceTask.STATE, index)
            case DeviceTask.HEALTH:
                self._publish_health(device, now_ns)
                self._event_queue.add(now_ns + int(self._plan.health_s * _NS), DeviceTask.HEALTH, index)

    def _publish_state(self, device: SimulatedDevice, now_ns: int, *, changed: bool) -> None:
        state = device.node_model.state(now_ns, changed=changed)
        if state is not None:
            device.tell("state", state.to_json())
            self._meter.told("state", sent=device.link is not None)

    def _publish_health(self, device: SimulatedDevice, now_ns: int) -> None:
        health = device.node_model.health(
            now_ns,
            uptime_s=(now_ns - self._meter.begun_ns) / _NS,
            queue_depth=device.depth,
            drops=device.drops,
            reconnects=max(0, device.reconnects),
        )
        device.tell("health", health.to_json())
        self._meter.told("health", sent=device.link is not None)

    def _window_ends(self, device: SimulatedDevice, now_ns: int) -> int:
        return device.node_model.window_ends(now_ns) + self._random.randrange(_FRAME_NS)

    def _pause_ns(self) -> int:
        return int(self._random.expovariate(self._plan.rate) * _NS)
