"""How to reach the broker, made from the configuration; files are read here and nowhere else."""

from __future__ import annotations

import contextlib
import ssl
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from edge.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path

    from edge.config import MqttConfig, TlsConfig

EMBEDDED_PORT = 1883
_DEFAULT_PORTS = {"mqtt": 1883, "mqtts": 8883}


@dataclass(frozen=True, slots=True)
class Options:
    """One broker, one client."""

    host: str
    port: int
    client_id: str
    username: str | None
    password: str | None = field(repr=False)
    tls: TlsConfig | None
    keepalive_s: int
    mqtt5: bool = True
    """False where the broker is known to speak 3.1.1 only."""

    @property
    def address(self) -> str:
        """The broker as messages name it: ``mqtts://HOST:PORT``."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'mqtt' if self.tls is None else 'mqtts'}://{host}:{self.port}"


def options(config: MqttConfig, node: str) -> Options:
    """What ``config`` says, with the password read from its file.

    Raises:
        ConfigError: settings contradict each other, or the password file cannot be read.
    """
    scheme, host, port = _address(config.broker)
    files = config.tls
    if scheme != "mqtts" and (files.ca or files.certificate or files.key):
        msg = f"mqtt.tls: certificates serve mqtts:// only, but mqtt.broker is {config.broker!r}; write mqtts://"
        raise ConfigError(msg)
    password = _password(config)
    if password is not None and not config.username:
        msg = "mqtt.username: a password is given but no user name; set both"
        raise ConfigError(msg)
    return Options(
        host=host,
        port=port,
        client_id=f"{config.prefix.replace('/', '-')}-{node}",
        username=config.username or None,
        password=password,
        tls=files if scheme == "mqtts" else None,
        keepalive_s=config.keepalive_s,
        mqtt5=embedded_port(config.broker) is None,
    )


def check_files(made: Options) -> None:
    """Find out now whether the certificates are usable.

    Raises:
        ConfigError: as :func:`tls_context` does.
    """
    if made.tls is not None:
        tls_context(made.tls)


def embedded_port(broker: str) -> int | None:
    """The port that ``embedded[:PORT]`` asks for; ``None`` for any other setting of ``mqtt.broker``."""
    kind, _, port = broker.partition(":")
    if kind != "embedded":
        return None
    return int(port) if port else EMBEDDED_PORT


def _address(broker: str) -> tuple[str, str, int]:
    """``(scheme, host, port)``."""
    port = embedded_port(broker)
    if port is not None:
        scheme, host = "mqtt", "127.0.0.1"
    else:
        parts = urlsplit(broker)
        scheme, host = parts.scheme, parts.hostname or ""
        port = _DEFAULT_PORTS.get(scheme, 0) if parts.port is None else parts.port
    if not host or not 1 <= port <= 65535:
        msg = f"mqtt.broker: expected embedded[:PORT], mqtt://HOST[:PORT] or mqtts://HOST[:PORT], found {broker!r}"
        raise ConfigError(msg)
    return scheme, host, port


def _password(config: MqttConfig) -> str | None:
    given = config.password.get_secret_value()
    if config.password_file is None:
        return given or None
    if given:
        msg = "mqtt.password_file: mqtt.password is given too; keep one of them"
        raise ConfigError(msg)
    try:
        text = config.password_file.expanduser().read_text(encoding="utf-8")
    except OSError as error:
        msg = f"mqtt.password_file: cannot read {config.password_file}: {error.strerror or error}"
        raise ConfigError(msg) from None
    except UnicodeDecodeError:
        msg = f"mqtt.password_file: {config.password_file} is not a UTF-8 text file"
        raise ConfigError(msg) from None
    lines = text.splitlines()
    if not lines or not lines[0]:
        msg = f"mqtt.password_file: the first line of {config.password_file} is empty; it must be the password"
        raise ConfigError(msg)
    return lines[0]


class _TidySocket(ssl.SSLSocket):
    """Closes itself when the handshake fails; paho leaves that to the garbage collector."""

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
            # why the peer hung up stands unread in its alert, which the read raises
            with contextlib.suppress(ssl.SSLWantReadError):
                self.recv(1)
            raise


def tls_context(files: TlsConfig) -> ssl.SSLContext:
    """A context that verifies the broker's certificate and host name, and shows ours where one is set.

    Raises:
        ConfigError: a file cannot be read, is no PEM file, or key and certificate do not belong together.
    """
    ca, certificate, key = (
        None if path is None else _readable(name, path)
        for name, path in (("ca", files.ca), ("certificate", files.certificate), ("key", files.key))
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.sslsocket_class = _TidySocket
    if ca is None:
        context.load_default_certs()
    else:
        try:
            context.load_verify_locations(ca)
        except ssl.SSLError:
            msg = f"mqtt.tls.ca: {ca} holds no certificate in PEM format"
            raise ConfigError(msg) from None
    if certificate is not None:
        try:
            # an empty passphrase, for otherwise OpenSSL asks for one on the terminal
            context.load_cert_chain(certificate, key, password="")
        except ssl.SSLError:
            msg = f"mqtt.tls: {certificate} and {key} are not a certificate and its unencrypted key in PEM format"
            raise ConfigError(msg) from None
    return context


def _readable(name: str, path: Path) -> Path:
    path = path.expanduser()
    try:
        with path.open("rb") as stream:
            stream.read(1)
    except OSError as error:
        msg = f"mqtt.tls.{name}: cannot read {path}: {error.strerror or error}"
        raise ConfigError(msg) from None
    return path
