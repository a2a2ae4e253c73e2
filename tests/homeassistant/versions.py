"""Run the Home Assistant tests in several versions of it: ``python tests/homeassistant/versions.py [VERSION ...]``.

Without arguments: in the least version that the documentation names and in the newest that installs. Exit code 77 where
one of them cannot be had on this machine.
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from edge.sinks.mqtt.homeassistant import LEAST_VERSION
from tests.homeassistant.environment import NEWEST, Unavailable, environment

UNABLE = 77
_TESTS = str(Path(__file__).parent)


def main(versions: list[str]) -> int:
    """Run the tests in each; the exit code: 0, 1 where one failed, 77 where a version is missing."""
    outcomes: dict[str, str] = {}
    if not (shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin")):
        print("cannot run: the tests need Mosquitto: apt-get install mosquitto")  # noqa: T201
        return UNABLE
    for version in versions:
        try:
            command = environment(version)
        except Unavailable as reason:
            outcomes[version] = f"cannot run: {reason}"
            continue
        outcomes[version] = "passed" if _passes(command) else "failed"
    for version, outcome in outcomes.items():
        print(f"Home Assistant {version}: {outcome}")  # noqa: T201
    if "failed" in outcomes.values():
        return 1
    return 0 if set(outcomes.values()) == {"passed"} else UNABLE


def _passes(command: list[str]) -> bool:
    return (
        subprocess.run(
            [sys.executable, "-m", "pytest", "-n", "0", "-q", "-p", "no:cacheprovider", _TESTS],
            env={**os.environ, "HOME_ASSISTANT_PYTHON": shlex.join(command)},
            check=False,
        ).returncode
        == 0
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:] or [LEAST_VERSION, NEWEST]))
