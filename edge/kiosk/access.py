"""Who may do what: roles, the signed cookie that carries one, and the token against forged requests.

Without a password everyone who reaches the page may do everything, which :func:`check` allows on this machine only.
"""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import logging
import secrets
import time
from dataclasses import dataclass, replace
from enum import IntEnum
from typing import TYPE_CHECKING, Any

from edge.core.errors import ConfigError, FileUnavailable, InputError
from edge.kiosk import passwords
from edge.kiosk.revocations import RevocationList
from edge.util.files import write_text

if TYPE_CHECKING:
    from pathlib import Path

    from edge.config import KioskConfig

_LOG = logging.getLogger(__name__)
SECRET_BYTES = 32
_HOUR_S = 3600


class Role(IntEnum):
    """What someone may do; a higher one includes the lower."""

    NOBODY = 0
    VIEWER = 1
    OPERATOR = 2


@dataclass(frozen=True, slots=True)
class Visit:
    """One browser: ``identity`` is random, ``role`` what it may do, ``fresh`` where it has no cookie yet.

    ``granted`` is what it logged in for, which its cookie carries with the ``generation`` of the login; ``signed_s`` is
    when that was signed, in Unix seconds.
    """

    identity: str
    role: Role
    fresh: bool = False
    granted: Role = Role.NOBODY
    generation: str = ""
    signed_s: int = 0


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

        self._password, self._token = read_hashes(config)
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
        """Who comes with this cookie."""
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
        """What everyone may do."""
        if not self.asks:
            return Role.OPERATOR
        return Role.VIEWER if self._open_to_viewers else Role.NOBODY

    def new(self, role: Role) -> tuple[Visit, str]:
        """A visit under a new identity, and its cookie's value."""
        generation = self.revocations.generation
        visit = Visit(secrets.token_urlsafe(18), role, False, role, generation, int(time.time()))
        return visit, self.sign(visit)

    def sign(self, visit: Visit) -> str:
        """The cookie's value."""
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
        """What ``password`` opens: the operator's password, or the viewers' token; slow on purpose."""
        if self._password is not None and passwords.verify(password, self._password):
            return Role.OPERATOR
        if self._token is not None and passwords.verify(password, self._token):
            return Role.VIEWER
        return Role.NOBODY

    def csrf_token(self, visit: Visit) -> str:
        """What a page of this visit must show with each request that changes anything."""
        return hmac.new(self.key, f"csrf:{visit.identity}".encode(), "sha256").hexdigest()

    def csrf_holds(self, visit: Visit, given: str) -> bool:
        """True where ``given`` is that token."""
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


def read_hashes(config: KioskConfig) -> tuple[str | None, str | None]:
    """Hashes of the operator's password and of the viewers' token, each where a file is named.

    Raises:
        ConfigError: files cannot be used; with all that is wrong.
    """
    problems: list[str] = []
    hashes: dict[str, str] = {}
    named = {"password_file": config.password_file, "viewer_token_file": config.viewer_token_file}
    for setting, path in named.items():
        if path is None:
            continue
        try:
            hashes[setting] = passwords.read_hash(path.expanduser(), f"kiosk.{setting}")
        except FileUnavailable as error:
            problems.extend(error.problems)
    if problems:
        raise FileUnavailable(*problems)
    return hashes.get("password_file"), hashes.get("viewer_token_file")


def lasting_secret(path: Path) -> bytes:
    """The key that signs cookies, made on the first day and readable by the device alone."""
    try:
        found = bytes.fromhex(path.read_text(encoding="ascii"))
    except (OSError, ValueError):
        found = b""
    if len(found) == SECRET_BYTES:
        return found
    made = secrets.token_bytes(SECRET_BYTES)
    try:
        write_text(path, made.hex(), mode=0o600)
    except InputError as error:
        _LOG.warning("who is logged in will have to log in again after a restart: %s", error)
    return made
