"""Checks that the page can be served as configured; they yield nothing if the page is off."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edge.core.errors import ConfigError, InputError
from edge.runtime.preflight.check import attempt
from edge.util.sockets import check_address

if TYPE_CHECKING:
    from collections.abc import Iterator

    from edge.config import Config
    from edge.core.errors import EdgeError


def packages(config: Config) -> Iterator[EdgeError]:
    """Check that the server is installed."""
    from edge.kiosk.sink import require_packages

    if config.kiosk.enabled:
        yield from attempt(require_packages)


def rights(config: Config) -> Iterator[EdgeError]:
    """Check that the page is not open to others without a password."""
    from edge.kiosk.access import check

    if config.kiosk.enabled:
        yield from attempt(check, config.kiosk)


def secrets(config: Config) -> Iterator[EdgeError]:
    """Check the files of password and token."""
    from edge.kiosk.passwords import read_hashes

    if config.kiosk.enabled:
        yield from attempt(read_hashes, config.kiosk)


def certificate(config: Config) -> Iterator[EdgeError]:
    """Check the requirements of HTTPS."""
    if config.kiosk.enabled and not any(packages(config)):
        from edge.kiosk.tls import check

        yield from attempt(check, config.kiosk)


def unused_certificate(config: Config) -> Iterator[EdgeError]:
    """Report a configured certificate or key that is not used."""
    kiosk = config.kiosk
    given = {"tls_certificate": kiosk.tls_certificate, "tls_key": kiosk.tls_key}
    if kiosk.enabled and kiosk.tls != "files":
        for name, path in given.items():
            if path is not None:
                msg = (
                    f'kiosk.{name}: is not used while kiosk.tls = "{kiosk.tls}"; set kiosk.tls = "files", or remove it'
                )
                yield ConfigError(msg)


def address(config: Config) -> Iterator[EdgeError]:
    """Check that this process may serve the address."""
    if config.kiosk.enabled:
        from edge.kiosk.server import SERVICE

        yield from attempt(check_address, config.kiosk.host, config.kiosk.port, SERVICE)


def media(config: Config) -> Iterator[EdgeError]:
    """Check the folder of films."""
    from edge.kiosk.media.folder import MediaFolder

    fault = MediaFolder(config.kiosk.media_dir).fault() if config.kiosk.enabled else None
    if fault is not None:
        yield InputError(f"kiosk.media_dir: {fault}")
