"""Connection options of the broker, from the configuration and the password file."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import urlsplit

from edge.config import embedded_port, secret_file
from edge.core.errors import ConfigError, FileUnavailable
from edge.util.bounded_read import read_bounded
from edge.util.files import why_unreadable
from edge.util.sockets import in_url, local_address

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from edge.config import MqttConfig, TlsConfig

    Value = TypeVar("Value")

_CREDENTIAL = "mqtt-password"
_DEFAULT_PORTS = {"mqtt": 1883, "mqtts": 8883}


@dataclass(frozen=True, slots=True)
class Options:
    """Address, credentials and protocol options of one client at one broker."""

    host: str
    port: int
    client_id: str
    username: str | None
    password: str | None = field(repr=False)
    tls: TlsConfig | None
    keepalive_s: int
    mqtt5: bool = True
    """False if the broker is known to support only 3.1.1."""
    max_qos: int = 1
    retain: bool = True

    @property
    def address(self) -> str:
        """Address of the broker for messages: ``mqtts://HOST:PORT``."""
        return f"{'mqtt' if self.tls is None else 'mqtts'}://{in_url(self.host)}:{self.port}"


def options(config: MqttConfig, node: str) -> Options:
    """Build the options from ``config`` and read the password file.

    Raises:
        FileUnavailable: The password file cannot be read, and there is no other problem.
        ConfigError: Settings contradict each other; lists all problems.
    """
    problems: list[str] = []
    unread: list[str] = []
    scheme, host, port = _tried(problems, _address, config) or ("", "", 0)
    files = config.tls
    if scheme not in {"", "mqtts"} and (files.ca or files.certificate or files.key):
        problems.append(
            f"mqtt.tls: certificates serve mqtts:// only, but mqtt.broker is {config.broker!r}; write mqtts://"
        )
    password = _tried(problems, _password, config, unread)
    if not config.username and (config.password.get_secret_value() or config.password_file is not None):
        problems.append("mqtt.username: a password is given but no user name; set both")
    if problems or unread:
        raise (ConfigError if problems else FileUnavailable)(*problems, *unread)
    return Options(
        host=host,
        port=port,
        client_id=config.client_id or f"{config.prefix.replace('/', '-')}-{node}",
        username=config.username or None,
        password=password,
        tls=files if scheme == "mqtts" else None,
        keepalive_s=config.keepalive_s,
        mqtt5=embedded_port(config.broker) is None,
        max_qos=config.max_qos,
        retain=config.retain,
    )


def _tried(
    problems: list[str], read: Callable[[MqttConfig], Value], config: MqttConfig, unread: list[str] | None = None
) -> Value | None:
    """Return the result of ``read``; on failure extend ``problems``, or ``unread`` if a file is the cause."""
    try:
        return read(config)
    except FileUnavailable as error:
        (problems if unread is None else unread).extend(error.problems)
        return None
    except ConfigError as error:
        problems.extend(error.problems)
        return None


def _address(config: MqttConfig) -> tuple[str, str, int]:
    """Return ``(scheme, host, port)`` of the broker."""
    broker = config.broker
    port = embedded_port(broker)
    if port is not None:
        scheme, host = "mqtt", local_address(config.embedded_host)
    else:
        parts = urlsplit(broker)
        scheme, host = parts.scheme, parts.hostname or ""
        port = _DEFAULT_PORTS.get(scheme, 0) if parts.port is None else parts.port
    if not host or not 1 <= port <= 65535:
        msg = f"mqtt.broker: expected embedded[:PORT], mqtt://HOST[:PORT] or mqtts://HOST[:PORT], found {broker!r}"
        raise ConfigError(msg)
    return scheme, host, port


def _password(config: MqttConfig) -> str | None:
    """Return the password from the configuration, its file, or systemd's credential ``mqtt-password``."""
    given = config.password.get_secret_value()
    if given and config.password_file is not None:
        msg = "mqtt.password_file: mqtt.password is given too; keep one of them"
        raise ConfigError(msg)
    if given:
        return given
    file = secret_file(config.password_file, _CREDENTIAL) if config.username else config.password_file
    return None if file is None else _first_line(file)


def _first_line(file: Path) -> str:
    try:
        text = read_bounded(file).decode("utf-8")
    except OSError as error:
        msg = f"mqtt.password_file: cannot read {file}: {why_unreadable(file, error)}"
        raise FileUnavailable(msg) from None
    except UnicodeDecodeError:
        msg = f"mqtt.password_file: {file} is not a UTF-8 text file"
        raise FileUnavailable(msg) from None
    lines = text.splitlines()
    if not lines or not lines[0]:
        msg = f"mqtt.password_file: the first line of {file} is empty; it must be the password"
        raise FileUnavailable(msg)
    return lines[0]
