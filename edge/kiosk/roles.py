"""The roles of those who use the page, and the visit of one browser."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum


class Role(IntEnum):
    """Permissions of a visit; a higher role includes the lower ones."""

    NOBODY = 0
    VIEWER = 1
    OPERATOR = 2


@dataclass(frozen=True, slots=True)
class Visit:
    """One browser: ``identity`` is random, ``role`` is its right, ``fresh`` is true while it has no cookie.

    ``granted`` is the role that it logged in for. Its cookie carries that with the ``generation`` of the login;
    ``signed_s`` is the time of the signature in Unix seconds.
    """

    identity: str
    role: Role
    fresh: bool = False
    granted: Role = Role.NOBODY
    generation: str = ""
    signed_s: int = 0
