"""Minimum number of faces for a session's figures: the device's own, or fewer if the people agree (pure).

The members of an audience cannot be asked individually, so only a game or a private session may use fewer faces than
the device is configured for.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from edge.core.errors import InputError
from edge.core.events import SessionKind

if TYPE_CHECKING:
    from edge.core.commands import StartSession

AGREEING_KINDS = (SessionKind.GAME, SessionKind.PRIVATE)
"""Kinds of session in which each person can be asked."""


@dataclass(frozen=True, slots=True)
class GroupSize:
    """Bounds of ``k``: ``usual`` is the default of sessions (``sessions.k``), ``least`` the minimum (``privacy.k``)."""

    usual: int
    least: int = 1

    def __post_init__(self) -> None:
        object.__setattr__(self, "usual", max(self.usual, self.least))

    def of(self, command: StartSession) -> int:
        """Return the ``k`` of the session that ``command`` begins.

        Raises:
            InputError: the requested ``k`` is lower than the kind of session, the agreement or the device allows.
        """
        k = self.usual if command.k is None else command.k
        if k >= self.usual:
            if command.agreed and command.k is None and k > 1:
                msg = f"agreed: set k as well; without it the device's own {self.usual} applies"
                raise InputError(msg)
            return k
        if command.kind not in AGREEING_KINDS:
            allowed = " or ".join(AGREEING_KINDS)
            msg = (
                f"k: {k} is below this device's {self.usual} (sessions.k), which only a session of kind {allowed} may "
                f"choose, found {command.kind.value}"
            )
            raise InputError(msg)
        if k < self.least:
            msg = f"k: {k} is below the minimum of {self.least} of this device (privacy.k)"
            raise InputError(msg)
        if not command.agreed:
            msg = (
                f"k: {k} is below this device's {self.usual} (sessions.k): confirm that all people in view agreed "
                "(agreed)"
            )
            raise InputError(msg)
        return k

    def resumed(self, k: int | None) -> int:
        """Return the ``k`` of a session that began earlier: as fixed then, but at least the device's minimum."""
        return self.usual if k is None else max(k, self.least)
