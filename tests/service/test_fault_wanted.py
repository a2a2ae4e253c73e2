"""The fault is shown for a device that has given up by itself, and never because somebody stops or restarts it."""

from __future__ import annotations

import os
import re
import shlex
import signal
import subprocess
from pathlib import Path

import pytest

SCRIPT = Path(__file__).resolve().parents[2] / "systemd" / "fault-wanted"
UNIT = (SCRIPT.parent / "face-edge.service").read_text(encoding="utf-8")
# state, result, status, job; then when the process started and ended, when the unit left the state active, and when it
# became failed: monotonic microseconds, most of them as systemd 257 showed them for a service that did so
CASES = {
    "a start limit after crashes": (True, "failed exit-code 1 ''", 12391800000, 12392107229, 12392107599, 12393186223),
    "a start limit after kills": (True, "failed signal 9 0", 12391800000, 12392107229, 12392107229, 12395107229),
    "a start limit after watchdogs": (True, "failed watchdog 6 ''", 10, 30, 20, 3_000_030),
    "a start limit after lacks of memory": (True, "failed oom-kill 9 ''", 10, 30, 20, 3_000_030),
    "a mistake in the configuration": (True, "failed exit-code 3 ''", 12398000000, 12398081274, 0, 12398081454),
    "the same after an earlier run": (
        True,
        "failed exit-code 3 ''",
        12398000000,
        12398081274,
        12397000000,
        12398081454,
    ),
    "a bad model, found while it runs": (
        True,
        "failed exit-code 6 ''",
        12398000000,
        12398081274,
        12398081300,
        12398081454,
    ),
    "no process at all": (True, "failed resources 0 ''", 0, 0, 0, 12398081454),
    "shown by hand": (True, "inactive success 0 ''", 0, 0, 0, 0),
    "a crash, to be started again": (
        False,
        "activating watchdog 6 ''",
        12386000000,
        12386145581,
        12386145600,
        12386145715,
    ),
    "a crash, started again already": (False, "active success 0 ''", 12386000000, 0, 12386145600, 12386145715),
    "a slow stop": (False, "failed timeout 9 ''", 12370000000, 12384435371, 12382192542, 12384435478),
    "a stop whose helpers linger": (False, "failed timeout 0 ''", 12370000000, 12382292542, 12382192542, 12384435478),
    "an unclean stop": (False, "failed exit-code 7 ''", 12386000000, 12386145581, 12386144758, 12386145715),
    "a stop that ends in such a status": (
        False,
        "failed exit-code 3 ''",
        12386000000,
        12386145581,
        12386144758,
        12386145715,
    ),
    "a crash just when it is stopped": (
        False,
        "failed signal 11 ''",
        12386000000,
        12386145581,
        12386145600,
        12386145715,
    ),
    "a watchdog just when it is stopped": (
        False,
        "failed watchdog 6 ''",
        12386000000,
        12386145581,
        12386144758,
        12386145715,
    ),
    "a slow restart": (False, "failed timeout 9 812", 12370000000, 12378687329, 12376584460, 12378687645),
    "an unclean restart": (False, "failed exit-code 7 812", 12380000000, 12380432327, 12380425983, 12380432461),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_the_fault_is_for_a_device_that_has_given_up(
    tmp_path: Path, case: tuple[bool, str, int, int, int, int]
) -> None:
    wanted, words, started, ended, left, failed = case
    state, result, status, job = shlex.split(words)
    shown = {
        "ActiveState": state, "Job": job, "Result": result, "ExecMainStatus": status,
        "ExecMainStartTimestampMonotonic": started, "ExecMainExitTimestampMonotonic": ended,
        "ActiveExitTimestampMonotonic": left, "InactiveEnterTimestampMonotonic": failed,
    }  # fmt: skip
    fake = tmp_path / "systemctl"
    fake.write_text("#!/bin/sh\n" + "".join(f"echo {name}={value}\n" for name, value in shown.items()))
    fake.chmod(0o755)
    done = subprocess.run(
        [str(SCRIPT)], env=os.environ | {"PATH": f"{tmp_path}:{os.environ['PATH']}"}, capture_output=True, check=False
    )
    assert (done.returncode, done.stderr) == (0 if wanted else 1, b"")


def test_one_that_is_stopped_while_it_asks_does_not_fail(tmp_path: Path) -> None:
    """A look that ends by a signal has failed, and a failed look starts the device."""
    fake = tmp_path / "systemctl"
    fake.write_text(f"#!/bin/sh\ntouch {tmp_path}/asked\nsleep 100\n")
    fake.chmod(0o755)
    environment = os.environ | {"PATH": f"{tmp_path}:{os.environ['PATH']}"}
    with subprocess.Popen([str(SCRIPT)], env=environment, process_group=0) as asking:
        while not (tmp_path / "asked").exists():
            assert asking.poll() is None
        os.killpg(asking.pid, signal.SIGTERM)
        assert asking.wait(60) == 1


def test_the_script_knows_the_unit() -> None:
    prevented = re.findall(r"^RestartPreventExitStatus=(.*)$", UNIT, re.MULTILINE)[0].split()
    assert f"    {' | '.join(f'exit-code:{status}' for status in prevented)}) " in SCRIPT.read_text(encoding="utf-8")
    seconds = {name: int(value) for name, value in re.findall(r"^(\w+)=(\d+)$", UNIT, re.MULTILINE)}
    assert seconds["RestartSec"] >= 1
    assert seconds["TimeoutStartSec"] > seconds["StartLimitIntervalSec"]
    assert "OnFailureJobMode=fail\n" in UNIT
