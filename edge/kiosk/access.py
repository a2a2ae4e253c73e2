"""Sign and read the cookies that carry a role, and the tokens against forged requests.

Without a password everyone who reaches the page may do everything, which :func:`check` allows on this machine only.
"""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import secrets
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from edge.core.errors import ConfigError
from edge.kiosk import passwords
from edge.kiosk.revocations import RevocationList
from edge.kiosk.roles import Role, Visit

if TYPE_CHECKING:
    from pathlib import Path

    from edge.config import KioskConfig

_HOUR_S = 3600


def check(config: KioskConfig) -> None:
    """See that nobody beyond this machine comes in without a password.

    Raises:
        ConfigError: the address serves others, or a proxy does, and there is no ``kiosk.password_file``.
    """
    if config.password_file is not None:
        return
    problems = []
    if not ipaddress.ip_address(config.host).is_loopback:
        problems.append(
            f"kiosk.host: beyond this machine ({config.host}) the page asks for an operator password: make one with "
            "`face-edge kiosk password --output FILE` and set kiosk.password_file to it"
        )
    if config.trusted_proxies:
        problems.append(
            "kiosk.trusted_proxies: others reach the page through a proxy, so it asks for an operator password: make "
            "one with `face-edge kiosk password --output FILE` and set kiosk.password_file to it"
        )
    if problems:
        raise ConfigError(*problems)


class Access:
    """Reads and makes cookies; logins outlive a restart, and end with a logout or when a password changes."""

    def __init__(self, config: KioskConfig, secret: bytes, record: Path) -> None:
        """Read the hashes, and from ``record`` which logins were revoked.

        Raises:
            ConfigError: a file of hashes cannot be used.
        """
        from itsdangerous import URLSafeTimedSerializer

        self._password, self._token = passwords.read_hashes(config)
        self._open_to_viewers = config.open_to_viewers
        self.lifetime_s = round(config.session_hours * _HOUR_S)
        # browsers take the prefix as a promise: over TLS alone, for this host alone, set by no neighbour
        self._host_only = config.tls != "off"
        self._cookie = f"{'__Host-' if self._host_only else ''}face_edge_{config.port}"
        self._secret = secret
        parts = (self._password or "", self._token or "")
        key = hmac.digest(secret, "\n".join(parts).encode(), "sha256")
        self.key = key
        """Signs cookies; another one with another password."""
        self._serializer = URLSafeTimedSerializer(key, salt="visit", signer_kwargs={"digest_method": hashlib.sha256})
        fingerprint = hmac.digest(key, b"passwords", "sha256").hex()
        self.revocations = RevocationList(record, passwords=fingerprint, lifetime_s=self.lifetime_s)

    def cookie_below(self, prefix: str = "") -> str:
        """Return the cookie's name for pages below the path ``prefix`` of a proxy.

        Every device and path has a name of its own: behind one proxy browsers would mix them up.
        """
        return f"{self._cookie}_{hmac.new(self._secret, f'cookie:{prefix}'.encode(), 'sha256').hexdigest()[:8]}"

    def cookie_path(self, prefix: str = "") -> str:
        """Return the path to which browsers send it; for ``__Host-`` they ask for the whole host."""
        return "/" if self._host_only or not prefix else prefix

    @property
    def asks(self) -> bool:
        """True where a password is set."""
        return self._password is not None

    def visit(self, cookie: str | None) -> Visit:
        """Return the visit that this cookie belongs to."""
        found = self._read(cookie)
        if found is None:
            return Visit(secrets.token_urlsafe(18), self._least, fresh=True)
        return replace(found, role=max(found.granted, self._least))

    def holds(self, visit: Visit) -> bool:
        """Return True where what ``visit`` may do, it may do still: it did not log out, and its time is not up."""
        return visit.role <= self._least or (
            self._is_in_force(visit) and 0 <= time.time() - visit.signed_s <= self.lifetime_s
        )

    @property
    def _least(self) -> Role:
        """Return the role that everyone has."""
        if not self.asks:
            return Role.OPERATOR
        return Role.VIEWER if self._open_to_viewers else Role.NOBODY

    def new(self, role: Role) -> tuple[Visit, str]:
        """Create a visit with a new identity, and return it with its cookie's value."""
        generation = self.revocations.generation
        visit = Visit(secrets.token_urlsafe(18), role, False, role, generation, int(time.time()))
        return visit, self.sign(visit)

    def sign(self, visit: Visit) -> str:
        """Return the cookie's value."""
        granted = int(visit.granted) if self.asks else 0
        return str(self._serializer.dumps([visit.identity, granted, visit.generation]))

    def revoke(self, visit: Visit) -> bool:
        """End the login of this visit, if it has one; :meth:`RevocationList.save` makes that last.

        Strangers have none, so they cannot fill the list.
        """
        if visit.granted is Role.NOBODY:
            return False
        self.revocations.revoke(visit.identity, visit.granted, visit.signed_s)
        return True

    def role_for(self, password: str) -> Role:
        """Return the role that ``password`` grants: the operator's password or the viewers' token; slow on purpose."""
        if self._password is not None and passwords.verify(password, self._password):
            return Role.OPERATOR
        if self._token is not None and passwords.verify(password, self._token):
            return Role.VIEWER
        return Role.NOBODY

    def csrf_token(self, visit: Visit) -> str:
        """Return the token that a page of this visit must send with each request that changes anything."""
        return hmac.new(self.key, f"csrf:{visit.identity}".encode(), "sha256").hexdigest()

    def csrf_holds(self, visit: Visit, given: str) -> bool:
        """Return whether ``given`` is that token."""
        return not visit.fresh and hmac.compare_digest(self.csrf_token(visit).encode(), given.encode())

    def _read(self, cookie: str | None) -> Visit | None:
        from itsdangerous import BadData

        if not cookie:
            return None
        try:
            loaded: Any = self._serializer.loads(cookie, max_age=self.lifetime_s, return_timestamp=True)
            content, signed = loaded
            granted, generation = Role(content[1]), str(content[2])
            visit = Visit(str(content[0]), granted, False, granted, generation, int(signed.timestamp()))
        except (BadData, ValueError, TypeError, IndexError, KeyError):
            return None
        return visit if self._is_in_force(visit) else None

    def _is_in_force(self, visit: Visit) -> bool:
        if visit.granted is Role.NOBODY:
            return True
        return self.revocations.holds(visit.identity, visit.granted, visit.generation, visit.signed_s)
