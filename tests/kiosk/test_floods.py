"""Strangers without a password flood a page that really serves; others get in all the same."""

from __future__ import annotations

import errno
import http.client
import logging
import socket
import ssl
import time
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import pytest

pytest.importorskip("starlette", reason="the extra `kiosk` is not installed")

from edge.kiosk import acceptor, protocol, server
from edge.kiosk.refusals import EVERY_S, OncePerMinute, Refusals
from edge.kiosk.roles import Role
from edge.kiosk.server import Server
from tests.fixtures.connections import is_cut_off

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from edge.kiosk.app import Kiosk

HOST = b"Host: localhost\r\n"


class Address:
    """Where a page is served, and its clients."""

    def __init__(self, kiosk: Kiosk, served: Server, stack: ExitStack) -> None:
        self.kiosk = kiosk
        self.port = int(served.url.rpartition(":")[2])
        self._stack = stack
        self.server = served

    def connect(self, source: str = "127.0.0.1", data: bytes = b"") -> socket.socket:
        made = self._stack.enter_context(socket.socket())
        made.settimeout(60)
        made.bind((source, 0))
        made.connect(("127.0.0.1", self.port))
        made.sendall(data)
        return made

    def get(self, source: str = "127.0.0.1", path: str = "/api/visit") -> int:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60, source_address=(source, 0))
        try:
            connection.request("GET", path)
            return connection.getresponse().status
        finally:
            connection.close()

    def get_over_tls(self) -> int:
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        connection = http.client.HTTPSConnection("127.0.0.1", self.port, timeout=60, context=context)
        try:
            connection.request("GET", "/api/visit")
            return connection.getresponse().status
        finally:
            connection.close()

    @property
    def connections(self) -> int:
        return len(self.server._server.table)  # type: ignore[union-attr]


@pytest.fixture
def serve(make_kiosk: Callable[..., Kiosk]) -> Iterator[Callable[..., Address]]:
    with ExitStack() as stack:

        def start(**settings: Any) -> Address:
            kiosk = make_kiosk(port=0, **settings)
            served = Server(kiosk)
            served.start()
            stack.callback(served.stop)
            return Address(kiosk, served, stack)

        yield start


@pytest.mark.parametrize("begun", [b"", b"GET / HTTP/1.1\r\nHost: loc", b"POST /api/mark HTTP/1.1\r\n" + HOST])
def test_silent_and_slow_connections_keep_nobody_out(serve: Callable[..., Address], begun: bytes) -> None:
    page = serve(max_viewers=8)
    for number in range(450):  # more than one address, and all together, may have
        page.connect(f"127.0.0.{10 + number % 4}", begun)
    assert page.get() == 200, "the device's own screen"
    assert page.get("127.0.0.2") == 200
    assert page.get("127.0.0.10") == 200, "an address makes room for itself"
    assert page.connections <= 8 + server._SPARE_CONNECTIONS


