"""HTTPS: the certificate in force, made by the device or read from files, and renewed without a restart."""

from __future__ import annotations

import asyncio
import logging
import ssl
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from edge.core.errors import ConfigError, FileUnavailable, HardwareUnavailable, InputError
from edge.kiosk import certificate
from edge.kiosk.addresses import own_addresses
from edge.kiosk.guard import own_names
from edge.kiosk.state_files import CERTIFICATE
from edge.system.installation import adding
from edge.util.bounded_read import read_bounded
from edge.util.files import why_unreadable, write_text

if TYPE_CHECKING:
    from pathlib import Path

    from edge.config import KioskConfig
    from edge.kiosk.certificate import Certificate

_LOG = logging.getLogger(__name__)
CHECK_S = 60.0
"""Between two looks whether files, names or addresses have changed."""


class Tls:
    """``context`` is what the server speaks with, ``certificate`` what it shows; :meth:`refresh` renews both.

    ``own`` is true where the device made it: browsers then ask their user, who compares the fingerprint.
    """

    def __init__(self, config: KioskConfig, folder: Path) -> None:
        """Read or make the certificate.

        Raises:
            ConfigError: a file is missing, unreadable, damaged, or certificate and key do not belong together.
            InputError: the folder cannot be written.
            HardwareUnavailable: a package is missing.
        """
        _require()
        self.own = config.tls == "self-signed"
        self._config = config
        self._kept = folder / CERTIFICATE
        self._seen: object = None
        self._warned = False
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.minimum_version = ssl.TLSVersion.TLSv1_2
        self.context.set_alpn_protocols(["http/1.1"])
        self.certificate: Certificate = self._load()
        self._judge()

    @property
    def ended(self) -> bool:
        """True where browsers refuse it for its time."""
        return not self.certificate.valid(datetime.now(UTC))

    def refresh(self) -> bool:
        """Take what has changed, for connections from now on; true where something has.

        What cannot be used is told in the log once, and the certificate in force stays.
        """
        before = self.certificate.fingerprint
        try:
            self.certificate = self._load()
        except (ConfigError, InputError) as error:
            if not self._warned:
                _LOG.warning("%s; the certificate in force stays", error)
            self._warned = True
            return False
        changed = self.certificate.fingerprint != before
        if changed:
            _LOG.info("a new certificate is in force, until %s", f"{self.certificate.not_after:%Y-%m-%d}")
        self._judge()
        return changed

    def _load(self) -> Certificate:
        return self._load_own() if self.own else self._load_files()

    def _load_own(self) -> Certificate:
        kept = read_own(self._kept)
        names = wanted_names(self._config)
        if kept is None or not kept.serves(names, datetime.now(UTC)):
            kept = make_own(self._kept, names)
            self._seen = None
        if self._seen != kept.fingerprint:
            self.context.load_cert_chain(self._kept)
            self._seen = kept.fingerprint
        return kept

    def _load_files(self) -> Certificate:
        paths, contents = _given(self._config)
        if contents == self._seen:
            return self.certificate
        found = _checked(paths, *contents)
        _take(self.context, paths)
        self._seen = contents
        self._warned = False
        return found

    def _judge(self) -> None:
        """Say once that a certificate is out of its time; it is served all the same, browsers will say it too."""
        if not self.ended:
            return
        if not self._warned:
            _LOG.warning(
                "kiosk.tls_certificate: valid from %s to %s only, so browsers will refuse it: renew it",
                f"{self.certificate.not_before:%Y-%m-%d}",
                f"{self.certificate.not_after:%Y-%m-%d}",
            )
        self._warned = True


async def watch(tls: Tls | None) -> None:
    """Renew the certificate, or take the renewed one, for connections to come; until cancelled."""
    while tls is not None:
        await asyncio.sleep(CHECK_S)
        await asyncio.to_thread(tls.refresh)


def of(config: KioskConfig, folder: Path) -> Tls | None:
    """Return TLS as configured, or ``None`` for plain HTTP. Raises as :class:`Tls`."""
    return None if config.tls == "off" else Tls(config, folder)


