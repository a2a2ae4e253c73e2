"""Detection of the protocol on a port, for brokers that close a connection without a reason."""

from __future__ import annotations

import contextlib
import secrets
import socket
import ssl

TIMEOUT_S = 2.0
_TLS_RECORDS = {0x15, 0x16}
"""Record types alert and handshake; every answer of a TLS server begins with one of them."""
_CONNACK = 0x20


def speaks_tls(host: str, port: int, *, timeout_s: float = TIMEOUT_S) -> bool:
    """Return whether the port answers a TLS ClientHello in TLS; nothing is verified and no secret is sent."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    greeting = ssl.MemoryBIO()
    with contextlib.suppress(ssl.SSLWantReadError):
        context.wrap_bio(ssl.MemoryBIO(), greeting).do_handshake()
    answer = _answer(host, port, greeting.read(), timeout_s)
    return len(answer) > 1 and answer[0] in _TLS_RECORDS and answer[1] == 3


def speaks_mqtt(host: str, port: int, *, timeout_s: float = TIMEOUT_S) -> bool:
    """Return whether the port answers an MQTT 3.1.1 CONNECT without TLS, even by a refusal; no secret is sent."""
    name = f"probe-{secrets.token_hex(4)}".encode()
    body = b"\0\4MQTT\4\2\0\5" + len(name).to_bytes(2, "big") + name
    answer = _answer(host, port, bytes([0x10, len(body)]) + body, timeout_s)
    return answer[:1] == bytes([_CONNACK])


def _answer(host: str, port: int, greeting: bytes, timeout_s: float) -> bytes:
    """Return the first bytes of the answer, or nothing if there is none."""
    try:
        with socket.create_connection((host, port), timeout_s) as line:
            line.settimeout(timeout_s)
            line.sendall(greeting)
            return line.recv(2)
    except (OSError, UnicodeError):
        return b""
