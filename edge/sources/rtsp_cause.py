"""Diagnosis of an RTSP camera whose stream FFmpeg cannot play."""

from __future__ import annotations

import hashlib
import socket
import urllib.request
from base64 import b64encode
from typing import TYPE_CHECKING

from edge.sources.stream_causes import nothing_sent, of_connection, of_status, target, unverified

if TYPE_CHECKING:
    from edge.sources.stream_causes import Target


def cause(uri: str, timeout_s: float) -> str:
    """Return why ``uri`` gives no video; takes about three times ``timeout_s`` at most."""
    to = target(uri)
    try:
        with socket.create_connection((to.host, to.port), timeout_s) as plain:
            connection = unverified().wrap_socket(plain, server_hostname=to.host) if to.encrypted else plain
            try:
                answer = _describe(connection, to, 1, None)
                if _status(answer) == 401 and to.user is not None and (proof := _authorization(answer, to)):
                    answer = _describe(connection, to, 2, proof)
            except TimeoutError:
                return nothing_sent(to)
    except OSError as error:
        return of_connection(error, to)
    status = _status(answer)
    if status is None:
        other = "speaks HTTP" if answer.startswith("HTTP/") else "does not speak RTSP"
        return f"port {to.port} {other}; check the port (RTSP's usual one is 554) and the scheme"
    return of_status(status, to) or (
        "it describes its stream, but sends none that can be played; set the camera to H.264, and allow RTSP over TCP"
    )


def _describe(connection: socket.socket, to: Target, number: int, authorization: str | None) -> str:
    lines = [f"DESCRIBE {_address(to)} RTSP/1.0", f"CSeq: {number}", "Accept: application/sdp"]
    lines += [] if authorization is None else [f"Authorization: {authorization}"]
    connection.sendall(("\r\n".join(lines) + "\r\n\r\n").encode("utf-8", "surrogateescape"))
    answer = b""
    while b"\r\n\r\n" not in answer and len(answer) < 8192:
        piece = connection.recv(4096)
        if not piece:
            break
        answer += piece
    if not answer:
        raise ConnectionResetError
    return answer.decode("latin-1")


def _status(answer: str) -> int | None:
    words = answer.split(maxsplit=2)
    return int(words[1]) if len(words) > 1 and words[0].startswith("RTSP/") and words[1].isdecimal() else None


def _authorization(answer: str, to: Target) -> str | None:
    """Return the authorization header for the challenge in ``answer``: Digest in preference to Basic."""
    challenges = dict(
        line.partition(":")[2].strip().partition(" ")[::2]
        for line in answer.splitlines()
        if line.lower().startswith("www-authenticate:")
    )
    if "Digest" in challenges:
        fields = urllib.request.parse_keqv_list(urllib.request.parse_http_list(challenges["Digest"]))
        realm, nonce = fields.get("realm", ""), fields.get("nonce", "")
        who = _md5(f"{to.user}:{realm}:{to.password}")
        proof = _md5(f"{who}:{nonce}:{_md5(f'DESCRIBE:{_address(to)}')}")
        return (
            f'Digest username="{to.user}", realm="{realm}", nonce="{nonce}", uri="{_address(to)}", response="{proof}"'
        )
    if "Basic" in challenges:
        return "Basic " + b64encode(f"{to.user}:{to.password}".encode()).decode()
    return None


def _address(to: Target) -> str:
    host = f"[{to.host}]" if ":" in to.host else to.host
    return f"{to.scheme}://{host}:{to.port}{to.path}"


def _md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()
