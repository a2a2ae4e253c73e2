"""TLS contexts from the configuration: always verifying, with errors that name the faulty file."""

from __future__ import annotations

import contextlib
import ssl
from typing import TYPE_CHECKING, Any

from edge.core.errors import FileUnavailable
from edge.util.bounded_read import read_bounded
from edge.util.files import why_unreadable

if TYPE_CHECKING:
    from pathlib import Path

    from edge.config import TlsConfig


class _TidySocket(ssl.SSLSocket):
    """Socket that closes itself when the handshake fails; paho leaves that to the garbage collector."""

    def do_handshake(self, block: bool = False) -> None:  # noqa: FBT001, FBT002 - the base class's signature
        try:
            super().do_handshake(block)
        except BaseException:
            self.close()
            raise

    def send(self, data: Any, flags: int = 0) -> int:
        try:
            return super().send(data, flags)
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
            raise
        except OSError:
            # the peer's reason is in its unread alert, which the read raises
            with contextlib.suppress(ssl.SSLWantReadError):
                self.recv(1)
            raise


def tls_context(files: TlsConfig) -> ssl.SSLContext:
    """Return a context that verifies the broker's certificate and host name and presents ours if one is set.

    Raises:
        FileUnavailable: Files cannot be read, are not PEM, or key and certificate do not match; lists all problems.
    """
    problems: list[str] = []
    ca, certificate, key = (
        None if path is None else _readable(name, path, problems)
        for name, path in (("ca", files.ca), ("certificate", files.certificate), ("key", files.key))
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.sslsocket_class = _TidySocket
    if files.ca is None:
        context.load_default_certs()
    elif ca is not None:
        try:
            context.load_verify_locations(ca)
        except ssl.SSLError:
            problems.append(f"mqtt.tls.ca: {ca} holds no certificate in PEM format")
    if certificate is not None and key is not None:
        try:
            # an empty passphrase, since OpenSSL would otherwise prompt on the terminal
            context.load_cert_chain(certificate, key, password="")
        except ssl.SSLError:
            problems.append(
                f"mqtt.tls: {certificate} and {key} are not a certificate and its unencrypted key in PEM format"
            )
    if problems:
        raise FileUnavailable(*problems)
    return context


def _readable(name: str, path: Path, problems: list[str]) -> Path | None:
    """Return the expanded path, or ``None`` after adding the reason to ``problems`` if it cannot be read."""
    path = path.expanduser()
    try:
        read_bounded(path)
    except OSError as error:
        problems.append(f"mqtt.tls.{name}: cannot read {path}: {why_unreadable(path, error)}")
        return None
    return path
