"""The fault is shown for a device that has given up by itself, and never because somebody stops or restarts it."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

SCRIPT = Path(__file__).resolve().parents[2] / "systemd" / "fault-wanted"
# as systemd 257 showed them for a service that did so; monotonic microseconds
CASES = {
    "a start limit after crashes": (True, "failed", "exit-code", "", 12391800000, 12392107229, 12392107599),
    "a start limit after kills": (True, "failed", "signal", "0", 12391800000, 12392107229, 12392107229),
    "a start limit after watchdogs": (True, "failed", "watchdog", "", 10, 30, 20),
    "a start limit after lacks of memory": (True, "failed", "oom-kill", "", 10, 30, 20),
    "a configuration with a mistake": (True, "failed", "exit-code", "", 12398000000, 12398081274, 0),
    "the same after a run before it": (True, "failed", "exit-code", "", 12398000000, 12398081274, 12397000000),
    "no process at all": (True, "failed", "resources", "", 0, 0, 0),
    "shown by hand": (True, "inactive", "success", "", 0, 0, 0),
    "a slow stop": (False, "failed", "timeout", "", 12370000000, 12384435371, 12382192542),
    "an unclean stop": (False, "failed", "exit-code", "", 12386000000, 12386145581, 12386144758),
    "a slow restart": (False, "failed", "timeout", "812", 12370000000, 12378687329, 12376584460),
    "an unclean restart": (False, "failed", "exit-code", "812", 12380000000, 12380432327, 12380425983),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_the_fault_is_for_a_device_that_has_given_up(
    tmp_path: Path, case: tuple[bool, str, str, str, int, int, int]
) -> None:
    wanted, state, result, job, started, ended, left = case
    shown = [
        f"ActiveState={state}", f"Job={job}", f"Result={result}", f"ExecMainStartTimestampMonotonic={started}",
        f"ExecMainExitTimestampMonotonic={ended}", f"ActiveExitTimestampMonotonic={left}",
    ]  # fmt: skip
    fake = tmp_path / "systemctl"
    fake.write_text("#!/bin/sh\n" + "".join(f"echo {line}\n" for line in shown))
    fake.chmod(0o755)
    done = subprocess.run(
        [str(SCRIPT)], env=os.environ | {"PATH": f"{tmp_path}:{os.environ['PATH']}"}, capture_output=True, check=False
    )
    assert (done.returncode, done.stderr) == (0 if wanted else 1, b"")
