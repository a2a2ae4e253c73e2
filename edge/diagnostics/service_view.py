"""The installed service as its unit describes it: what it does not see, its credentials and its variables.

A check that root runs is made as the service's user, in its folders, so that it says what the service would find.
"""

from __future__ import annotations

import grp
import os
import pwd
import shlex
import shutil
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from edge import service_user

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

UNIT = Path("/etc/systemd/system/face-edge.service")
_YES = {"yes", "true", "on", "1"}
_HOMES = ("/home", "/root", "/run/user")
_TEMPORARY = ("/tmp", "/var/tmp")  # noqa: S108 - read as systemd has them
_BINDS = ("BindPaths", "BindReadOnlyPaths")
_MEMORY = Path("/run")


@dataclass(slots=True)
class Unit:
    """``[Service]`` of a unit and its drop-ins: values by name, in order; an empty one forgets those before it."""

    settings: dict[str, list[str]] = field(default_factory=dict)

    @classmethod
    def read(cls, path: Path) -> Unit:
        """What systemd reads for the unit at ``path``; nothing where there is none."""
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
        """The value in force of a setting that has one."""
        return self.settings.get(name, [""])[-1]

    def words(self, name: str) -> list[str]:
        """The parts of a setting that is a list."""
        return [word for value in self.settings.get(name, []) for word in shlex.split(value)]

    def hides(self, path: Path) -> str | None:
        """The setting that keeps the service from seeing ``path``, as ``NAME=VALUE``; ``None`` where it sees it."""
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
        """Where in its own tree the service has folders of the system's: the second of ``SOURCE[:PLACE[:OPTIONS]]``."""
        parts = [one.lstrip("-").split(":") for name in _BINDS for one in self.words(name)]
        return [part[1] if len(part) > 1 and part[1] else part[0] for part in parts]

    @property
    def environment(self) -> dict[str, str]:
        """Variables that the unit sets."""
        found: dict[str, str] = {}
        for word in self.words("Environment"):
            name, equals, value = word.partition("=")
            if equals:
                found[name] = value
        return found

    @property
    def credentials(self) -> dict[str, Path]:
        """Files that systemd hands to the service, by the name that it knows them by."""
        pairs = (one.partition(":") for one in self.words("LoadCredential"))
        return {name: Path(path) for name, _, path in pairs if path.startswith("/")}


def described(owner: pwd.struct_passwd | None) -> str:
    """As whom is checked, for people."""
    if owner is None:
        return f"checked as {_name(os.geteuid())}"
    groups = sorted(_group(number) for number in os.getgrouplist(owner.pw_name, owner.pw_gid) if number != owner.pw_gid)
    return f"checked as {owner.pw_name}, who runs the service; groups: {', '.join(groups) or 'none'}"


def _name(number: int) -> str:
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return f"user {number}"


def _group(number: int) -> str:
    try:
        return grp.getgrgid(number).gr_name
    except KeyError:
        return str(number)


@contextmanager
def acting() -> Iterator[pwd.struct_passwd | None]:
    """Act as the installed service's user in the block, where root runs this in the service's environment.

    Gives its account, and ``None`` where nothing changes. For a process with one thread.
    """
    owner = service_user.account()
    if owner is None or not service_user.is_own():
        yield None
        return
    unit, before = Unit.read(UNIT), Path.cwd()
    with _handed_over(unit.credentials, owner) as credentials:
        variables = unit.environment | {"HOME": owner.pw_dir} | credentials
        try:
            # as root: a folder that is closed to the service is for the checks to find
            os.chdir(service_user.STATE if service_user.STATE.is_dir() else "/")
            with service_user.acting(), _variables(variables):
                yield owner
        finally:
            os.chdir(before)


@contextmanager
def _variables(values: Mapping[str, str]) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


@contextmanager
def _handed_over(files: Mapping[str, Path], owner: pwd.struct_passwd) -> Iterator[dict[str, str]]:
    """The credentials where systemd would put them: in memory, readable by the service's user alone."""
    if not files:
        yield {}
        return
    with tempfile.TemporaryDirectory(prefix="face-edge-check-", dir=_MEMORY if _MEMORY.is_dir() else None) as folder:
        for name, path in files.items():
            if path.is_file():
                shutil.copyfile(path, Path(folder, name))
                os.chown(Path(folder, name), owner.pw_uid, owner.pw_gid)
        os.chown(folder, owner.pw_uid, owner.pw_gid)
        yield {"CREDENTIALS_DIRECTORY": folder}
