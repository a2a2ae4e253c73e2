"""Assign requests to visits, and refuse those without the right or from another site."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from edge.core.errors import HardwareUnavailable
from edge.kiosk.addresses import own_addresses
from edge.kiosk.paths import Client, is_local, site
from edge.kiosk.proxy import is_proxied, prefix_of
from edge.kiosk.requests import Refused
from edge.kiosk.roles import Role

if TYPE_CHECKING:
    from collections.abc import Collection

    from starlette.requests import Request

    from edge.kiosk.access import Access
    from edge.kiosk.roles import Visit

CSRF_HEADER = "x-csrf-token"
_SHOWN = 100
"""Characters of a stranger's header that an answer repeats."""


class Authorizer:
    """Reads the cookies and headers of requests; ``names`` are the host names of this device."""

    def __init__(self, access: Access, names: Collection[str]) -> None:
        self.access = access
        self._names = names

    def visit(self, request: Request) -> Visit:
        """Return the visit that ``request`` belongs to."""
        return self.access.visit(request.cookies.get(self.access.cookie_below(prefix_of(request))))

    def client(self, request: Request) -> Client:
        """Return who sent ``request``; where no password is set, nobody counts as an operator."""
        operates = self.access.asks and self.visit(request).role is Role.OPERATOR
        return Client(site(request.scope), operates, is_local(request.scope))

    def require(self, request: Request, role: Role) -> Visit:
        """Return the visit where it has the right of ``role``.

        Raises:
            Refused: it has not.
        """
        return require(self.visit(request), role)

    def require_ours(self, request: Request, role: Role) -> Visit:
        """Do the same for requests that change something: they must come from a page of this device.

        Raises:
            Refused: the right is missing, or another site may stand behind the request.
        """
        visit = self.visit(request)
        if not (_same_site(request) and self.access.csrf_holds(visit, request.headers.get(CSRF_HEADER, ""))):
            raise Refused(403, "forged", "the request does not come from a page of this device: load it again")
        if not _same_origin(request, self._names):
            origin, host = request.headers["origin"], request.headers.get("host", "")
            raise Refused(
                403,
                "forged" if not is_proxied(request) else "proxy",
                f"the request comes from a page of {origin[:_SHOWN]}, but was sent to {host[:_SHOWN]}: behind a "
                "reverse proxy name the page's address in kiosk.public_url, or let the proxy pass Host on",
            )
        return require(visit, role)


def require(visit: Visit, role: Role) -> Visit:
    """Return ``visit`` where it has the right of ``role``.

    Raises:
        Refused: it has not.
    """
    if visit.role < role:
        raise Refused(403 if visit.role else 401, "forbidden", f"this asks for the right of a {role.name.lower()}")
    return visit


def _same_site(request: Request) -> bool:
    return request.headers.get("sec-fetch-site", "same-origin") == "same-origin"


def _same_origin(request: Request, names: Collection[str]) -> bool:
    """Compare ``Origin`` with ``Host``, as far as a proxy leaves that as the browser sent it.

    Many pass on the name without its port, or their own name for the device. The token and the cookie, which no other
    site has, are what forged requests fail at.
    """
    origin, host = request.headers.get("origin"), request.headers.get("host", "")
    if origin is None:
        return True
    try:
        asked, sent = urlsplit(origin), urlsplit(f"//{host}")
        same_name = asked.hostname is not None and asked.hostname == sent.hostname
        without_port = sent.port is None
    except ValueError:
        return False
    if asked.netloc == host or (same_name and without_port):
        return True
    if not is_proxied(request):
        return False
    if same_name or "sec-fetch-site" in request.headers:  # by then it says "same-origin", which no script can
        return True
    return asked.hostname in names or asked.hostname in _addresses()


def _addresses() -> tuple[str, ...]:
    try:
        return own_addresses()
    except HardwareUnavailable:
        return ()
