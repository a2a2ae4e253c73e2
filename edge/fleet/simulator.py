"""Plays many devices in one process: one polling loop, a heap of what is due, some threads that only connect."""

from __future__ import annotations

import heapq
import itertools
import logging
import random
import resource
import selectors
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field, replace
from enum import Enum, auto
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING

from edge.errors import ConfigError, InputError
from edge.fleet.device import Device, Tally
from edge.fleet.status import quantile
from edge.fleet.story import Story
from edge.sinks.mqtt.causes import ConnectionFailure
from edge.sinks.mqtt.waker import Waker

if TYPE_CHECKING:
    from collections.abc import Callable

    from edge.fleet.link import Link
    from edge.sinks.mqtt.options import Options

_LOG = logging.getLogger(__name__)
DEVICES_MAX = 2000
_NS = 1_000_000_000
_DIALERS = 8
_SPARE_FILES = 100
_CONNECT_PATIENCE_NS = 30 * _NS
_ANSWER_NS = 10 * _NS
_TEND_NS = 10 * _NS
_SECOND_NS = _NS
_TASKS_A_TURN = 256
_BEHIND_MAX_NS = _NS
_DRAIN_NS = 15 * _NS
_LEAVE_NS = 3 * _NS
_FRAME_NS = 66_000_000


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be played; ``rate`` is in events per second and device, the rest follows the contract."""

    devices: int
    rate: float
    seconds: float | None = None
    seed: int = 0
    prefix: str = "face-edge"
    health_s: float = 60.0
    window_s: float = 60.0
    resend_s: float = 0.0
    keep_ids: bool = False

    def node(self, index: int) -> str:
        """Node ids of different seeds differ, those of one seed come back."""
        return f"sim{self.seed}-{index:05d}"


@dataclass(frozen=True, slots=True)
class Progress:
    """How it stands; rates and latencies are of the time since the report before, or of all with the last one.

    What is counted are events and aggregates; ``told`` counts states and health beside them.
    """

    seconds: float
    connected: int
    asked_per_s: float
    made_per_s: float
    acknowledged_per_s: float
    made: int
    sent: int
    acknowledged: int
    unheard: int
    refused: int
    dropped: int
    resent: int
    waiting: int
    behind_s: float
    puback_p50_ms: float | None
    puback_p95_ms: float | None
    puback_p99_ms: float | None
    told: dict[str, int] = field(default_factory=dict)

    def as_dict(self) -> dict[str, object]:
        """For JSON; rounded to what means something."""
        return {key: round(value, 3) if isinstance(value, float) else value for key, value in asdict(self).items()}

    def as_line(self) -> str:
        """For people."""
        rates = f"{self.made_per_s:,.0f} made and {self.acknowledged_per_s:,.0f} acknowledged a second"
        parts = [f"{self.connected} connected", f"{rates} of {self.asked_per_s:,.0f} asked"]
        if self.puback_p50_ms is not None:
            parts.append(f"PUBACK {self.puback_p50_ms:.1f} ms (p99 {self.puback_p99_ms:.1f})")
        counts = {name: getattr(self, name) for name in ("waiting", "unheard", "refused", "dropped", "resent")}
        parts += [f"{count:,} {name}" for name, count in counts.items() if count]
        if self.behind_s >= 0.5:
            parts.append(f"this process is {self.behind_s:.1f} s behind: it cannot make that many")
        return ", ".join(parts)


class _Task(Enum):
    DIAL = auto()
    EVENT = auto()
    AGGREGATE = auto()
    STATE = auto()
    HEALTH = auto()
    TEND = auto()
    GIVE_UP = auto()


class Simulator:
    """``run`` until its time is over or ``stop``; ``report`` is called every ``report_every_s``."""

    def __init__(
        self,
        plan: Plan,
        options: Options,
        *,
        report: Callable[[Progress], None] | None = None,
        report_every_s: float = 5.0,
    ) -> None:
        _check(plan)
        _allow_files(plan.devices + _SPARE_FILES)
        self._plan = plan
        self.tally = Tally(acknowledged_ids=set() if plan.keep_ids else None)
        epoch_ns = time.time_ns() - time.monotonic_ns()
        self._devices = [
            Device(
                Story(plan.node(index), epoch_ns=epoch_ns, seed=plan.seed, window_s=plan.window_s),
                options,
                plan.prefix,
                self.tally,
                resend_ns=int(plan.resend_s * _NS),
            )
            for index in range(plan.devices)
        ]
        self._report = report
        self._report_every_ns = int(report_every_s * _NS)
        self._random = random.Random(plan.seed)
        self._order = itertools.count()
        self._due: list[tuple[int, int, _Task, int]] = []
        self._dialled: SimpleQueue[tuple[int, Link | ConnectionFailure | ConfigError]] = SimpleQueue()
        self._opening: dict[int, Link] = {}
        self._opened_ns: dict[int, int] = {}
        self._tended: set[int] = set()
        self._interest: dict[int, tuple[int, int]] = {}
        self._selector = selectors.DefaultSelector()
        self._waker = Waker()
        self._stopping = threading.Event()
        self._told: Counter[str] = Counter()
        self._said: set[str] = set()
        self._behind_ns = 0
        self._playing = False
        self._begun_ns = 0
        self._marks = (0, 0, 0)
        self._all_receipts: list[float] = []

    def stop(self) -> None:
        """No more events; what waits is sent while there is time. May be called from a signal handler."""
        self._stopping.set()
        self._waker.set()

    def run(self) -> Progress:
        """Play; returns the totals."""
        self._selector.register(self._waker.fileno(), selectors.EVENT_READ, -1)
        now_ns = time.monotonic_ns()
        for index in range(len(self._devices)):
            self._at(now_ns, _Task.DIAL, index)
        with ThreadPoolExecutor(_DIALERS, thread_name_prefix="dial") as dialers:
            self._dialers = dialers
            try:
                self._gather()
                self._play()
                ended_ns, connected = time.monotonic_ns(), self._connected
                self._drain()
                self._depart()
            finally:
                self._close()
        return replace(self._progress(ended_ns, total=True), connected=connected)

    # the phases

    def _gather(self) -> None:
        """Until all are connected, or the broker has had time enough for that."""
        until_ns = time.monotonic_ns() + _CONNECT_PATIENCE_NS
        while not self._stopping.is_set() and time.monotonic_ns() < until_ns and self._connected < len(self._devices):
            self._turn()

    def _play(self) -> None:
        now_ns = self._begun_ns = self._reported_ns = time.monotonic_ns()
        until_ns = None if self._plan.seconds is None else now_ns + int(self._plan.seconds * _NS)
        self._playing = True
        for index, device in enumerate(self._devices):
            self._at(now_ns + self._pause_ns(), _Task.EVENT, index)
            self._at(now_ns + int(self._random.random() * self._plan.health_s * _NS), _Task.HEALTH, index)
            self._at(device.story.window_ends(now_ns) + self._random.randrange(_FRAME_NS), _Task.AGGREGATE, index)
            self._at(now_ns + _SECOND_NS, _Task.STATE, index)
        while not self._stopping.is_set() and (until_ns is None or time.monotonic_ns() < until_ns):
            self._turn()
            if time.monotonic_ns() - self._reported_ns >= self._report_every_ns and self._report is not None:
                self._report(self._progress(time.monotonic_ns()))
        self._playing = False

    def _drain(self) -> None:
        """Until everything has its receipt, or time is up."""
        until_ns = time.monotonic_ns() + _DRAIN_NS
        while (left := [i for i, device in enumerate(self._devices) if device.depth]) and (
            now_ns := time.monotonic_ns()
        ) < until_ns:
            for index in left:
                self._devices[index].pump(now_ns)
                self._flush(index)
            self._turn()

    def _depart(self) -> None:
        until_ns = time.monotonic_ns() + _LEAVE_NS
        for index, device in enumerate(self._devices):
            device.depart()
            self._flush(index)
        while time.monotonic_ns() < until_ns and any(
            device.link is not None and (not device.said_goodbye or device.link.wants_write) for device in self._devices
        ):
            self._turn()

    def _close(self) -> None:
        for index, device in enumerate(self._devices):
            self._forget(index)
            device.left()
        for link in self._opening.values():
            link.abandon()
        self._selector.close()
        self._waker.close()

    # one turn of the loop

    def _turn(self) -> None:
        now_ns = time.monotonic_ns()
        for _ in range(_TASKS_A_TURN):
            if not self._due or self._due[0][0] > now_ns:
                break
            due_ns, _, task, index = heapq.heappop(self._due)
            self._do(task, index, due_ns, now_ns)
        next_ns = self._due[0][0] if self._due else now_ns + _NS
        for key, _ in self._selector.select(max(0.0, min(next_ns - now_ns, _NS // 4) / _NS)):
            if key.data < 0:
                self._waker.clear()
                self._take_dialled()
            else:
                self._serve(key.data)

    def _serve(self, index: int) -> None:
        """Read and write one connection."""
        device = self._devices[index]
        link = self._opening.get(index) or device.link
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
            self._lost(index, str(failure))
            return
        self._flush(index)

    def _flush(self, index: int) -> None:
        """Write what the socket takes; be called when it takes more."""
        link = self._opening.get(index) or self._devices[index].link
        if link is None:
            return
        try:
            link.write()
        except ConnectionFailure as failure:
            self._lost(index, str(failure))
            return
        self._watch(index, link)

    def _watch(self, index: int, link: Link) -> None:
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

    # what is due

    def _at(self, due_ns: int, task: _Task, index: int) -> None:
        heapq.heappush(self._due, (due_ns, next(self._order), task, index))

    def _do(self, task: _Task, index: int, due_ns: int, now_ns: int) -> None:
        match task:
            case _Task.DIAL:
                self._dial(index)
            case _Task.TEND:
                self._tend(index, now_ns)
            case _Task.GIVE_UP:
                if index in self._opening and now_ns - self._opened_ns[index] >= _ANSWER_NS:
                    self._lost(index, "the broker took the connection and gave no answer")
            case _ if self._playing:
                self._live(task, index, due_ns, now_ns)
                self._devices[index].pump(now_ns)
                self._flush(index)

    def _live(self, task: _Task, index: int, due_ns: int, now_ns: int) -> None:
        """The device's own doings."""
        device, story = self._devices[index], self._devices[index].story
        match task:
            case _Task.EVENT:
                self._behind_ns = max(self._behind_ns, now_ns - due_ns)
                # what this process was too slow for is not made up for: the rate achieved says so
                self._at(max(due_ns, now_ns - _BEHIND_MAX_NS) + self._pause_ns(), _Task.EVENT, index)
                event = story.next_event(now_ns)
                device.add("event", event.id, event.to_json(), now_ns)
                self._tell_state(index, now_ns, changed=True)
            case _Task.AGGREGATE:
                aggregate = story.aggregate(now_ns)
                device.add("aggregate", aggregate.id, aggregate.to_json(), now_ns)
                self._told["aggregate"] += 1
                self._at(story.window_ends(now_ns) + self._random.randrange(_FRAME_NS), _Task.AGGREGATE, index)
            case _Task.STATE:
                self._tell_state(index, now_ns, changed=False)
                self._at(now_ns + _SECOND_NS, _Task.STATE, index)
            case _Task.HEALTH:
                health = story.health(
                    now_ns,
                    uptime_s=(now_ns - self._begun_ns) / _NS,
                    queue_depth=device.depth,
                    drops=device.drops,
                    reconnects=max(0, device.reconnects),
                )
                device.tell("health", health.to_json())
                self._told["health"] += device.link is not None
                self._at(now_ns + int(self._plan.health_s * _NS), _Task.HEALTH, index)

    def _tell_state(self, index: int, now_ns: int, *, changed: bool) -> None:
        device = self._devices[index]
        state = device.story.state(now_ns, changed=changed)
        if state is not None:
            device.tell("state", state.to_json())
            self._told["state"] += device.link is not None

    def _tend(self, index: int, now_ns: int) -> None:
        """Pings, and events that waited for someone to listen."""
        device = self._devices[index]
        if device.link is None:
            self._tended.discard(index)
            return
        try:
            device.link.tend()
            device.pump(now_ns)
        except ConnectionFailure as failure:
            self._tended.discard(index)
            self._lost(index, str(failure))
            return
        self._flush(index)
        self._at(now_ns + _TEND_NS, _Task.TEND, index)

    def _pause_ns(self) -> int:
        return int(self._random.expovariate(self._plan.rate) * _NS)

    # connections

    @property
    def _connected(self) -> int:
        return sum(device.link is not None for device in self._devices)

    def _dial(self, index: int) -> None:
        link = self._devices[index].new_link()

        def dial() -> None:
            try:
                link.open()
            except (ConnectionFailure, ConfigError) as error:
                self._dialled.put((index, error))
            else:
                self._dialled.put((index, link))
            self._waker.set()

        self._dialers.submit(dial)

    def _take_dialled(self) -> None:
        while True:
            try:
                index, outcome = self._dialled.get_nowait()
            except Empty:
                return
            if isinstance(outcome, (ConnectionFailure, ConfigError)):
                self._lost(index, str(outcome))
                continue
            self._opening[index] = outcome
            now_ns = self._opened_ns[index] = time.monotonic_ns()
            self._at(now_ns + _ANSWER_NS, _Task.GIVE_UP, index)
            if index not in self._tended:
                self._tended.add(index)
                self._at(now_ns + _TEND_NS, _Task.TEND, index)
            self._flush(index)

    def _lost(self, index: int, why: str) -> None:
        """One line a cause for all devices together, then another attempt after a growing pause."""
        self._forget(index)
        link = self._opening.pop(index, None)
        if link is not None:
            link.abandon()
        device = self._devices[index]
        device.left()
        if device.said_goodbye:
            return
        if why not in self._said:
            self._said.add(why)
            _LOG.warning("%s: %s; trying again", device.story.node, why)
        self._at(time.monotonic_ns() + int(device.backoff.next_s() * _NS), _Task.DIAL, index)

    def _progress(self, now_ns: int, *, total: bool = False) -> Progress:
        tally = self.tally
        receipts, tally.receipt_s = tally.receipt_s, []
        self._all_receipts.extend(receipts)
        since_ns, made, acknowledged = (self._begun_ns, 0, 0) if total else (self._reported_ns, *self._marks[1:])
        seconds = max((now_ns - since_ns) / _NS, 1e-6)
        ordered = sorted(self._all_receipts if total else receipts)
        p50, p95, p99 = (quantile(ordered, share) for share in (0.5, 0.95, 0.99))
        behind_s, self._behind_ns = self._behind_ns / _NS, 0
        self._reported_ns, self._marks = now_ns, (0, tally.made, tally.acknowledged)
        return Progress(
            seconds=seconds,
            connected=self._connected,
            asked_per_s=self._plan.devices * (self._plan.rate + 1 / self._plan.window_s),
            made_per_s=(tally.made - made) / seconds,
            acknowledged_per_s=(tally.acknowledged - acknowledged) / seconds,
            made=tally.made,
            sent=tally.sent,
            acknowledged=tally.acknowledged,
            unheard=tally.unheard,
            refused=tally.refused,
            dropped=tally.dropped,
            resent=tally.resent,
            waiting=sum(device.depth for device in self._devices),
            behind_s=behind_s,
            puback_p50_ms=None if p50 is None else p50 * 1000,
            puback_p95_ms=None if p95 is None else p95 * 1000,
            puback_p99_ms=None if p99 is None else p99 * 1000,
            told=dict(self._told),
        )


def _check(plan: Plan) -> None:
    if not 1 <= plan.devices <= DEVICES_MAX:
        msg = f"--devices: one process plays 1 to {DEVICES_MAX}, not {plan.devices}; start more with another --seed"
        raise InputError(msg)


def _allow_files(needed: int) -> None:
    """Raise the limit of open files to ``needed``.

    Raises:
        InputError: the hard limit is lower.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < needed:
        if hard != resource.RLIM_INFINITY and hard < needed:
            msg = f"--devices: needs {needed} open files, {hard} are allowed: raise that with ulimit -n, or play fewer"
            raise InputError(msg)
        resource.setrlimit(resource.RLIMIT_NOFILE, (needed, hard))
