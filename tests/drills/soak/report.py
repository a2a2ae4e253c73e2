"""Result of a soak as text and as JSON."""

from __future__ import annotations

import itertools
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.drills.report import MessageMark
    from tests.drills.soak.verdict import SoakFinding


@dataclass(frozen=True, slots=True)
class SoakFeed:
    """Received messages: ``missing`` are gaps in the numbers of a stream, ``lost`` markers that were answered."""

    messages: int
    repeated: int
    missing: int
    out_of_order: int
    lost: int

    @classmethod
    def of(cls, received: Sequence[MessageMark], answered: Sequence[str]) -> Self:
        """Create the figures from all received messages, in order."""
        firsts = list(dict.fromkeys(received))
        numbers: dict[str, list[int]] = {}
        for mark in firsts:
            numbers.setdefault(mark.stream, []).append(mark.seq)
        return cls(
            messages=len(firsts),
            repeated=len(received) - len(firsts),
            # a restarted device counts from 0
            missing=sum(max(each) + 1 - len(set(each)) for each in numbers.values()),
            out_of_order=sum(now < before for each in numbers.values() for before, now in itertools.pairwise(each)),
            lost=len(set(answered) - {mark.id for mark in firsts}),
        )

    @property
    def faults(self) -> list[str]:
        """Return descriptions of the faults."""
        failures = {"numbers are missing": self.missing, "messages came out of order": self.out_of_order}
        failures["answered markers were lost"] = self.lost
        return [f"{count} {what}" for what, count in failures.items() if count]


@dataclass(frozen=True, slots=True)
class SoakReport:
    """Result of a soak; ``device_s`` is frames over a camera's rate, ``faults`` are unexpected events."""

    asked_s: float
    seconds: float
    samples: int
    frames: int
    device_s: float
    done: dict[str, int]
    feed: SoakFeed
    findings: tuple[SoakFinding, ...]
    faults: tuple[str, ...]

    @property
    def failures(self) -> list[str]:
        """Return descriptions of everything that fails the soak."""
        failures = [*self.faults, *self.feed.faults]
        if not self.findings:
            failures.append(f"{self.samples} samples are too few for a verdict: more --seconds, or a shorter --sample")
        return failures + [f"{finding.what}: not flat" for finding in self.findings if not finding.passed]

    @property
    def passed(self) -> bool:
        """Return whether everything is stable, nothing is lost, and there were enough samples."""
        return not self.failures

    def as_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {"drill": "soak", **asdict(self), "failures": self.failures, "passed": self.passed}

    def lines(self) -> list[str]:
        """Return lines for a terminal."""
        done = ", ".join(f"{count:,} {what}" for what, count in self.done.items())
        feed = self.feed
        return [
            f"drill soak, {self.seconds:.0f} s:",
            f"device     {self.device_s / 3600:.1f} hours of its life, {self.frames:,} frames",
            f"meanwhile  {done}",
            f"feed       {feed.messages:,} messages in order, {feed.repeated} of them repeated",
            "",
            *self._table(),
            "flat" if self.passed else "FAILED",
            *(f"- {failure}" for failure in self.failures),
        ]

    def _table(self) -> list[str]:
        if not self.findings:
            return []
        head = f"{'':<27}{'2nd fifth':>9} {'last':>9} {'':<5}{'slope':>10}  {'bound':<29}"
        return [head.rstrip(), *(finding.line() for finding in self.findings), ""]
