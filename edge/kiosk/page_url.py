"""The address under which other machines reach the page, for those who link to it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edge.core.errors import HardwareUnavailable
from edge.kiosk.addresses import own_addresses, reached_at

if TYPE_CHECKING:
    from edge.config import KioskConfig


def page_url(config: KioskConfig) -> str | None:
    """``kiosk.public_url``, or the address that is served; ``None`` where no other machine reaches the page."""
    if not config.enabled:
        return None
    if config.public_url:
        return config.public_url
    if config.port == 0:
        return None
    try:
        place = reached_at(config, f"localhost:{config.port}", own_addresses())
    except HardwareUnavailable:
        return None
    return None if place is None else f"{'http' if config.tls == 'off' else 'https'}://{place}"
