"""Audit what the locks pin: ``python -m tests.audit [--advisories COPY]``, in CI and before each release.

Three parts, a line each, so that it is plain which of them were done: the locks as they are written (hashes, age), the
package index (every pinned file is there with its hash, none is withdrawn), and the advisories (pip-audit against OSV,
or a stored copy of OSV's PyPI advisories).

Exit code 0: all parts were done and found nothing. 1: something was found. 77: nothing was found, but a part could not
be done here. 2: wrong arguments.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from packaging.markers import Marker

from tests.audit import advisories
from tests.audit.locks import ROOT, chosen_on, locks, pins, problems

if TYPE_CHECKING:
    from collections.abc import Sequence

FOUND, NOT_DONE = 1, 77
OSV = "https://api.osv.dev/v1/query"
_TIMEOUT_S = 600


@dataclass(frozen=True, slots=True)
class Part:
    """What one part found; ``done`` is false where it could not be done, and ``text`` then says why."""

    name: str
    text: str
    findings: tuple[str, ...] = ()
    done: bool = True

    def lines(self) -> list[str]:
        """For people."""
        return [
            f"{self.name:<11}{'' if self.done else 'NOT DONE: '}{self.text}",
            *(f"  - {each}" for each in self.findings),
        ]


def written(paths: Sequence[Path]) -> Part:
    """The locks as they stand."""
    found = tuple(problems(paths, datetime.now(UTC).date()))
    if found:
        return Part("locks", f"{len(paths)} files", found)
    packages = {(pin.name, pin.version) for path in paths for pin in pins(path)}
    oldest = min(chosen_on(path) for path in paths)
    return Part("locks", f"{len(paths)} files, {len(packages)} packages with hashes, chosen on {oldest} or later")


def indexed() -> Part:
    """Whether the package index offers every pinned file, with its hash, and has withdrawn none."""
    done = _run(["bash", str(ROOT / "systemd/lock.sh"), "--check"])
    if done.returncode == 0:
        return Part("index", "; ".join(done.stdout.split("\n")[:-1]))
    said = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
    if done.returncode == NOT_DONE:
        return Part("index", said, done=False)
    return Part("index", "asked for every pinned file", (said,))


def stored(paths: Sequence[Path], copy: Path) -> Part:
    """The advisories of a stored copy."""
    try:
        held = advisories.load(copy)
    except (OSError, ValueError) as error:
        return Part("advisories", str(error), done=False)
    found = tuple(held.findings(pin for path in paths for pin in pins(path)))
    return Part("advisories", f"stored copy {copy}, {len(held.entries)} entries, newest of {held.newest}", found)


def asked(paths: Sequence[Path], url: str) -> Part:
    """What pip-audit hears from OSV.

    Its exit code is 1 for findings and for failures alike, and 0 where every package was skipped: its report counts.
    """
    found: list[str] = []
    skipped: list[str] = []
    looked_up = 0
    for path in paths:
        with tempfile.TemporaryDirectory() as folder:
            report = Path(folder) / "report.json"
            command = [sys.executable, "-m", "pip_audit", "--disable-pip", "--require-hashes", "--progress-spinner=off"]
            command += ["-s", "osv", "--osv-url", url, "-f", "json", "-o", str(report), "-r", str(path)]
            done = _run(command)
            if not report.exists():
                said = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
                return Part("advisories", f"pip-audit against {url}: {said[-200:]}", done=False)
            for each in json.loads(report.read_text(encoding="utf-8"))["dependencies"]:
                if "skip_reason" in each:
                    skipped.append(f"{each['name']}: {each['skip_reason']}")
                    continue
                looked_up += 1
                found += [f"{each['name']} {each['version']}: {vulnerability['id']}" for vulnerability in each["vulns"]]
        wanted = sum(not pin.marker or Marker(pin.marker).evaluate() for pin in pins(path))
        if looked_up + len(skipped) < wanted:
            return Part("advisories", f"pip-audit looked up {looked_up} of {wanted} packages of {path}", done=False)
    if skipped:
        return Part("advisories", f"pip-audit skipped {len(skipped)} packages, the first: {skipped[0]}", done=False)
    return Part("advisories", f"pip-audit against {url}: {looked_up} look-ups", tuple(sorted(set(found))))


def code_of(parts: Sequence[Part]) -> int:
    """The exit code: what was found counts for more than what could not be done."""
    if any(part.findings for part in parts):
        return FOUND
    return 0 if all(part.done for part in parts) else NOT_DONE


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the parts; the exit code as above."""
    parser = argparse.ArgumentParser(prog="make audit", description="Audit what the lock files pin.")
    parser.add_argument("--advisories", type=Path, help="a copy of OSV's PyPI advisories: all.zip, a folder, a file")
    parser.add_argument("--osv-url", default=OSV)
    given = parser.parse_args(arguments)
    paths = locks()
    parts = [written(paths)]
    if not parts[0].findings:
        parts += [indexed(), stored(paths, given.advisories) if given.advisories else asked(paths, given.osv_url)]
    for part in parts:
        print("\n".join(part.lines()))  # noqa: T201 - a command's output
    code = code_of(parts)
    verdict = {0: "nothing found", FOUND: "FOUND SOMETHING", NOT_DONE: "cannot run in full: see NOT DONE above"}[code]
    print(verdict)  # noqa: T201
    return code


def _run(command: list[str]) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"PYTHON": sys.executable}
    return subprocess.run(
        command, capture_output=True, text=True, check=False, timeout=_TIMEOUT_S, cwd=ROOT, env=environment
    )


if __name__ == "__main__":
    sys.exit(main())
