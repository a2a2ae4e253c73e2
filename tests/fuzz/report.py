"""What fuzzing found, for people and for programs."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Finding:
    """``what`` tells findings apart; ``file`` holds the input as hex, with what it did, where it was kept."""

    target: str
    seed: int
    index: int
    what: str
    text: str
    input: str = field(repr=False)
    file: str = ""


@dataclass(frozen=True, slots=True)
class Tally:
    """One target: how often it was tried, and in how many processes since each crash takes a new one."""

    target: str
    about: str
    tries: int
    seconds: float
    processes: int
    findings: tuple[Finding, ...] = ()
    missing: str = ""
    """The package without which it cannot be tried here."""


@dataclass(frozen=True, slots=True)
class FuzzReport:
    """All targets of a run."""

    seed: int
    tallies: tuple[Tally, ...]

    @property
    def findings(self) -> list[Finding]:
        """Those of all targets."""
        return [finding for tally in self.tallies for finding in tally.findings]

    @property
    def passed(self) -> bool:
        """True where nothing was found, and everything was tried that can be here, which is not nothing."""
        tried = [tally for tally in self.tallies if not tally.missing]
        return bool(tried) and not self.findings and all(tally.tries for tally in tried)

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self) | {"passed": self.passed}

    def lines(self) -> list[str]:
        """For people."""
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
