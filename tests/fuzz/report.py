"""Results of fuzzing as text and as JSON."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class FuzzFinding:
    """One finding; ``what`` identifies it, ``file`` is the stored input as hex with its effect, if any."""

    target: str
    seed: int
    index: int
    what: str
    text: str
    input: str = field(repr=False)
    file: str = ""


@dataclass(frozen=True, slots=True)
class TargetTally:
    """Result of one target: number of inputs, and of processes, since each crash needs a new one."""

    target: str
    about: str
    tries: int
    seconds: float
    processes: int
    findings: tuple[FuzzFinding, ...] = ()
    missing: str = ""
    """Package that the target needs and that is missing."""


@dataclass(frozen=True, slots=True)
class FuzzReport:
    """Results of all targets of a run."""

    seed: int
    tallies: tuple[TargetTally, ...]

    @property
    def findings(self) -> list[FuzzFinding]:
        """Return the findings of all targets."""
        return [finding for tally in self.tallies for finding in tally.findings]

    @property
    def passed(self) -> bool:
        """Return whether nothing was found and every available target, at least one, was tried."""
        tried = [tally for tally in self.tallies if not tally.missing]
        return bool(tried) and not self.findings and all(tally.tries for tally in tried)

    def as_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return asdict(self) | {"passed": self.passed}

    def lines(self) -> list[str]:
        """Return lines for a terminal."""
        rows = [f"{'target':<10}{'tries':>12}{'seconds':>9}{'findings':>10}  what goes in"]
        for each in self.tallies:
            found = len(each.findings)
            rows.append(f"{each.target:<10}{each.tries:>12,}{each.seconds:>9.0f}{found:>10}  {each.about}")
        told = [
            f"- {found.target}, seed {found.seed}, try {found.index}: {found.what}: {found.text}"
            + (f" ({found.file})" if found.file else "")
            for found in self.findings
        ]
        idle = [
            f"- {each.target}: could not be tried{': ' if each.missing else ''}{each.missing}"
            for each in self.tallies
            if not each.tries
        ]
        return [*rows, "", "nothing was found" if self.passed else "FAILED", *told, *idle]
