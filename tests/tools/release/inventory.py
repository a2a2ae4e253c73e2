"""List the third parties' packages on a device: a CycloneDX SBOM and their licences.

The list is that of ``systemd/requirements-PYTHON.txt``, which every installed device has. It is read from an
environment made for this purpose: only installed packages say under which licence they come.
"""

from __future__ import annotations

import json
import subprocess
import sys
import sysconfig
from typing import TYPE_CHECKING

from tests.tools.release.packages import BuildError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


def lock_of(root: Path) -> Path:
    """Return the lock of the running Python's minor version.

    Raises:
        BuildError: devices with that Python have no lock.
    """
    path = root / f"systemd/requirements-{sysconfig.get_python_version()}.txt"
    if not path.is_file():
        offered = ", ".join(sorted(each.stem.rpartition("-")[2] for each in path.parent.glob("requirements-*.txt")))
        msg = f"no device has Python {sysconfig.get_python_version()}: release with {offered}"
        raise BuildError(msg)
    return path


def device_environment(root: Path, folder: Path) -> Path:
    """Install what a device gets, from its lock, into a new environment at ``folder``; return its Python.

    Raises:
        BuildError: a package cannot be had.
    """
    lock = lock_of(root)
    python = folder / "bin/python"
    _run([sys.executable, "-m", "venv", "--clear", "--without-pip", str(folder)])
    pip = [sys.executable, "-m", "pip", "--python", str(python), "install", "--quiet", "--disable-pip-version-check"]
    _run([*pip, "--require-hashes", "--only-binary", ":all:", "-r", str(lock)])
    return python


def sbom(root: Path, python: Path, version: str, target: Path) -> None:
    """Write what ``version`` of this package needs, as installed for ``python``, to ``target`` as CycloneDX JSON.

    The file has neither times nor random ids, so that two runs give the same bytes.

    Raises:
        BuildError: the environment cannot be read.
    """
    _run(
        [
            *(sys.executable, "-m", "cyclonedx_py", "environment", str(python), "--pyproject", "pyproject.toml"),
            *("--output-reproducible", "--output-format", "JSON", "--output-file", str(target)),
        ],
        root,
    )
    # pyproject.toml leaves the version to edge/__init__.py, so cyclonedx-py does not find it
    bill = json.loads(target.read_text(encoding="utf-8"))
    bill["metadata"]["component"]["version"] = version
    target.write_text(json.dumps(bill, indent=2, sort_keys=True) + "\n", encoding="utf-8")


def licences(python: Path, target: Path) -> None:
    """Write name, version, licence and the licence's text of each package of an environment to ``target``.

    Raises:
        BuildError: the environment cannot be read.
    """
    _run(
        [
            *(sys.executable, "-m", "piplicenses", "--python", str(python), "--from", "mixed", "--with-system"),
            *("--with-urls", "--with-license-file", "--no-license-path", "--format", "plain-vertical"),
            *("--output-file", str(target)),
        ]
    )


def _run(command: Sequence[str], folder: Path | None = None) -> None:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        said = (done.stderr.strip() or done.stdout.strip()).splitlines() or ["no reason given"]
        msg = f"{' '.join(command[2:4])}: {said[-1]}"
        raise BuildError(msg)
