"""Certificates for HTTPS: one that the device makes for itself, and what is told of any.

ECDSA on P-256, because phones and browsers all take it and a small board signs with it in under a millisecond. Valid
for 397 days: browsers refuse more than 398 (CA/Browser Forum, ballot SC31).
"""

from __future__ import annotations

import base64
import hashlib
import ipaddress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cryptography import x509 as forms
    from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes

VALID = timedelta(days=397)
RENEW_BEFORE = timedelta(days=30)
_CLOCK_SKEW = timedelta(days=1)
"""A phone's clock may be behind; a board without a clock of its own is until the network sets it."""


@dataclass(frozen=True, slots=True)
class Certificate:
    """A certificate's properties for people and programs; ``spki`` is its public key's SHA-256, base64."""

    pem: str
    fingerprint: str
    spki: str
    names: frozenset[str]
    not_before: datetime
    not_after: datetime

    def valid(self, now: datetime) -> bool:
        """Return whether the certificate is within its validity."""
        return self.not_before <= now <= self.not_after

    def serves(self, names: Iterable[str], now: datetime) -> bool:
        """Return whether it covers these names and addresses, and stays valid for a while."""
        return self.not_before <= now <= self.not_after - RENEW_BEFORE and self.names >= set(names)


def describe(pem: bytes) -> Certificate:
    """Return the first certificate in ``pem``.

    Raises:
        ValueError: there is none.
    """
    from cryptography import x509
    from cryptography.hazmat.primitives.serialization import Encoding

    found = x509.load_pem_x509_certificate(pem)
    der = found.public_bytes(Encoding.DER)
    digest = hashlib.sha256(der).hexdigest().upper()
    return Certificate(
        pem=found.public_bytes(Encoding.PEM).decode("ascii"),
        fingerprint=":".join(digest[at : at + 2] for at in range(0, len(digest), 2)),
        spki=_spki(found.public_key()),
        names=_names(found),
        not_before=found.not_valid_before_utc,
        not_after=found.not_valid_after_utc,
    )


def make(names: Iterable[str], *, key_pem: bytes | None = None, now: datetime | None = None) -> bytes:
    """Create a key and a certificate for ``names`` (host names and addresses); return both as one PEM text.

    ``key_pem`` keeps the key that is in use, and with it every browser that was told to trust that key.
    """
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
    from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

    key = _usable(key_pem) or ec.generate_private_key(ec.SECP256R1())
    now = now or datetime.now(UTC)
    who = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "FACE Edge")])
    usage = x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=False,
        crl_sign=False,
        encipher_only=False,
        decipher_only=False,
    )
    made = (
        x509.CertificateBuilder(who, who, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - _CLOCK_SKEW)
        .not_valid_after(now - _CLOCK_SKEW + VALID)
        .add_extension(x509.SubjectAlternativeName([_general(name) for name in sorted(set(names))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    secret = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return secret + made.public_bytes(Encoding.PEM)


def key_matches(certificate_pem: bytes, key_pem: bytes) -> bool:
    """Return whether the private key belongs to the certificate.

    Raises:
        ValueError: the key is no PEM key, or a damaged one.
        TypeError: it is encrypted.
    """
    from cryptography import x509
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    key: Any = load_pem_private_key(key_pem, password=None)
    return _spki(x509.load_pem_x509_certificate(certificate_pem).public_key()) == _spki(key.public_key())


def canonical(names: Iterable[str]) -> frozenset[str]:
    """Names and addresses as certificates hold them; what can stand in none is left out."""
    return frozenset(filter(None, map(_canonical, names)))


def _canonical(name: str) -> str | None:
    try:
        address = ipaddress.ip_address(name)
    except ValueError:
        try:
            return name.rstrip(".").lower().encode("idna").decode("ascii") or None
        except UnicodeError:
            return None
    return None if address.is_unspecified else str(address)


def _usable(key_pem: bytes | None) -> Any:
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    if key_pem is None:
        return None
    try:
        key = load_pem_private_key(key_pem, password=None)
    except (ValueError, TypeError):
        return None
    return key if isinstance(key, ec.EllipticCurvePrivateKey) else None


def _spki(key: CertificatePublicKeyTypes) -> str:
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    return base64.b64encode(
        hashlib.sha256(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).digest()
    ).decode()


def _names(found: forms.Certificate) -> frozenset[str]:
    from cryptography import x509

    try:
        given = found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return frozenset()
    dns = given.get_values_for_type(x509.DNSName)
    return frozenset(dns) | {str(address) for address in given.get_values_for_type(x509.IPAddress)}


def _general(name: str) -> Any:
    from cryptography import x509

    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)
