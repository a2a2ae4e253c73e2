"""Result of a drill on the whole device: injected fault, observations, recovery time, losses."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class DrillOutcome:
    """Result of a drill; ``recovery_s`` is the longest time from the end of a fault to the recovery.

    ``lost`` is a description; ``faults`` are unexpected events and fail the drill.
    """

    drill: str
    injected: str
    seen: tuple[str, ...]
    recovery_s: float | None
    lost: str
    seconds: float
    faults: tuple[str, ...] = ()

    @property
    def passed(self) -> bool:
        """Return whether there are no faults."""
        return not self.faults

    def as_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return asdict(self) | {"passed": self.passed}

    def lines(self) -> list[str]:
        """Return lines for a terminal."""
        recovery = "needed none" if self.recovery_s is None else f"{self.recovery_s:.1f} s"
        return [
            f"drill {self.drill}, {self.seconds:.0f} s:",
            f"injected   {self.injected}",
            *(f"{'seen' if not index else '':<11}{line}" for index, line in enumerate(self.seen)),
            f"recovery   {recovery}",
            f"lost       {self.lost}",
            "",
            "recovered without a hand" if self.passed else "FAILED",
            *(f"- {fault}" for fault in self.faults),
        ]
