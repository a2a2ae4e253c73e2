"""Every answer that leaves the page's port, to requests that no browser would make as well, carries every header."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, Any

import pytest

pytest.importorskip("starlette", reason="the extra `kiosk` is not installed")

from edge.kiosk.guard import ALWAYS
from edge.kiosk.server import Server

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

HOST = b"Host: localhost\r\n"
REQUESTS: dict[bytes, int | None] = {
    b"garbage\r\n\r\n": 400,
    b"\x00\x01\x02\x03\r\n\r\n": 400,
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(100) + b"\r\n\r\n": 400,
    b"GET /login\r\n\r\n": 400,
    b"GET /login HTTP/9.9\r\n\r\n": None,
    b"GET /login HTTP/1.1\r\n\r\n": 400,
    b"GET /login HTTP/1.1\r\n" + HOST + HOST + b"\r\n": 400,
    b"GET /login HTTP/1.1\r\n" + HOST + b"Bad Header: x\r\n\r\n": 400,
    b"GET /login HTTP/1.1\r\n" + HOST + b"X: " + b"a" * 40_000 + b"\r\n\r\n": None,
    b"GET /" + b"a" * 40_000 + b" HTTP/1.1\r\n" + HOST + b"\r\n": None,
    b"POST /api/login HTTP/1.1\r\n" + HOST + b"Content-Length: x\r\n\r\n": 400,
    b"POST /api/login HTTP/1.1\r\n" + HOST + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\n": 400,
    b"POST /api/login HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: gzip\r\n\r\n": 400,
    b"GET /login HTTP/1.0\r\n\r\n": 421,
    b"GET /login HTTP/1.1\r\nHost: evil.example\r\n\r\n": 421,
    b"POST /api/login HTTP/1.1\r\n" + HOST + b"Content-Length: 999999999\r\n\r\n": 413,
    b"GET /nothing HTTP/1.1\r\n" + HOST + b"\r\n": 404,
    b"GET /static/css/base.css HTTP/1.1\r\n" + HOST + b"\r\n": 200,
    b"GET /static/nothing HTTP/1.1\r\n" + HOST + b"\r\n": 404,
    b"HEAD /login HTTP/1.1\r\n" + HOST + b"\r\n": 200,
    b"DELETE /login HTTP/1.1\r\n" + HOST + b"\r\n": 405,
    b"OPTIONS * HTTP/1.1\r\n" + HOST + b"\r\n": None,
    b"CONNECT localhost:1 HTTP/1.1\r\n" + HOST + b"\r\n": None,
    b"GET http://localhost/login HTTP/1.1\r\n" + HOST + b"\r\n": None,
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n": None,
    b"GET /login HTTP/1.1\r\n" + HOST + b"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n": None,
    b"POST /api/login HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n": None,
}  # fmt: skip


@pytest.fixture
def port(make_kiosk: Callable[..., Any]) -> Iterator[int]:
    served = Server(make_kiosk(port=0))
    served.start()
    yield served._port
    served.stop()


def answers(port: int, request: bytes) -> list[list[str]]:
    """Heads of the answers to ``request``, as lines."""
    with socket.create_connection(("127.0.0.1", port), timeout=30) as line:
        line.sendall(request)
        data = b""
        while b"\r\n\r\n" not in data and (piece := line.recv(65536)):
            data += piece
    heads = [part.partition(b"\r\n\r\n")[0] for part in data.split(b"HTTP/1.1 ")[1:]]
    return [head.decode("latin-1").split("\r\n") for head in heads]


@pytest.mark.parametrize("request_", REQUESTS, ids=lambda one: repr(one[:30]))
def test_every_answer_carries_every_header(port: int, request_: bytes) -> None:
    found = answers(port, request_)
    assert found or request_.startswith(b"POST"), "no answer"
    for head in found:
        names = {line.partition(":")[0].lower() for line in head[1:]}
        assert {name.lower() for name in ALWAYS} <= names, head
    expected = REQUESTS[request_]
    if expected is not None:
        assert found[0][0].startswith(f"{expected} ")
