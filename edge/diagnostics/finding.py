"""What a check found."""

from __future__ import annotations

import os
import pwd
from dataclasses import dataclass
from enum import StrEnum


class Status(StrEnum):
    """``fail`` keeps the device from working as configured; ``warn`` does not; ``skip``: not looked at."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"
    SKIP = "skip"


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the report; ``remedy`` says what to do where something is amiss."""

    name: str
    status: Status
    message: str
    remedy: str = ""


def ok(name: str, message: str) -> Finding:
    """All is well."""
    return Finding(name, Status.OK, message)


def warn(name: str, message: str, remedy: str = "") -> Finding:
    """It works, but not as well as it could."""
    return Finding(name, Status.WARN, message, remedy)


def fail(name: str, message: str, remedy: str) -> Finding:
    """What the configuration asks for cannot work."""
    return Finding(name, Status.FAIL, message, remedy)


def joining(groups: str) -> str:
    """How the user as whom this process acts becomes a member of ``groups``."""
    if os.geteuid() == os.getuid():
        return f"sudo usermod -aG {groups} $USER, then log in again"
    name = pwd.getpwuid(os.geteuid()).pw_name
    return f"sudo usermod -aG {groups} {name}, then sudo systemctl restart face-edge"


def skip(name: str, message: str) -> Finding:
    """Not used, or cannot be told here."""
    return Finding(name, Status.SKIP, message)
