"""What the devices do by themselves: when each tells what, by the contract's rules and the plan's rate."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

from tests.fleet.simulation.event_queue import EventQueue, Task

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.fleet.simulation.device import Device
    from tests.fleet.simulation.meter import Meter
    from tests.fleet.simulation.plan import Plan

_NS = 1_000_000_000
_BEHIND_MAX_NS = _NS
_FRAME_NS = 66_000_000
"""A window is closed by the first frame after its end."""


class Scheduler:
    """``begin`` puts the first task of each device on the agenda; each ``do`` puts its next one there."""

    def __init__(self, plan: Plan, devices: Sequence[Device], agenda: EventQueue, meter: Meter) -> None:
        self._plan = plan
        self._devices = devices
        self._agenda = agenda
        self._meter = meter
        self._random = random.Random(plan.seed)

    def begin(self, now_ns: int) -> None:
        """From now on they live."""
        for index, device in enumerate(self._devices):
            self._agenda.add(now_ns + self._pause_ns(), Task.EVENT, index)
            self._agenda.add(now_ns + int(self._random.random() * self._plan.health_s * _NS), Task.HEALTH, index)
            self._agenda.add(self._window_ends(device, now_ns), Task.AGGREGATE, index)
            self._agenda.add(now_ns + _NS, Task.STATE, index)

    def do(self, task: Task, index: int, due_ns: int, now_ns: int) -> None:
        """One task; what it tells waits with the device."""
        device = self._devices[index]
        match task:
            case Task.EVENT:
                self._meter.behind(now_ns - due_ns)
                # what this process was too slow for is not made up for: the rate achieved says so
                self._agenda.add(max(due_ns, now_ns - _BEHIND_MAX_NS) + self._pause_ns(), Task.EVENT, index)
                event = device.story.next_event(now_ns)
                device.add("event", event.id, event.to_json(), now_ns)
                self._tell_state(device, now_ns, changed=True)
            case Task.AGGREGATE:
                aggregate = device.story.aggregate(now_ns)
                device.add("aggregate", aggregate.id, aggregate.to_json(), now_ns)
                self._meter.told("aggregate")
                self._agenda.add(self._window_ends(device, now_ns), Task.AGGREGATE, index)
            case Task.STATE:
                self._tell_state(device, now_ns, changed=False)
                self._agenda.add(now_ns + _NS, Task.STATE, index)
            case Task.HEALTH:
                self._tell_health(device, now_ns)
                self._agenda.add(now_ns + int(self._plan.health_s * _NS), Task.HEALTH, index)

    def _tell_state(self, device: Device, now_ns: int, *, changed: bool) -> None:
        state = device.story.state(now_ns, changed=changed)
        if state is not None:
            device.tell("state", state.to_json())
            self._meter.told("state", sent=device.link is not None)

    def _tell_health(self, device: Device, now_ns: int) -> None:
        health = device.story.health(
            now_ns,
            uptime_s=(now_ns - self._meter.begun_ns) / _NS,
            queue_depth=device.depth,
            drops=device.drops,
            reconnects=max(0, device.reconnects),
        )
        device.tell("health", health.to_json())
        self._meter.told("health", sent=device.link is not None)

    def _window_ends(self, device: Device, now_ns: int) -> int:
        return device.story.window_ends(now_ns) + self._random.randrange(_FRAME_NS)

    def _pause_ns(self) -> int:
        return int(self._random.expovariate(self._plan.rate) * _NS)
