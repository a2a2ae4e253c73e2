"""Browsers in which someone logged in before: a second cookie, which opens nothing.

It gives a browser tries of its own at the password, which strangers cannot spend (OWASP calls it a device cookie).
"""

from __future__ import annotations

import hashlib
import secrets
from typing import Any

from edge.kiosk.roles import Role

LIFETIME_S = 180 * 24 * 3600


class KnownBrowsers:
    """Reads and makes the cookie. ``key`` changes with the passwords: who knew an old one is a stranger again."""

    def __init__(self, key: bytes) -> None:
        from itsdangerous import URLSafeTimedSerializer

        self._serializer = URLSafeTimedSerializer(
            key, salt="known browser", signer_kwargs={"digest_method": hashlib.sha256}
        )

    def read(self, cookie: str | None) -> tuple[str, Role] | None:
        """Return the browser's random identity and the role it once logged in for; ``None`` where it is not known."""
        from itsdangerous import BadData

        try:
            content: Any = self._serializer.loads(cookie or "", max_age=LIFETIME_S)
            return str(content[0]), Role(content[1])
        except (BadData, ValueError, TypeError, IndexError, KeyError):
            return None

    def sign(self, known: tuple[str, Role] | None, role: Role) -> str:
        """Return the cookie of a browser that logged in for ``role``, and was ``known`` as this before."""
        if known is None or role > known[1]:
            known = secrets.token_urlsafe(12), role
        return str(self._serializer.dumps([known[0], int(known[1])]))
