"""Account of the installed service, for commands that an administrator runs as root.

The service runs as a separate user (``systemd/face-edge.sysusers``) and can read files written by root only if it owns
them. Commands that store state do so as that user, in the service's own folders.
"""

from __future__ import annotations

import os
import pwd
import stat
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from edge.system.installation import service_installer

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

USER = "face-edge"
STATE, RUNTIME, SETTINGS = Path("/var/lib/face-edge"), Path("/run/face-edge"), Path("/etc/face-edge")
"""Folders of ``face-edge.service``."""
_FOLDERS = {"STATE_DIRECTORY": STATE, "RUNTIME_DIRECTORY": RUNTIME}


def account() -> pwd.struct_passwd | None:
    """Return the service's account if this process is root and the service's user exists, otherwise ``None``."""
    if os.geteuid() != 0:
        return None
    try:
        return pwd.getpwnam(USER)
    except KeyError:
        return None


def is_own() -> bool:
    """Return whether root runs this process in the environment of the installed service."""
    return account() is not None and service_installer() is not None


def serves(path: Path) -> bool:
    """Return whether a file that root writes to ``path`` is meant for the service."""
    full = path.expanduser().absolute()
    return service_installer() is not None or any(full.is_relative_to(folder) for folder in (STATE, SETTINGS))


def hand_over(path: Path, folders: Iterable[Path] = ()) -> pwd.struct_passwd | None:
    """Change the owner of ``path``, and of ``folders`` that were created for it, to the service's user.

    Returns its account, or ``None`` if there is no service or the file is not meant for it.
    """
    owner = account()
    if owner is None or not serves(path):
        return None
    for each in (path, *folders):
        os.chown(each, owner.pw_uid, owner.pw_gid, follow_symlinks=False)
    return owner


def closed_to(owner: pwd.struct_passwd, path: Path) -> Path | None:
    """Return the first folder above ``path`` that ``owner`` cannot enter, or the file if ``owner`` cannot read it."""
    groups = set(os.getgrouplist(owner.pw_name, owner.pw_gid))
    full = path.expanduser().absolute()
    for each in (*reversed(full.parents), full):
        status = each.stat()
        shift = 6 if status.st_uid == owner.pw_uid else 3 if status.st_gid in groups else 0
        needed = stat.S_IXOTH if stat.S_ISDIR(status.st_mode) else stat.S_IROTH
        if not (status.st_mode >> shift) & needed:
            return each
    return None


def missing_folders(path: Path) -> list[Path]:
    """Return the folders above ``path`` that do not exist yet, the outermost first."""
    return [folder for folder in reversed(path.expanduser().absolute().parents) if not folder.exists()]


@contextmanager
def acting() -> Iterator[None]:
    """Act as the service's user, in its folders, inside the block if root runs this in the service's environment.

    Written files then belong to the service, and locks and keys are its own. Otherwise nothing changes. Only for
    processes with a single thread.
    """
    owner = account()
    if owner is None or service_installer() is None:
        yield
        return
    if not STATE.exists():  # the service has not run yet
        STATE.mkdir(mode=0o700)
        os.chown(STATE, owner.pw_uid, owner.pw_gid)
    added = {name: str(folder) for name, folder in _FOLDERS.items() if not os.environ.get(name) and folder.is_dir()}
    groups = os.getgroups()
    os.environ.update(added)
    try:
        os.setgroups(os.getgrouplist(owner.pw_name, owner.pw_gid))
        os.setegid(owner.pw_gid)
        os.seteuid(owner.pw_uid)
        yield
    finally:
        os.seteuid(0)
        os.setegid(0)
        os.setgroups(groups)
        for name in added:
            with suppress(KeyError):
                del os.environ[name]
