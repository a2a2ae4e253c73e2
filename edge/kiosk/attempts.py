"""Limits on password attempts, for known clients and for unknown ones (pure but for its clock).

Each address, and each browser in which an operator logged in before, has a bound of its own. Against guesses from many
addresses there is a bound for all together, one for each :class:`Standing`: strangers who spend theirs lock out neither
those who knew the password nor the device itself. A try counts before its outcome is known, so that many at once are
no way around; a right one is taken back. What was counted before stays, but for an operator's.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from enum import Enum, auto
from typing import TYPE_CHECKING, NamedTuple

from edge.kiosk.roles import Role
from edge.kiosk.throttle import Window, Windows
from edge.util.connections import site_of

if TYPE_CHECKING:
    from collections.abc import Callable

PER_CALLER = 5
"""Wrong passwords of one address or known browser in a minute."""
RIGHT_PER_CALLER, RIGHT_OVERALL = 30, 300
"""Logins of one address, and of all together of one standing, in a minute."""
_WINDOW_S = 60.0
_MOST_KNOWN = 200
"""Addresses that are remembered, of each standing."""


class Standing(Enum):
    """Standing of a client before it sends a password."""

    STRANGER = auto()
    VIEWER = auto()
    """From here or in this browser someone knew the viewers' token."""
    OPERATOR = auto()
    """From here or in this browser someone knew the operator's password."""
    LOCAL = auto()
    """On the device itself, such as the browser of the wall."""


OVERALL = {Standing.STRANGER: 20, Standing.VIEWER: 10, Standing.OPERATOR: 20, Standing.LOCAL: 10}
"""Wrong passwords of all together in a minute, and so the number of hashes that are computed for them."""
_STANDING = {Role.NOBODY: Standing.STRANGER, Role.VIEWER: Standing.VIEWER, Role.OPERATOR: Standing.OPERATOR}


class Caller(NamedTuple):
    """Someone who tries: ``key`` is what the tries are counted by."""

    key: str
    address: str
    standing: Standing


class Attempt(NamedTuple):
    """A try whose outcome is open."""

    caller: Caller
    at_s: float
    overall_at_s: float


class LoginThrottle:
    """Not safe from other threads."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._failures = Windows(PER_CALLER, _WINDOW_S, clock)
        self._overall = {standing: Window(limit, _WINDOW_S, clock) for standing, limit in OVERALL.items()}
        self._right = Windows(RIGHT_PER_CALLER, _WINDOW_S, clock)
        self._right_overall = {standing: Window(RIGHT_OVERALL, _WINDOW_S, clock) for standing in Standing}
        self._known: dict[Role, OrderedDict[str, None]] = {Role.VIEWER: OrderedDict(), Role.OPERATOR: OrderedDict()}

    def caller(self, address: str, *, is_local: bool, device: tuple[str, Role] | None) -> Caller:
        """Return who tries; ``device`` is the identity of a known browser and the role that it once logged in for."""
        address = site_of(address)
        knew = max((role for role, known in self._known.items() if address in known), default=Role.NOBODY)
        if device is not None and device[1] is Role.OPERATOR:
            # counted apart: others at its address, or behind the same proxy, cannot spend its tries
            return Caller(f"device {device[0]}", address, Standing.OPERATOR)
        if is_local and knew is not Role.OPERATOR:
            return Caller(address, address, Standing.LOCAL)
        return Caller(address, address, _STANDING[max(knew, Role.NOBODY if device is None else device[1])])

    def wait_s(self, caller: Caller) -> float:
        """Seconds until this one may try again; 0: now."""
        return max(
            self._failures.wait_s(caller.key),
            self._overall[caller.standing].wait_s(),
            self._right.wait_s(caller.key),
            self._right_overall[caller.standing].wait_s(),
        )

    def begin(self, caller: Caller) -> Attempt:
        """Count a try."""
        return Attempt(caller, self._failures.add(caller.key), self._overall[caller.standing].add())

    def succeeded(self, attempt: Attempt, role: Role) -> None:
        """Take a right try back, and remember its address; an operator's earlier mistakes are forgiven."""
        caller = attempt.caller
        self._overall[caller.standing].take_back(attempt.overall_at_s)
        self._failures.take_back(caller.key, attempt.at_s)
        if role is Role.OPERATOR:
            self._failures.forget(caller.key)
        self._right.add(caller.key)
        self._right_overall[caller.standing].add()
        known = self._known[role]
        known[caller.address] = None
        known.move_to_end(caller.address)
        while len(known) > _MOST_KNOWN:
            known.popitem(last=False)
