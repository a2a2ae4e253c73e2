"""Conversion of counts to progress reports: rates, and quantiles of acknowledgement times."""

from __future__ import annotations

import time
from collections import Counter
from typing import TYPE_CHECKING

from edge.collector.quantiles import quantile
from tests.fleet.simulation.progress import SimulationProgress

if TYPE_CHECKING:
    from tests.fleet.simulation.tally import MessageTally

_NS = 1_000_000_000


class SimulationMeter:
    """Counts messages and delays; ``read`` reports at the end of each interval."""

    def __init__(self, tally: MessageTally, asked_per_s: float) -> None:
        self._tally = tally
        self._asked_per_s = asked_per_s
        self._told: Counter[str] = Counter()
        self._behind_ns = 0
        self._receipts: list[float] = []
        self._marks = (0, 0)
        self.begun_ns = self.read_ns = time.monotonic_ns()

    def begin(self, now_ns: int) -> None:
        """Start the measured time."""
        self.begun_ns = self.read_ns = now_ns

    def told(self, kind: str, *, sent: bool = True) -> None:
        """Count a message other than events, if it was ``sent``."""
        self._told[kind] += sent

    def behind(self, late_ns: int) -> None:
        """Record a delay of a task."""
        self._behind_ns = max(self._behind_ns, late_ns)

    def read(self, now_ns: int, *, connected: int, waiting: int, total: bool = False) -> SimulationProgress:
        """Report the interval that ends now; with ``total`` the whole time."""
        tally = self._tally
        receipts, tally.receipt_s = tally.receipt_s, []
        self._receipts.extend(receipts)
        since_ns, made, acknowledged = (self.begun_ns, 0, 0) if total else (self.read_ns, *self._marks)
        seconds = max((now_ns - since_ns) / _NS, 1e-6)
        ordered = sorted(self._receipts if total else receipts)
        p50, p95, p99 = (quantile(ordered, share) for share in (0.5, 0.95, 0.99))
        behind_s, self._behind_ns = self._behind_ns / _NS, 0
        self.read_ns, self._marks = now_ns, (tally.made, tally.acknowledged)
        return SimulationProgress(
            seconds=seconds,
            connected=connected,
            asked_per_s=self._asked_per_s,
            made_per_s=(tally.made - made) / seconds,
            acknowledged_per_s=(tally.acknowledged - acknowledged) / seconds,
            made=tally.made,
            sent=tally.sent,
            acknowledged=tally.acknowledged,
            unheard=tally.unheard,
            refused=tally.refused,
            dropped=tally.dropped,
            resent=tally.resent,
            waiting=waiting,
            behind_s=behind_s,
            puback_p50_ms=None if p50 is None else p50 * 1000,
            puback_p95_ms=None if p95 is None else p95 * 1000,
            puback_p99_ms=None if p99 is None else p99 * 1000,
            told=dict(self._told),
        )
