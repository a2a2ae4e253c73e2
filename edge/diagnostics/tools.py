"""Tools of the system, asked for what they know."""

from __future__ import annotations

import shutil
import subprocess


def run(name: str, *arguments: str, timeout_s: float) -> subprocess.CompletedProcess[str]:
    """What became of the command, whatever its exit code.

    Raises:
        OSError: it is missing, cannot be started, or takes too long.
    """
    path = shutil.which(name)
    if path is None:
        msg = f"there is no {name} here"
        raise FileNotFoundError(msg)
    try:
        return subprocess.run(  # noqa: S603 - fixed commands
            [path, *arguments], capture_output=True, text=True, errors="replace", timeout=timeout_s, check=False
        )
    except subprocess.TimeoutExpired:
        msg = f"{name} did not end within {timeout_s:g} s"
        raise TimeoutError(msg) from None
