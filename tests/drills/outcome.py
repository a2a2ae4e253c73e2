"""What a drill on the whole device found: what was injected, what was seen, how long it took, what was lost."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Outcome:
    """``recovery_s``: from the moment when it could recover until it did, the longest where there were several.

    ``lost`` is in words; ``faults`` is what should not have been, and fails the drill.
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
        """True where nothing went wrong that should not."""
        return not self.faults

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self) | {"passed": self.passed}

    def lines(self) -> list[str]:
        """For people."""
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
