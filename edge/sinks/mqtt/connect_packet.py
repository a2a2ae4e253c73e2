"""Parser of MQTT 3.1.1 CONNECT, applied before the embedded broker receives it (pure)."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field

ACCEPTED_LEVEL = 4
_VARIABLE_HEADER = 10
REFUSED_PROTOCOL = bytes([0x20, 2, 0, 1])
REFUSED_IDENTIFIER = bytes([0x20, 2, 0, 2])
REFUSED_BUSY = bytes([0x20, 2, 0, 3])
REFUSED_CREDENTIALS = bytes([0x20, 2, 0, 5])
"""CONNACK packets that refuse a client, by reason."""


@dataclass(frozen=True, slots=True)
class ConnectPacket:
    """Fields of CONNECT; for other protocol levels than 3.1.1 only ``level`` is set."""

    level: int
    client_id: str = ""
    clean_session: bool = True
    keepalive_s: int = 0
    username: str = ""
    password: str = field(default="", repr=False)


def parse(packet: bytes, header_length: int) -> ConnectPacket:
    """Parse ``packet``, whose fixed header has ``header_length`` bytes.

    Raises:
        ValueError: The packet is not a CONNECT, or is malformed.
    """
    if packet[0] != 0x10:
        msg = "not a CONNECT"
        raise ValueError(msg)
    rest = packet[header_length:]
    name, rest = _cut(rest)
    if name not in {b"MQTT", b"MQIsdp"} or len(rest) < 4:
        msg = "not MQTT"
        raise ValueError(msg)
    level, flags, keepalive_s = struct.unpack_from("!BBH", rest)
    if level != ACCEPTED_LEVEL or name != b"MQTT":
        return ConnectPacket(level if name == b"MQTT" else 3)
    texts: list[bytes] = []
    rest = rest[4:]
    for wanted in (True, flags & 4, flags & 4, flags & 0x80, flags & 0x40):
        text, rest = _cut(rest) if wanted else (b"", rest)
        texts.append(text)
    if rest or flags & 1:
        msg = "bytes that belong to no field"
        raise ValueError(msg)
    client_id, username, password = (text.decode("utf-8") for text in (texts[0], texts[3], texts[4]))
    return ConnectPacket(level, client_id, bool(flags & 2), keepalive_s, username, password)


def with_client_id(packet: bytes, header_length: int, client_id: str) -> bytes:
    """Return ``packet``, which has an empty client id, with ``client_id`` inserted."""
    text = client_id.encode()
    at = header_length + _VARIABLE_HEADER
    body = packet[header_length:at] + len(text).to_bytes(2, "big") + text + packet[at + 2 :]
    left, length = len(body), b""
    while left or not length:
        length += bytes([left & 0x7F | (0x80 if left > 0x7F else 0)])
        left >>= 7
    return packet[:1] + length + body


def _cut(data: bytes) -> tuple[bytes, bytes]:
    """Split data that begins with a length-prefixed text into ``(text, rest)``."""
    if len(data) < 2 or len(data) - 2 < (length := int.from_bytes(data[:2], "big")):
        msg = "cut short"
        raise ValueError(msg)
    return data[2 : 2 + length], data[2 + length :]
