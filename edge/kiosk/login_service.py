"""Check passwords under a throttle, and end logins for good."""

from __future__ import annotations

import asyncio
import contextlib
import math
from typing import TYPE_CHECKING

from edge.core.errors import InputError
from edge.kiosk.attempts import LoginThrottle
from edge.kiosk.browsers import KnownBrowsers
from edge.kiosk.requests import Refused
from edge.kiosk.roles import Role
from edge.kiosk.verifier import Verifier

if TYPE_CHECKING:
    from collections.abc import Callable

    from edge.kiosk.access import Access
    from edge.kiosk.attempts import Caller
    from edge.kiosk.roles import Visit

_SAVE_AGAIN_S = 30.0


class LoginService:
    """Login and logout; ``forget`` releases all that a visit holds, by its identity."""

    def __init__(self, access: Access, forget: Callable[[str], None]) -> None:
        self._access = access
        self._forget = forget
        self.browsers = KnownBrowsers(access.key)
        self.throttle = LoginThrottle()
        self.verifier = Verifier(access.role_for)

    async def role_for(self, password: str, caller: Caller) -> Role:
        """Return the role that ``password`` opens.

        Raises:
            Refused: it is wrong, or this caller has tried too often.
        """
        wait_s = 1 if self.verifier.is_busy_for(caller) else math.ceil(self.throttle.wait_s(caller))
        if wait_s > 0:
            refusal = Refused(429, "throttled", f"too many attempts: try again in {wait_s} s")
            refusal.answer.headers["Retry-After"] = str(wait_s)
            raise refusal
        attempt = self.throttle.begin(caller)
        role = await self.verifier.role_for(password, caller)
        if role is Role.NOBODY:
            raise Refused(403, "wrong_password", "that is not the password")
        self.throttle.succeeded(attempt, role)
        return role

    def leave(self, visit: Visit) -> bool:
        """End a visit: its login, its files and its camera. Return True where that must be recorded."""
        self._forget(visit.identity)
        return self._access.revoke(visit)

    def leave_all(self, visit: Visit) -> None:
        """End every login, and the visit that asks for it."""
        self.leave(visit)
        self._access.revocations.revoke_all()

    async def save(self) -> None:
        """Record the logouts, so that they outlive a restart.

        Raises:
            InputError: they cannot be written; :meth:`watch_unsaved` tries again.
        """
        await asyncio.to_thread(self._access.revocations.save)

    async def watch_unsaved(self) -> None:
        """Record logouts that could not be recorded at once when the disk has room again; until cancelled."""
        while True:
            await asyncio.sleep(_SAVE_AGAIN_S)
            if self._access.revocations.unsaved:
                with contextlib.suppress(InputError):  # logged there
                    await self.save()

    def close(self) -> None:
        """End the thread that checks passwords; harmless when repeated."""
        self.verifier.close()
