"""Checks passwords one at a time, below the priority of everything else: a hash takes time and memory by design."""

from __future__ import annotations

import asyncio
import hmac
import os
import secrets
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import TYPE_CHECKING

from edge.kiosk.attempts import Standing
from edge.kiosk.roles import Role

if TYPE_CHECKING:
    from collections.abc import Callable

    from edge.kiosk.attempts import Caller

NICENESS = 10
"""How far below the loop's its thread's priority is: with the loop on the same core it has about a tenth."""
_WAITING = {Standing.STRANGER: 4, Standing.VIEWER: 2, Standing.OPERATOR: 4, Standing.LOCAL: 2}
"""Passwords in hand at a time, the one that is checked included."""


class Verifier:
    """``check`` says what a password opens, and is slow. A right password is computed once and known from then on."""

    def __init__(self, check: Callable[[str], Role]) -> None:
        self._check = check
        self._key = secrets.token_bytes(32)
        self._right: dict[bytes, Role] = {}
        self._executor: ThreadPoolExecutor | None = None
        self._lock = threading.Lock()
        self._callers: set[str] = set()
        self._in_hand: Counter[Standing] = Counter()

    def is_busy_for(self, caller: Caller) -> bool:
        """Return True where this caller's last password is still in hand, or too many of its standing are."""
        return caller.key in self._callers or self._in_hand[caller.standing] >= _WAITING[caller.standing]

    async def role_for(self, password: str, caller: Caller) -> Role:
        """Return what ``password`` opens."""
        known = self._known(password)
        if known is not None:
            return known
        with self._lock:
            self._callers.add(caller.key)
            self._in_hand[caller.standing] += 1
        if self._executor is None:
            self._executor = ThreadPoolExecutor(1, "kiosk-password", initializer=_lower_priority)
        work = self._executor.submit(self._compute, password)
        # when it is done, not when the request is: one that went away computes on
        work.add_done_callback(lambda _: self._done(caller))
        return await asyncio.wrap_future(work)

    def close(self) -> None:
        """End the thread after the password in hand; harmless when repeated."""
        executor, self._executor = self._executor, None
        if executor is not None:
            executor.shutdown(wait=False, cancel_futures=True)

    def _known(self, password: str) -> Role | None:
        return self._right.get(hmac.digest(self._key, password.encode(), "sha256"))

    def _compute(self, password: str) -> Role:
        known = self._known(password)  # of one who waited for the same
        if known is not None:
            return known
        role = self._check(password)
        if role is not Role.NOBODY:
            self._right[hmac.digest(self._key, password.encode(), "sha256")] = role
        return role

    def _done(self, caller: Caller) -> None:
        with self._lock:
            self._callers.discard(caller.key)
            self._in_hand[caller.standing] -= 1


def _lower_priority() -> None:
    """Lower this thread's priority alone; Linux has one for each."""
    thread = threading.get_native_id()
    with suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, thread, min(19, os.getpriority(os.PRIO_PROCESS, thread) + NICENESS))
