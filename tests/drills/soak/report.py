"""What a soak found, for people and for programs."""

from __future__ import annotations

import itertools
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.drills.report import Mark
    from tests.drills.soak.verdict import Finding


@dataclass(frozen=True, slots=True)
class Feed:
    """What a subscriber got: ``missing`` are gaps in the numbers of a stream, ``lost`` markers that were answered."""

    messages: int
    repeated: int
    missing: int
    out_of_order: int
    lost: int

    @classmethod
    def of(cls, received: Sequence[Mark], answered: Sequence[str]) -> Self:
        """From all that came, in order."""
        firsts = list(dict.fromkeys(received))
        numbers: dict[str, list[int]] = {}
        for mark in firsts:
            numbers.setdefault(mark.stream, []).append(mark.seq)
        return cls(
            messages=len(firsts),
            repeated=len(received) - len(firsts),
            # a device that begins anew counts from 0
            missing=sum(max(each) + 1 - len(set(each)) for each in numbers.values()),
            out_of_order=sum(now < before for each in numbers.values() for before, now in itertools.pairwise(each)),
            lost=len(set(answered) - {mark.id for mark in firsts}),
        )

    @property
    def faults(self) -> list[str]:
        """In words."""
        found = {"numbers are missing": self.missing, "messages came out of order": self.out_of_order}
        found["answered markers were lost"] = self.lost
        return [f"{count} {what}" for what, count in found.items() if count]


@dataclass(frozen=True, slots=True)
class Soak:
    """``device_s``: frames over the rate at which a camera gives them; ``faults``: what should not have been at all."""

    asked_s: float
    seconds: float
    samples: int
    frames: int
    device_s: float
    done: dict[str, int]
    feed: Feed
    findings: tuple[Finding, ...]
    faults: tuple[str, ...]

    @property
    def failures(self) -> list[str]:
        """All that fails the soak, in words."""
        found = [*self.faults, *self.feed.faults]
        if not self.findings:
            found.append(f"{self.samples} samples are too few for a verdict: more --seconds, or a shorter --sample")
        return found + [f"{finding.what}: not flat" for finding in self.findings if not finding.passed]

    @property
    def passed(self) -> bool:
        """True where everything is flat, nothing is lost, and there was enough to see that."""
        return not self.failures

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {"drill": "soak", **asdict(self), "failures": self.failures, "passed": self.passed}

    def lines(self) -> list[str]:
        """For people."""
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
