"""The sign for the wall: where phones reach the page that says what is measured, as text and as a QR code."""

from __future__ import annotations

import functools
import ipaddress
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from edge.kiosk.proxy import prefix_of

if TYPE_CHECKING:
    from markupsafe import Markup
    from starlette.requests import Request


def home(public_url: str, request: Request) -> str:
    """Return the address of the device: as configured, otherwise as this request reached it."""
    return public_url or f"{request.url.scheme}://{request.url.netloc}{prefix_of(request)}"


def reachable(url: str) -> bool:
    """Return whether other machines may reach this address."""
    name = urlsplit(url).hostname or ""
    try:
        return not ipaddress.ip_address(name).is_loopback
    except ValueError:
        return name != "localhost"


@functools.lru_cache(maxsize=32)
def code(url: str) -> Markup:
    """Return a QR code of ``url`` as inline SVG; a quarter of it may be hidden or torn. It takes time, hence kept."""
    import segno
    from markupsafe import Markup

    made = segno.make(url, error="q", micro=False)
    drawn = made.svg_inline(scale=8, border=2, omitsize=True, svgclass="qr", lineclass=None, dark="#000", light="#fff")
    return Markup(drawn)  # noqa: S704 - made of numbers alone, the address is in the pattern
