"""The installed service as its unit describes it: hidden paths, credentials and environment variables.

Checks started by root run as the service's user, in its folders, so that they show the service's view.
"""

from __future__ import annotations

import grp
import os
import pwd
import shutil
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from edge.diagnostics.unit import UNIT, Unit
from edge.system import service_user

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_MEMORY = Path("/run")


def described(owner: pwd.struct_passwd | None) -> str:
    """Describe the user as whom the checks run."""
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
    """Act as the installed service's user in the block, if root runs this in the service's environment.

    Yields the account, or ``None`` if nothing changes. Only for processes with one thread.
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
    """Copy the credentials into memory, as systemd does, readable only by the service's user."""
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