@pytest.mark.parametrize(
    "sent",
    [
        b"",
        b"GET / HTTP/1.1\r\nHo",
        b"GET /api/visit HTTP/1.1\r\n" + HOST + b"\r\nGET / HT",
        b"POST /api/login HTTP/1.1\r\n" + HOST + b"Content-Length: 9\r\n\r\n{",
        b"GET /nothing HTTP/1.1\r\n" + HOST + b"Content-Length: 9999\r\n\r\n{",
    ],
    ids=["silent", "head", "second head", "body", "body that nobody reads"],
)
def test_what_does_not_come_in_time_ends_the_connection(
    serve: Callable[..., Address], sent: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(protocol, "HEAD_S", 0.3)
    monkeypatch.setattr(protocol, "BODY_WINDOW_S", 0.3)
    client = serve().connect(data=sent)
    while client.recv(1 << 16):
        pass


def test_a_body_that_drips_ends_the_connection(
    serve: Callable[..., Address], monkeypatch: pytest.MonkeyPatch, eventually: Any
) -> None:
    monkeypatch.setattr(protocol, "BODY_WINDOW_S", 0.5)
    client = serve().connect(data=b"POST /api/login HTTP/1.1\r\n" + HOST + b"Content-Length: 9999\r\n\r\n")
    client.settimeout(0.05)
    assert eventually(lambda: is_cut_off(client, sending=b" "))


def test_an_answer_that_is_not_read_ends_the_connection(
    serve: Callable[..., Address], monkeypatch: pytest.MonkeyPatch, eventually: Any
) -> None:
    monkeypatch.setattr(protocol, "UNREAD_S", 0.3)
    monkeypatch.setattr(protocol, "CLOSING_S", 0.3)
    page = serve()
    client = page.connect()
    client.setblocking(False)
    asked = b"GET /static/css/base.css HTTP/1.1\r\n" + HOST + b"\r\n"

    def goes_on_asking_until_it_is_gone() -> bool:
        try:
            client.send(asked * 100)
        except BlockingIOError:
            pass
        except OSError:
            return True
        return page.connections == 0

    assert eventually(goes_on_asking_until_it_is_gone)


def test_a_film_may_wait_for_its_browser_and_still_makes_room(
    serve: Callable[..., Address], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, eventually: Any
) -> None:
    (tmp_path / "a.mp4").write_bytes(bytes(20_000_000))
    monkeypatch.setattr(protocol, "UNREAD_S", 0.3)
    page = serve(media_dir=tmp_path, max_viewers=8)
    films = [page.connect("127.0.0.5", b"GET /media/a.mp4 HTTP/1.1\r\n" + HOST + b"\r\n") for _ in range(3)]
    assert all(film.recv(15) == b"HTTP/1.1 200 OK" for film in films)
    time.sleep(2.5)  # two looks at time limits
    assert page.connections == 3
    for _ in range(150):
        page.connect("127.0.0.5")
    assert eventually(lambda: page.connections <= (8 + server._SPARE_CONNECTIONS) // 2)
    assert page.get("127.0.0.5") == 200


def test_a_handshake_has_a_time_limit_too(serve: Callable[..., Address], monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("cryptography", reason="the extra `kiosk` is not installed")
    page = serve(tls="self-signed")
    with monkeypatch.context() as patch:
        patch.setattr(acceptor, "HANDSHAKE_S", 0.3)
        assert page.connect().recv(1) == b""
    assert page.get_over_tls() == 200


def test_unfinished_handshakes_keep_nobody_out(serve: Callable[..., Address]) -> None:
    pytest.importorskip("cryptography", reason="the extra `kiosk` is not installed")
    page = serve(tls="self-signed", max_viewers=8)
    for number in range(450):
        page.connect(f"127.0.0.{10 + number % 4}", b"\x16\x03\x01")
    assert page.get_over_tls() == 200


def test_streams_of_one_address_leave_places_for_others(serve: Callable[..., Address], hashes: dict[str, Any]) -> None:
    page = serve(host="0.0.0.0", max_viewers=8, open_to_viewers=True, **hashes)
    answers = []
    for _ in range(8):
        client = page.connect("127.0.0.5", b"GET /api/live HTTP/1.1\r\n" + HOST + b"\r\n")
        answers.append(client.recv(12)[9:])
    assert answers == [b"200"] * 4 + [b"503"] * 4
    assert page.get("127.0.0.6", "/api/live") == 200


def test_an_operator_gets_in_from_the_very_address_that_floods(
    serve: Callable[..., Address], hashes: dict[str, Any]
) -> None:
    page = serve(host="0.0.0.0", max_viewers=8, open_to_viewers=True, **hashes)
    access = page.kiosk.access
    _, value = access.new(Role.OPERATOR)
    cookie = f"{access.cookie_below()}={value}"
    asked = b"GET /api/live HTTP/1.1\r\n" + HOST
    for _ in range(12):
        page.connect("127.0.0.5", asked + b"\r\n").recv(12)
    operator = page.connect("127.0.0.5", asked + f"Cookie: {cookie}\r\n\r\n".encode())
    assert operator.recv(12)[9:] == b"200"


def test_a_trusted_proxy_has_as_many_connections_as_there_are(
    serve: Callable[..., Address], hashes: dict[str, Any], eventually: Any
) -> None:
    page = serve(trusted_proxies="127.0.0.9", max_viewers=8, **hashes)
    for _ in range(200):
        page.connect("127.0.0.9")
        page.connect("127.0.0.5")
    assert eventually(lambda: page.connections == 8 + server._SPARE_CONNECTIONS)
    held = [site for site, _ in page.server._server.table.all()]  # type: ignore[union-attr]
    assert held.count("127.0.0.9") >= 8 + server._SPARE_CONNECTIONS - (8 + server._SPARE_CONNECTIONS) // 2
    assert page.get("127.0.0.9") == page.get() == 200


class Listener:
    """A listener that has no descriptor left for some time."""

    def __init__(self, listener: socket.socket, failures: int) -> None:
        self._listener, self.failures, self.calls = listener, failures, 0

    def accept(self) -> Any:
        self.calls += 1
        if self.failures:
            self.failures -= 1
            raise OSError(errno.EMFILE, "Too many open files")
        return self._listener.accept()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._listener, name)


def test_without_a_free_descriptor_it_waits_and_says_so_once(
    serve: Callable[..., Address], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, eventually: Any
) -> None:
    made: list[Listener] = []
    listen = server._listen

    def fail_at_first(host: str, port: int) -> Any:
        made.append(Listener(listen(host, port), 3))
        return made[-1]

    monkeypatch.setattr(server, "_listen", fail_at_first)
    monkeypatch.setattr(acceptor, "_PAUSE_S", 0.2)
    with caplog.at_level(logging.WARNING):
        page = serve()
        began = time.monotonic()
        assert page.get() == 200
        assert time.monotonic() - began > 0.55, "it looks again after a pause each time"
        assert made[0].calls < 20
        assert eventually(lambda: "no descriptor was free" in caplog.text)
    assert caplog.text.count("no descriptor was free") == 1


def test_a_flood_of_bad_requests_is_a_line(serve: Callable[..., Address], caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        page = serve()
        for one in logging.getLogger("uvicorn.error").filters:
            if isinstance(one, OncePerMinute):
                one._written.clear()
        for _ in range(100):
            client = page.connect(data=b"garbage\r\n\r\n")
            while client.recv(4096):
                pass
    assert caplog.text.count("Invalid HTTP request") == 1


def test_refusals_are_a_line_a_minute_with_a_count(caplog: pytest.LogCaptureFixture) -> None:
    now = [0.0]
    refusals = Refusals(clock=lambda: now[0])
    with caplog.at_level(logging.WARNING):
        for second in range(int(2 * EVERY_S)):
            now[0] = float(second)
            for number in range(1000):
                refusals.note("too many from one address", f"192.0.2.{number % 250}")
            refusals.report()
    lines = [record.getMessage() for record in caplog.records]
    assert len(lines) == 2
    assert "60000 x too many from one address" in lines[1]


def test_a_line_that_is_held_back_is_counted() -> None:
    now = [0.0]
    held = OncePerMinute(clock=lambda: now[0])

    def passes(text: str) -> str | None:
        record = logging.LogRecord("x", logging.WARNING, "", 0, text, None, None)
        return record.getMessage() if held.filter(record) else None

    assert [passes("a"), passes("a"), passes("b"), passes("a")] == ["a", None, "b", None]
    now[0] = EVERY_S
    assert passes("a") == "a (2 more like it since the last line)"
