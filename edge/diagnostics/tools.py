"""Run system tools."""

from __future__ import annotations

import shutil
import subprocess


def run(name: str, *arguments: str, timeout_s: float) -> subprocess.CompletedProcess[str]:
    """Run a command and return the completed process, whatever its exit code.

    Raises:
        OSError: the command is missing, cannot be started, or takes longer than ``timeout_s`` seconds.
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
