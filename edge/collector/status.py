"""Periodic status reports of a collector."""

from __future__ import annotations

import random
import threading
from collections import Counter
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from edge.collector.quantiles import quantile

if TYPE_CHECKING:
    from collections.abc import Sequence

_SAMPLES_MAX = 10_000


@dataclass(frozen=True, slots=True)
class Status:
    """A report; rates and lags cover the time since the previous report, counts the time since the start.

    ``lag`` is the time in seconds from an event's timestamp to the database's confirmation of its commit; it requires
    synchronized clocks of device and collector.
    """

    seconds: float
    stored: int
    repeated: int
    refused: int
    dropped: int
    waiting: int
    stored_per_s: float
    lag_p50_s: float | None
    lag_p95_s: float | None
    lag_p99_s: float | None
    batches: int
    batch_rows_mean: float | None
    batch_ms_mean: float | None
    broker: str
    database: str

    def as_dict(self) -> dict[str, object]:
        """Return the report for JSON, rounded to meaningful digits."""
        return {key: round(value, 4) if isinstance(value, float) else value for key, value in asdict(self).items()}

    def as_line(self) -> str:
        """Return the report as text."""
        parts = [f"{self.stored_per_s:,.0f} messages/s"]
        if self.lag_p50_s is not None:
            parts.append(f"lag {self.lag_p50_s:.3f} s (p99 {self.lag_p99_s:.3f})")
        if self.batch_rows_mean is not None:
            parts.append(f"batch {self.batch_rows_mean:.0f} in {self.batch_ms_mean:.0f} ms")
        parts.append(f"{self.stored:,} stored, {self.repeated:,} repeats, {self.refused:,} refused")
        if self.waiting:
            parts.append(f"{self.waiting:,} waiting")
        if self.dropped:
            parts.append(f"{self.dropped:,} health messages dropped")
        parts += [f"broker {self.broker}"] if self.broker != "connected" else []
        parts += [f"database {self.database}"] if self.database != "connected" else []
        return ", ".join(parts)


class Figures:
    """Thread-safe counters of the writer; ``report`` closes an interval."""

    def __init__(self, now_s: float) -> None:
        self._lock = threading.Lock()
        self._begun_s = self._since_s = now_s
        self._totals: Counter[str] = Counter()
        self._interval: Counter[str] = Counter()
        self._lags: list[float] = []
        self.broker = "not connected yet"
        self.database = "not connected yet"

    def committed(self, *, rows: int, keyed: int, new: int, seconds: float, lags: Sequence[float]) -> None:
        """Count a stored batch of ``rows``, with ``keyed`` events and aggregates of which ``new`` were new."""
        counts = Counter(stored=new, repeated=keyed - new, rows=rows, batches=1)
        with self._lock:
            self._totals += counts
            self._interval += counts
            self._interval["us"] += round(seconds * 1e6)
            self._lags.extend(lags)
            if len(self._lags) > _SAMPLES_MAX:
                self._lags = random.sample(self._lags, _SAMPLES_MAX // 2)

    def refused(self) -> None:
        """Count a refused message."""
        with self._lock:
            self._totals["refused"] += 1

    def report(self, now_s: float, *, waiting: int, dropped: int, total: bool = False) -> Status:
        """Return the report of the interval that ends now; with ``total`` rates cover the whole time."""
        with self._lock:
            seconds = max(now_s - (self._begun_s if total else self._since_s), 1e-6)
            counts, lags = self._interval, sorted(self._lags)
            batches = counts["batches"]
            status = Status(
                seconds=seconds,
                stored=self._totals["stored"],
                repeated=self._totals["repeated"],
                refused=self._totals["refused"],
                dropped=dropped,
                waiting=waiting,
                stored_per_s=(self._totals if total else counts)["stored"] / seconds,
                lag_p50_s=quantile(lags, 0.5),
                lag_p95_s=quantile(lags, 0.95),
                lag_p99_s=quantile(lags, 0.99),
                batches=self._totals["batches"],
                batch_rows_mean=counts["rows"] / batches if batches else None,
                batch_ms_mean=counts["us"] / 1000 / batches if batches else None,
                broker=self.broker,
                database=self.database,
            )
            self._interval, self._lags, self._since_s = Counter(), [], now_s
        return status
