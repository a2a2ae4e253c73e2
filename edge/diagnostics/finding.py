"""Result of a check."""

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
    """One line of the report; ``remedy`` is the action to take if the check did not succeed."""

    name: str
    status: Status
    message: str
    remedy: str = ""


def ok(name: str, message: str) -> Finding:
    """Return a finding without fault."""
    return Finding(name, Status.OK, message)


def warn(name: str, message: str, remedy: str = "") -> Finding:
    """Return a finding that limits the device without stopping it."""
    return Finding(name, Status.WARN, message, remedy)


def fail(name: str, message: str, remedy: str) -> Finding:
    """Return a finding that keeps the device from working as configured."""
    return Finding(name, Status.FAIL, message, remedy)


def joining(groups: str) -> str:
    """Return the command that adds this process's effective user to ``groups``."""
    if os.geteuid() == os.getuid():
        return f"sudo usermod -aG {groups} $USER, then log in again"
    name = pwd.getpwuid(os.geteuid()).pw_name
    return f"sudo usermod -aG {groups} {name}, then sudo systemctl restart face-edge"


def skip(name: str, message: str) -> Finding:
    """Return a finding for a part that is not used or cannot be checked here."""
    return Finding(name, Status.SKIP, message)
