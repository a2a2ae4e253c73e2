"""Environments with Home Assistant's package, outside the checkout, made once and kept.

Home Assistant pins its dependencies and needs a newer Python than this project, so each version has an environment of
its own under ``$XDG_CACHE_HOME/face-edge/homeassistant``. Where this machine has no Python for the newest version, root
gets one with the userland of a newer Debian.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

NEWEST = "newest"
_CHECKOUT = Path(__file__).resolve().parents[2]
_CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "face-edge" / "homeassistant"
_NEWEST_PYTHON = "3.14"
"""What the newest Home Assistant needs; an older Python installs an older Home Assistant."""
_DEBIAN = "forky"
"""The Debian release that has it."""
_OLDER_NEEDS = ("josepy<2",)
"""Dependencies of dependencies that an older version does not pin, and whose newest release breaks it."""
_MAX_AGE_S = 30 * 86_400
_TIMEOUT_S = 1800

_REQUIREMENTS = """
import json, pathlib, homeassistant
root, found, wanted = pathlib.Path(homeassistant.__file__).parent / "components", {}, ["mqtt", "automation", "hassio"]
while wanted:
    name = wanted.pop()
    if name not in found and (root / name / "manifest.json").exists():
        found[name] = json.loads((root / name / "manifest.json").read_text())
        wanted += found[name].get("dependencies", [])
print(json.dumps(sorted({line for one in found.values() for line in one.get("requirements", [])})))
"""
"""Lists what the integrations in the tests need; an installed Home Assistant fetches it when it sets them up."""


class Unavailable(Exception):
    """This machine cannot have the environment; the text gives the reason."""


@dataclass(frozen=True, slots=True)
class Python:
    """``prefix`` runs a program beside this Python, the program ``path``; ``number`` is its version, as in 3.13."""

    path: str
    number: str
    prefix: tuple[str, ...] = ()


def environment(version: str) -> list[str]:
    """The command of a Python that has this version of Home Assistant, or the :data:`NEWEST` that installs.

    Raises:
        Unavailable: no Python of this machine runs it, or it cannot be installed.
    """
    reason = f"Home Assistant {version}: no Python 3.12 or newer was found"
    for python in _newest_pythons() if version == NEWEST else _pythons("3.12", "3.13"):
        folder = _CACHE / f"{version}-python{python.number}"
        command = [*python.prefix, str(folder / "bin" / "python")]
        try:
            if not _complete(folder, version):
                _install(folder, python, command, version)
        except Unavailable as failure:
            reason = str(failure)
            continue
        return command
    raise Unavailable(reason)


def _newest_pythons() -> Iterator[Python]:
    found = list(_pythons(_NEWEST_PYTHON))
    if not found and os.geteuid() == 0 and shutil.which("mmdebstrap"):
        found = [_debian()]
    yield from found
    yield from _pythons("3.13", "3.12")


def _pythons(*numbers: str) -> Iterator[Python]:
    """Those that this machine has, on the path or kept by pyenv."""
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv") / "versions"
    for number in numbers:
        for path in (shutil.which(f"python{number}"), *map(str, pyenv.glob(f"{number}.*/bin/python"))):
            if path and subprocess.run([path, "-c", "import venv"], capture_output=True, check=False).returncode == 0:
                yield Python(path, number)
                break


def _debian() -> Python:
    """The Python of a newer Debian, run with checkout, cache and temporary files at their places."""
    base = _CACHE / _DEBIAN
    if not (base / "usr" / "bin" / "python3").exists():
        shutil.rmtree(base, ignore_errors=True)
        _CACHE.mkdir(parents=True, exist_ok=True)
        options = ["--variant=minbase", "--include=python3,python3-venv,ca-certificates"]
        # a mirror's index may be past its date; its signature is checked all the same
        options += ['--aptopt=Acquire::Check-Valid-Until "false"', '--aptopt=Apt::Install-Recommends "false"']
        mirror = "http://deb.debian.org/debian"
        _run(["mmdebstrap", "--quiet", "--mode=root", *options, _DEBIAN, str(base), mirror], f"Debian {_DEBIAN}")
    script = str(Path(__file__).parent / "debian.sh")
    return Python("/usr/bin/python3", _DEBIAN, (script, str(base), f"{_CHECKOUT}:{_CACHE}:/tmp"))


def _complete(folder: Path, version: str) -> bool:
    """True for an environment that was finished, the newest one not long ago."""
    try:
        age_s = time.time() - (folder / "complete").stat().st_mtime
    except FileNotFoundError:
        return False
    return version != NEWEST or age_s < _MAX_AGE_S


def _install(folder: Path, python: Python, command: list[str], version: str) -> None:
    wanted = "homeassistant" if version == NEWEST else f"homeassistant=={version}"
    shutil.rmtree(folder, ignore_errors=True)
    folder.parent.mkdir(parents=True, exist_ok=True)
    print(f"installing {wanted} under {folder} (some minutes)", flush=True)  # noqa: T201
    _run([*python.prefix, python.path, "-m", "venv", str(folder)], wanted)
    pip = [*command, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    _run([*pip, wanted, *(() if version == NEWEST else _OLDER_NEEDS)], wanted)
    _run([*pip, *json.loads(_run([*command, "-c", _REQUIREMENTS], wanted))], wanted)
    (folder / "complete").touch()


def _run(command: list[str], purpose: str) -> str:
    """Run to the end; gives its output.

    Raises:
        Unavailable: it failed or took too long; with the last line of its errors.
    """
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        msg = f"{purpose}: {command[0]} took longer than {_TIMEOUT_S} s"
        raise Unavailable(msg) from None
    except subprocess.CalledProcessError as error:
        lines = [line for line in (error.stderr + error.stdout).splitlines() if line.strip()]
        errors = [line for line in lines if line.startswith(("ERROR", "E:"))]
        msg = f"{purpose} cannot be installed: {(errors or lines or ['no reason given'])[-1]}"
        raise Unavailable(msg) from None
    return done.stdout
