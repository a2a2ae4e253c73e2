"""Kind of this installation, and the command that adds a missing package to it.

Messages about missing packages call :func:`adding` for an extra of this package and :func:`repairing` for a single
package. There are three kinds of installation: the service made by ``systemd/install.sh``, which only its own installer
changes; a checkout; a wheel. pip records the last two in ``direct_url.json``
(https://packaging.python.org/en/latest/specifications/direct-url/).
"""

from __future__ import annotations

import json
import os
import re
import shlex
import sys
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

OPENCV = "opencv-python-headless>=4.9,<5"
"""Build of OpenCV with face detectors and without dependencies on a desktop."""
_NAME = "face-edge"
_INSTALLER = Path("installer/install.sh")
"""Path in the service's environment, copied there by the installer itself."""
_NOT_FOR_A_DEVICE = frozenset({"converter", "backbones", "test", "mutation", "site", "release", "dev"})
_EXTRA = re.compile(r"\s*(?:and\s+)?extra\s*==\s*['\"](?P<name>[\w-]+)['\"]")


def adding(extra: str) -> str:
    """Return the shell command that adds ``extra`` (such as ``reports``) to this installation."""
    installer = service_installer()
    if installer is not None:
        if extra in _NOT_FOR_A_DEVICE:
            return f"on a workstation, in a checkout: pip install -e '.[{extra}]'"
        return f"sudo {installer} --extras {extra}"
    folder, editable = _checkout()
    if folder is not None:
        command = f"{_install(folder)} {'-e ' if editable else ''}'.[{extra}]'"
        return command if folder == Path.cwd() else f"cd {shlex.quote(str(folder))} && {command}"
    wheel = _path_of(_direct_url())
    if wheel is not None and wheel.is_file():
        return f"{_install()} {shlex.quote(f'{wheel}[{extra}]')}"
    # the origin is gone and no index has the package, but the extra's own requirements can be installed
    requirements = sorted(set(_requirements(extra)))
    return f"{_install()} {' '.join(map(shlex.quote, requirements))}"


def repairing(*requirements: str, again: bool = False) -> str:
    """Return the shell command that installs packages by their ``requirements``.

    ``again`` reinstalls packages that are present but damaged or of an unsuitable version. The service's installer
    recreates the whole environment from its lock.
    """
    installer = service_installer()
    if installer is not None:
        return f"sudo {installer}"
    force = "--force-reinstall " if again else ""
    return f"{_install()} {force}{' '.join(map(shlex.quote, requirements))}"


def service_installer() -> Path | None:
    """Return the installer's path if this is the environment of an installed service, otherwise ``None``."""
    prefix = Path(sys.prefix)
    if not (prefix / _INSTALLER).is_file():
        return None
    current = prefix.parent.parent / "current"
    # the stable name instead of this version's
    return (current if current.is_symlink() else prefix) / _INSTALLER


def _checkout() -> tuple[Path | None, bool]:
    """Return the source folder of this installation, and whether it is editable."""
    direct_url = _direct_url()
    folder = _path_of(direct_url)
    if folder is not None and (folder / "pyproject.toml").is_file():
        return folder, bool(direct_url.get("dir_info", {}).get("editable"))
    root = Path(__file__).resolve().parents[2]
    # run from a checkout without having been installed
    return (root, True) if not direct_url and (root / "pyproject.toml").is_file() else (None, False)


def _direct_url() -> Mapping[str, Any]:
    """Return pip's record of this package's origin, empty if there is none."""
    try:
        text = metadata.distribution(_NAME).read_text("direct_url.json")
        direct_url = json.loads(text or "{}")
    except (metadata.PackageNotFoundError, OSError, ValueError):
        return {}
    return direct_url if isinstance(direct_url, dict) else {}


def _path_of(direct_url: Mapping[str, Any]) -> Path | None:
    parts = urlsplit(str(direct_url.get("url", "")))
    return Path(unquote(parts.path)) if parts.scheme == "file" else None


def _install(folder: Path | None = None) -> str:
    """Return the ``pip install`` command of the running Python for a shell in ``folder``."""
    prefix = Path(sys.prefix)
    if find_spec("pip") is None:
        return f"uv pip install --python {shlex.quote(sys.executable)}"
    activated = os.environ.get("VIRTUAL_ENV")
    if sys.prefix == sys.base_prefix or (activated and Path(activated).resolve() == prefix.resolve()):
        return "pip install"
    own = prefix / "bin/pip"
    if not own.exists():
        return f"{shlex.quote(sys.executable)} -m pip install"
    shown = own.relative_to(folder) if folder is not None and own.is_relative_to(folder) else own
    return f"{shlex.quote(str(shown))} install"


def _requirements(extra: str) -> Iterator[str]:
    """Yield the requirements of ``extra`` in the package's metadata, with its own extras expanded."""
    try:
        requirements = metadata.requires(_NAME) or []
    except metadata.PackageNotFoundError:
        requirements = []
    for requirement in requirements:
        text, _, marker = requirement.partition(";")
        match = _EXTRA.search(marker)
        if match is None or match["name"] != extra:
            continue
        own = re.fullmatch(rf"{_NAME}\[(.+)\]", text.strip())
        if own is not None:
            for inner in own[1].split(","):
                yield from _requirements(inner.strip())
            continue
        rest = _EXTRA.sub("", marker).strip().removesuffix("and").strip()
        yield f"{text.strip()}; {rest}" if rest else text.strip()