def check(config: KioskConfig) -> None:
    """See that what the settings ask for can be served; nothing is made.

    Raises:
        ConfigError: as :class:`Tls`, with all that is wrong with the files.
        HardwareUnavailable: a package is missing.
    """
    if config.tls == "off":
        return
    _require()
    if config.tls == "self-signed":
        own_addresses()
        return
    paths, contents = _given(config)
    _checked(paths, *contents)
    _take(ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), paths)


def wanted_names(config: KioskConfig) -> frozenset[str]:
    """Host names and addresses that the device's own certificate is to hold.

    Of IPv6 only what is configured: a machine's others change day by day, and the certificate with them.
    """
    changing = {address for address in own_addresses() if ":" in address}
    names = own_names(config.hostnames, config.public_url) | {"127.0.0.1", "::1", config.host}
    return certificate.canonical((names | set(own_addresses())) - (changing - {config.host}) | {"::1"})


def read_own(path: Path) -> Certificate | None:
    """Return the device's certificate; ``None`` where there is none yet, or a damaged one."""
    try:
        content = read_bounded(path)
        return certificate.describe(content) if certificate.key_matches(content, content) else None
    except (OSError, ValueError, TypeError):
        return None


def make_own(path: Path, names: frozenset[str]) -> Certificate:
    """Write a new certificate to ``path``, readable by the device only; an existing key stays.

    Raises:
        InputError: it cannot be written.
    """
    try:
        key: bytes | None = read_bounded(path)
    except OSError:
        key = None
    made = certificate.make(names, key_pem=key)
    write_text(path, made.decode("ascii"), mode=0o600)
    return certificate.describe(made)


def _given(config: KioskConfig) -> tuple[dict[str, Path], tuple[bytes, bytes]]:
    """Paths and contents of the certificate and its key."""
    named = {"tls_certificate": config.tls_certificate, "tls_key": config.tls_key}
    paths = {name: path.expanduser() for name, path in named.items() if path is not None}
    missing = [f"kiosk.{name}" for name in named if name not in paths]
    problems = [f'kiosk.tls: "files" wants {" and ".join(missing)} as well'] if missing else []
    contents = []
    for name, path in paths.items():
        try:
            contents.append(read_bounded(path))
        except OSError as error:
            problems.append(f"kiosk.{name}: {path} cannot be read: {why_unreadable(path, error)}")
    if problems:
        raise (ConfigError if missing else FileUnavailable)(*problems)
    certificate_pem, key_pem = contents
    return paths, (certificate_pem, key_pem)


def _take(context: ssl.SSLContext, paths: dict[str, Path]) -> None:
    try:
        context.load_cert_chain(paths["tls_certificate"], paths["tls_key"])
    except (ssl.SSLError, OSError) as error:
        msg = f"kiosk.tls_certificate: {paths['tls_certificate']} cannot be served: {error}"
        raise FileUnavailable(msg) from None


def _checked(paths: dict[str, Path], certificate_pem: bytes, key_pem: bytes) -> Certificate:
    try:
        found = certificate.describe(certificate_pem)
    except ValueError:
        msg = f"kiosk.tls_certificate: {paths['tls_certificate']} holds no PEM certificate"
        raise FileUnavailable(msg) from None
    try:
        matches = certificate.key_matches(certificate_pem, key_pem)
    except TypeError:
        msg = f"kiosk.tls_key: {paths['tls_key']} is encrypted: give the key without a passphrase"
        raise FileUnavailable(msg) from None
    except ValueError:
        msg = f"kiosk.tls_key: {paths['tls_key']} holds no PEM private key"
        raise FileUnavailable(msg) from None
    if not matches:
        msg = f"kiosk.tls_key: {paths['tls_key']} does not belong to the certificate {paths['tls_certificate']}"
        raise FileUnavailable(msg)
    return found


def _require() -> None:
    try:
        import cryptography  # noqa: F401
    except ImportError:
        msg = f'HTTPS needs cryptography: {adding("kiosk")}, or set kiosk.tls = "off"'
        raise HardwareUnavailable(msg) from None
