"""Progress of a simulation as text and as JSON."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field


@dataclass(frozen=True, slots=True)
class SimulationProgress:
    """Progress; rates and latencies cover the time since the previous report, or everything in the last one.

    Counts are events and aggregates; ``told`` counts states and health.
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
        """Return rounded values for JSON."""
        return {key: round(value, 3) if isinstance(value, float) else value for key, value in asdict(self).items()}

    def as_line(self) -> str:
        """Return a line of text."""
        rates = f"{self.made_per_s:,.0f} made and {self.acknowledged_per_s:,.0f} acknowledged a second"
        parts = [f"{self.connected} connected", f"{rates} of {self.asked_per_s:,.0f} asked"]
        if self.puback_p50_ms is not None:
            parts.append(f"PUBACK {self.puback_p50_ms:.1f} ms (p99 {self.puback_p99_ms:.1f})")
        counts = {name: getattr(self, name) for name in ("waiting", "unheard", "refused", "dropped", "resent")}
        parts += [f"{count:,} {name}" for name, count in counts.items() if count]
        if self.behind_s >= 0.5:
            parts.append(f"this process is {self.behind_s:.1f} s behind: it cannot make that many")
        return ", ".join(parts)
