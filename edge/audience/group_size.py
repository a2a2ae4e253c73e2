"""How many faces the figures of a session need: the device's own number, or fewer with the people's agreement (pure).

An audience is not asked one by one, so only a game or a private session may go below what the device is set to.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from edge.core.errors import InputError
from edge.core.events import SessionKind

if TYPE_CHECKING:
    from edge.core.commands import StartSession

AGREEING_KINDS = (SessionKind.GAME, SessionKind.PRIVATE)
"""Kinds of session whose people can be asked, each of them."""


@dataclass(frozen=True, slots=True)
class GroupSize:
    """``usual`` is what sessions have (``sessions.k``), ``least`` what nothing goes below (``privacy.k``)."""

    usual: int
    least: int = 1

    def __post_init__(self) -> None:
        object.__setattr__(self, "usual", max(self.usual, self.least))

    def of(self, command: StartSession) -> int:
        """The ``k`` of the session that ``command`` begins.

        Raises:
            InputError: it asks for less than its kind, its people or the device allow.
        """
        k = self.usual if command.k is None else command.k
        if k >= self.usual:
            if command.agreed and command.k is None and k > 1:
                msg = f"agreed: give k as well, which is {self.usual} otherwise"
                raise InputError(msg)
            return k
        if command.kind not in AGREEING_KINDS:
            allowed = " or ".join(AGREEING_KINDS)
            msg = (
                f"k: {k} is below the {self.usual} of this device (sessions.k), which only a session of the kind "
                f"{allowed} may choose, found {command.kind.value}"
            )
            raise InputError(msg)
        if k < self.least:
            msg = f"k: {k} is below the {self.least} that this device withholds everywhere (privacy.k)"
            raise InputError(msg)
        if not command.agreed:
            msg = (
                f"k: {k} is below the {self.usual} of this device (sessions.k): state that all people in view agreed "
                "(agreed)"
            )
            raise InputError(msg)
        return k

    def kept(self, k: int | None) -> int:
        """The ``k`` of a session that began earlier: as fixed then, but never below what the device withholds."""
        return self.usual if k is None else max(k, self.least)
