"""Files of a support archive, each collected from this machine when requested."""

from __future__ import annotations

import platform
import re
import sys
import time
from dataclasses import asdict
from functools import partial
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edge import __version__
from edge.config import state_dir
from edge.diagnostics import readers, tools
from edge.diagnostics.bundle import Piece
from edge.diagnostics.secrets import SERVICE_FOLDERS, text_of
from edge.system import board

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from edge.config import Config
    from edge.diagnostics.finding import Finding

UNITS = (
    "face-edge.service", "face-edge-fault.service", "face-edge-trial.service", "face-edge-kiosk.service",
    "mosquitto.service",
)  # fmt: skip
_UNIT_FOLDERS = ("etc/systemd/system", "run/systemd/system", "usr/local/lib/systemd/system", "lib/systemd/system")
_JOURNAL_LINES = 2000
_FILES_MAX = 5000
_TIMEOUT_S = 20.0
_KERNEL = re.compile(
    r"volt|throttl|thermal|out of memory|oom|killed process|mmc\d|i/o error|ext4|usb.*disconnect", re.IGNORECASE
)
_KERNEL_LINES = 300


def pieces(config: Config, findings: Sequence[Finding], settings: str, *, root: Path = Path("/")) -> Iterator[Piece]:
    """All of them in the order in which one would read; ``settings`` is what `config show` prints."""
    yield Piece("versions.json", "of the program, Python, the system and every installed package", versions)
    yield Piece("readers.json", "the libraries that read strangers' files, and what is inside them", readers.versions)
    yield Piece("doctor.json", "what `face-edge doctor` found", lambda: [asdict(finding) for finding in findings])
    yield Piece("config.toml", "the settings in force, as `face-edge config show` prints them", lambda: settings)
    yield Piece("status.json", "what the running device says of itself, with its newest health", lambda: status(config))
    yield Piece("board.json", "heat, the firmware's brake, memory", lambda: asdict(board.read(root)))
    yield Piece("state.txt", "what is kept: mode, bytes, time and name of each file", lambda: state(config))
    yield Piece("models.json", "manifests of the models", lambda: models(config))
    for unit in UNITS:
        yield Piece(f"journal/{unit}.txt", "the last lines of its log", partial(journal, unit))
    yield Piece("units.txt", "the units as they are installed, with their drop-ins", lambda: units(root))
    yield Piece("meminfo.txt", "/proc/meminfo", lambda: (root / "proc/meminfo").read_text(encoding="ascii"))
    yield Piece("disks.txt", "room on the disks", lambda: tool("df", "-h"))
    yield Piece("kernel.txt", "what the kernel said of voltage, heat, memory, disks and cameras that went", kernel)


def versions() -> dict[str, Any]:
    """Return the versions of everything that runs here."""
    packages = {str(found.metadata["Name"]): found.version for found in metadata.distributions()}
    return {
        "face-edge": __version__,
        "python": sys.version,
        "executable": sys.executable,
        "machine": platform.machine(),
        "kernel": platform.release(),
        "system": platform.freedesktop_os_release().get("PRETTY_NAME", ""),
        "packages": dict(sorted(packages.items(), key=lambda item: item[0].lower())),
    }


def status(config: Config) -> dict[str, Any]:
    """Return the status of the device on this machine; raise an error if none answers."""
    from edge.runtime.local import ask, control_paths

    return ask(control_paths(config), "status")


def state(config: Config) -> str:
    """List the files of the state folder, and of the service's if it differs; none is opened."""
    folders = dict.fromkeys((state_dir(config), SERVICE_FOLDERS[0]))
    return "\n\n".join("\n".join(_listed(folder)) for folder in folders if folder.is_dir())


def _listed(folder: Path) -> Iterator[str]:
    yield str(folder)
    for path in sorted(folder.rglob("*"))[:_FILES_MAX]:
        found = path.lstat()
        when = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(found.st_mtime))
        yield f"{found.st_mode & 0o7777:04o} {found.st_size:>12} {when} {path.relative_to(folder)}"


def models(config: Config) -> dict[str, Any]:
    """Return the manifest of each packaged, added or configured model by its path."""
    from edge.inference.manifest import load, packaged_models

    own = config.model.path
    folders = dict.fromkeys((state_dir(config), SERVICE_FOLDERS[0]))
    added = [path for folder in folders for path in sorted((folder / "models").rglob("*.tflite"))]
    configured = [own.expanduser()] if own is not None and own.suffix else []
    found: dict[str, Any] = {}
    for path in dict.fromkeys([*packaged_models(), *added, *configured]):
        try:
            found[str(path)] = load(path).model_dump(mode="json")
        except Exception as error:  # noqa: BLE001 - one that cannot be read is what is looked for
            found[str(path)] = f"{type(error).__name__}: {error}"
    return found


def journal(unit: str) -> str:
    """Return the last lines of the unit's log, as far as this user may read them."""
    return tool("journalctl", "--no-pager", "--quiet", "-o", "short-iso", "-n", str(_JOURNAL_LINES), "-u", unit)


def units(root: Path = Path("/")) -> str:
    """Return the unit files with their paths."""
    files = [
        file
        for folder in _UNIT_FOLDERS
        for unit in UNITS
        for file in [root / folder / unit, *sorted((root / folder / f"{unit}.d").glob("*.conf"))]
        if file.is_file()
    ]
    return "\n".join(f"# {file}\n{text_of(file)}" for file in files) or "none"


def kernel() -> str:
    """Return lines of the kernel's log that may explain faults.

    Raises:
        OSError: this user may not read the log.
    """
    lines = [line for line in tool("dmesg").splitlines() if _KERNEL.search(line)]
    return "\n".join(lines[-_KERNEL_LINES:]) or "nothing of interest"


def tool(name: str, *arguments: str) -> str:
    """Return the output of a system tool, including its errors.

    Raises:
        OSError: the tool is missing, fails, or takes too long.
    """
    done = tools.run(name, *arguments, timeout_s=_TIMEOUT_S)
    if done.returncode and not done.stdout:
        raise OSError(done.stderr.strip() or f"{name} ended with code {done.returncode}")
    return done.stdout + done.stderr
