"""Parts of a source's URI (pure)."""

from __future__ import annotations

import re
from urllib.parse import parse_qsl

from edge.core.errors import ConfigError

# up to the last @, wherever it stands: a password with an unescaped / or # in it must not show either
_CREDENTIALS = re.compile(r"(?<=://)\S*@")
_SECRET_OPTION = re.compile(r"((?:passw|pwd|token|secret|key|auth|signature)[^=&/?]*=)[^&#\s]+", re.IGNORECASE)


_USB = re.compile(r"usb(:|$)|/dev/video\d+$|/dev/v4l/")


def is_usb(uri: str) -> bool:
    """Return whether ``uri`` names a Video4Linux camera: ``usb:0``, ``usb:NAME``, ``/dev/video0``, ``/dev/v4l/…``."""
    return _USB.match(uri) is not None


def masked(uri: str) -> str:
    """Return ``uri`` without user name, password or secret options, even if malformed, for logs and topics."""
    if "://" not in uri:
        return uri
    return _SECRET_OPTION.sub(r"\1***", _CREDENTIALS.sub("***@", uri))


def options(uri: str, allowed: dict[str, tuple[str, ...] | None]) -> tuple[str, dict[str, str]]:
    """Split ``uri`` into the part before ``?`` without its scheme, and the options after it.

    ``allowed`` lists each option's values, ``None`` for a whole number.

    Raises:
        ConfigError: an option is unknown or its value is not one of those allowed.
    """
    body, _, query = uri.partition("?")
    found = dict(parse_qsl(query, keep_blank_values=True))
    for key, value in found.items():
        if key not in allowed:
            msg = f"source.uri: unknown option {key!r} in {masked(uri)!r} (expected {', '.join(allowed) or 'none'})"
            raise ConfigError(msg)
        values = allowed[key]
        if (not value.isdecimal()) if values is None else (value not in values):
            expected = "a whole number" if values is None else " or ".join(values)
            msg = f"source.uri: {key}={value} in {masked(uri)!r}: expected {expected}"
            raise ConfigError(msg)
    return body.partition(":")[2], found


def number(uri: str) -> int:
    """Return the number after a camera's scheme: ``usb:1`` gives 1, ``picamera`` gives 0.

    Raises:
        ConfigError: what stands there is no whole number.
    """
    scheme, _, text = uri.partition(":")
    if text and not text.isdecimal():
        msg = f"source.uri: {masked(uri)!r}: expected a number behind {scheme}:, such as {scheme}:0"
        raise ConfigError(msg)
    return int(text or 0)
