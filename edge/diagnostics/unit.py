"""The service's unit with its drop-ins: paths that the service can access, credentials, environment."""

from __future__ import annotations

import os
import shlex
from dataclasses import dataclass, field
from pathlib import Path

UNIT = Path("/etc/systemd/system/face-edge.service")
_YES = {"yes", "true", "on", "1"}
_HOMES = ("/home", "/root", "/run/user")
_TEMPORARY = ("/tmp", "/var/tmp")  # noqa: S108 - read as systemd has them
_BINDS = ("BindPaths", "BindReadOnlyPaths")


@dataclass(slots=True)
class Unit:
    """Section ``[Service]`` of a unit and its drop-ins: values by name, in order; an empty one resets the list."""

    settings: dict[str, list[str]] = field(default_factory=dict)

    @classmethod
    def read(cls, path: Path) -> Unit:
        """Read the unit at ``path`` and its drop-ins as systemd does; empty if there is none."""
        unit = cls()
        for file in (path, *sorted(Path(f"{path}.d").glob("*.conf"))):
            try:
                text = file.read_text(encoding="utf-8", errors="replace")
            except OSError:
                continue
            section = ""
            for line in text.replace("\\\n", " ").splitlines():
                stripped = line.strip()
                if stripped.startswith("["):
                    section = stripped
                elif section == "[Service]" and "=" in stripped and stripped[0] not in "#;":
                    unit.take(*stripped.split("=", 1))
        return unit

    def take(self, name: str, value: str) -> None:
        """Add one assignment."""
        if value.strip():
            self.settings.setdefault(name.strip(), []).append(value.strip())
        else:
            self.settings.pop(name.strip(), None)

    def last(self, name: str) -> str:
        """Return the effective value of a setting with a single value."""
        return self.settings.get(name, [""])[-1]

    def words(self, name: str) -> list[str]:
        """Return the parts of a setting that is a list."""
        return [word for value in self.settings.get(name, []) for word in shlex.split(value)]

    def hides(self, path: Path) -> str | None:
        """Return the setting that hides ``path`` from the service, as ``NAME=VALUE``; ``None`` if it can access it."""
        full = Path(os.path.abspath(path))  # noqa: PTH100 - links are followed by the service itself
        if any(full.is_relative_to(folder) for folder in self._bound):
            return None
        for name, folders, values in (
            ("ProtectHome", _HOMES, _YES | {"tmpfs"}),
            ("PrivateTmp", _TEMPORARY, _YES | {"disconnected"}),
        ):
            if self.last(name) in values and any(full.is_relative_to(folder) for folder in folders):
                return f"{name}={self.last(name)}"
        closed = next((one for one in self.words("InaccessiblePaths") if full.is_relative_to(one.lstrip("-+"))), None)
        return None if closed is None else f"InaccessiblePaths={closed}"

    @property
    def _bound(self) -> list[str]:
        """Mount points of bound folders: the second part of ``SOURCE[:DESTINATION[:OPTIONS]]``."""
        parts = [one.lstrip("-").split(":") for name in _BINDS for one in self.words(name)]
        return [part[1] if len(part) > 1 and part[1] else part[0] for part in parts]

    @property
    def environment(self) -> dict[str, str]:
        """Environment variables that the unit sets."""
        found: dict[str, str] = {}
        for word in self.words("Environment"):
            name, equals, value = word.partition("=")
            if equals:
                found[name] = value
        return found

    @property
    def credentials(self) -> dict[str, Path]:
        """Credential files that systemd passes to the service, by name."""
        pairs = (one.partition(":") for one in self.words("LoadCredential"))
        return {name: Path(path) for name, _, path in pairs if path.startswith("/")}
