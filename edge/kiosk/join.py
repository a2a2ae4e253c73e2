"""Invitation to the page for visitors' cameras: its address and the certificate that it shows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from edge.core.errors import HardwareUnavailable
from edge.kiosk.addresses import own_addresses, reached_at
from edge.kiosk.proxy import prefix_of

if TYPE_CHECKING:
    from starlette.requests import Request

    from edge.config import KioskConfig
    from edge.kiosk.certificate import Certificate
    from edge.kiosk.tls import Tls

PAGE = "/camera"


@dataclass(frozen=True, slots=True)
class Invitation:
    """``url`` for the QR code; ``certificate`` where browsers will ask whether to trust it."""

    url: str
    certificate: Certificate | None

    @property
    def fingerprint(self) -> tuple[str, ...]:
        """The certificate's fingerprint in lines of eight bytes."""
        if self.certificate is None:
            return ()
        pairs = self.certificate.fingerprint.split(":")
        return tuple(" ".join(pairs[at : at + 8]) for at in range(0, len(pairs), 8))


def invitation(settings: KioskConfig, tls: Tls | None, request: Request) -> Invitation | None:
    """Return what to show on the wall; ``None`` where visitors may not, or cannot: cameras want HTTPS."""
    home = _home(settings, request) if settings.visitors else None
    if home is None or not home.startswith("https://"):
        return None
    return Invitation(f"{home}{PAGE}", tls.certificate if tls is not None and tls.own else None)


def secure_home(settings: KioskConfig) -> str | None:
    """Return where the device is reached over HTTPS, for those who came over plain HTTP; ``None`` where nowhere."""
    public = settings.public_url
    return public if public.startswith("https://") else None


def _home(settings: KioskConfig, request: Request) -> str | None:
    if settings.public_url:
        return settings.public_url
    try:
        place = reached_at(settings, request.url.netloc, own_addresses())
    except HardwareUnavailable:
        return None
    return None if place is None else f"{request.url.scheme}://{place}{prefix_of(request)}"
