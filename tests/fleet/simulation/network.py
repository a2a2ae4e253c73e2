"""Connections of the devices: opened by other threads, polled by one, and reopened after a pause."""

from __future__ import annotations

import logging
import selectors
import time
from typing import TYPE_CHECKING

from edge.sinks.mqtt import connection_errors
from edge.sinks.mqtt.connection_errors import Cause, ConnectionFailure
from edge.sinks.mqtt.waker import Waker
from tests.fleet.simulation.connector_pool import ConnectorPool
from tests.fleet.simulation.event_queue import DeviceTask, EventQueue

if TYPE_CHECKING:
    from collections.abc import Sequence

    from edge.collector.polled_connection import PolledConnection
    from tests.fleet.simulation.device import SimulatedDevice

_LOG = logging.getLogger(__name__)
_NS = 1_000_000_000
_ANSWER_NS = 10 * _NS
_TEND_NS = 10 * _NS
_EXPLAIN_EVERY_NS = 30 * _NS
_WAKER = -1


class Network:
    """All connections, driven by one thread; only ``wake`` is thread-safe. Devices are identified by index."""

    def __init__(self, devices: Sequence[SimulatedDevice], event_queue: EventQueue) -> None:
        self._devices = devices
        self._event_queue = event_queue
        self._waker = Waker()
        self._connector_pool = ConnectorPool(self._waker)
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._waker.fileno(), selectors.EVENT_READ, _WAKER)
        self._interest: dict[int, tuple[int, int]] = {}
        self._opening: dict[int, PolledConnection] = {}
        self._opened_ns: dict[int, int] = {}
        self._tended: set[int] = set()
        self._said: set[str] = set()
        self._explain_due_ns = 0

    @property
    def connected(self) -> int:
        """Return the number of accepted connections."""
        return sum(device.link is not None for device in self._devices)

    def wake(self) -> None:
        """End the running ``poll``."""
        self._waker.set()

    def do(self, task: DeviceTask, index: int, now_ns: int) -> None:
        """Run a task that concerns the connection."""
        match task:
            case DeviceTask.DIAL:
                self._connector_pool.dial(index, self._devices[index].new_link())
            case DeviceTask.TEND:
                self._tend(index, now_ns)
            case DeviceTask.GIVE_UP if index in self._opening and now_ns - self._opened_ns[index] >= _ANSWER_NS:
                self._lost(
                    index, connection_errors.of_silence(self._devices[index].options, _ANSWER_NS / _NS), answered=False
                )

    def poll(self, timeout_ns: int) -> None:
        """Serve connections that are readable, or writable again."""
        for key, _ in self._selector.select(timeout_ns / _NS):
            if key.data == _WAKER:
                self._waker.clear()
                self._take_dialled()
            else:
                self._serve(key.data)

    def flush(self, index: int) -> None:
        """Write what the socket accepts, and wait for writability for the rest."""
        link = self._link(index)
        if link is None:
            return
        try:
            link.write()
        except ConnectionFailure as failure:
            self._lost(index, failure.cause, answered=link.answered)
            return
        self._watch(index, link)

    def close(self) -> None:
        """Close all connections."""
        self._connector_pool.close()
        for _, link, error in self._connector_pool.outcomes():
            if error is None:
                link.abandon()
        for index, device in enumerate(self._devices):
            self._forget(index)
            device.left()
        for link in self._opening.values():
            link.abandon()
        self._selector.close()
        self._waker.close()

    def _link(self, index: int) -> PolledConnection | None:
        return self._opening.get(index) or self._devices[index].link

    def _take_dialled(self) -> None:
        for index, link, error in self._connector_pool.outcomes():
            if error is not None:
                self._lost(index, error.cause if isinstance(error, ConnectionFailure) else Cause(str(error)))
                continue
            self._opening[index] = link
            now_ns = self._opened_ns[index] = time.monotonic_ns()
            self._event_queue.add(now_ns + _ANSWER_NS, DeviceTask.GIVE_UP, index)
            if index not in self._tended:
                self._tended.add(index)
                self._event_queue.add(now_ns + _TEND_NS, DeviceTask.TEND, index)
            self.flush(index)

    def _serve(self, index: int) -> None:
        """Read and write one connection."""
        device, link = self._devices[index], self._link(index)
        if link is None:
            return
        now_ns = time.monotonic_ns()
        try:
            device.receiving(now_ns)
            link.read()
            if link.answered and index in self._opening:
                device.joined(self._opening.pop(index), now_ns)
                device.backoff.reset()
            device.pump(now_ns)
        except ConnectionFailure as failure:
            self._lost(index, failure.cause, answered=link.answered)
            return
        self.flush(index)

    def _tend(self, index: int, now_ns: int) -> None:
        """Send pings, and events that waited for a subscriber."""
        device = self._devices[index]
        if device.link is None:
            self._tended.discard(index)
            return
        try:
            device.link.tend()
            device.pump(now_ns)
        except ConnectionFailure as failure:
            self._tended.discard(index)
            self._lost(index, failure.cause)
            return
        self.flush(index)
        self._event_queue.add(now_ns + _TEND_NS, DeviceTask.TEND, index)

    def _lost(self, index: int, cause: Cause, *, answered: bool = True) -> None:
        """Log one line per cause for all devices together, and schedule another attempt after a growing pause.

        A broker that did not answer is occasionally probed again by another thread.
        """
        self._forget(index)
        link = self._opening.pop(index, None)
        if link is not None:
            link.abandon()
        device = self._devices[index]
        device.left()
        if device.said_goodbye:
            return
        if answered:
            self._say(device.node_model.node, cause.text)
        elif time.monotonic_ns() >= self._explain_due_ns:
            self._explain_due_ns = time.monotonic_ns() + _EXPLAIN_EVERY_NS
            self._connector_pool.explain(cause, device.options, lambda text: self._say(device.node_model.node, text))
        self._event_queue.add(time.monotonic_ns() + int(device.backoff.next_s() * _NS), DeviceTask.DIAL, index)

    def _say(self, node: str, why: str) -> None:
        if why not in self._said:
            self._said.add(why)
            _LOG.warning("%s: %s; trying again", node, why)

    def _watch(self, index: int, link: PolledConnection) -> None:
        descriptor = link.fileno()
        if descriptor < 0:
            return
        wanted = selectors.EVENT_READ | (selectors.EVENT_WRITE if link.wants_write else 0)
        known = self._interest.get(index)
        if known == (descriptor, wanted):
            return
        if known is None:
            self._selector.register(descriptor, wanted, index)
        else:
            self._selector.modify(descriptor, wanted, index)
        self._interest[index] = (descriptor, wanted)

    def _forget(self, index: int) -> None:
        known = self._interest.pop(index, None)
        if known is not None:
            self._selector.unregister(known[0])
