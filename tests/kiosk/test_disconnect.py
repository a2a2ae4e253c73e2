"""A client that goes in the middle of its request is no error of the page's."""

from __future__ import annotations

import asyncio
import logging
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import httpx2
import pytest

from edge.kiosk.server import Server

if TYPE_CHECKING:
    from collections.abc import Callable

    from edge.kiosk.app import Kiosk


def sent(kiosk: Kiosk, browser: Any, method: str, path: str) -> list[dict[str, Any]]:
    """What the page sends where only half a body comes, and then the end of the connection."""
    cookies = "; ".join(f"{name}={value}" for name, value in browser.client.cookies.items())
    headers = {"host": "localhost:8080", "cookie": cookies, "x-csrf-token": browser.token}
    headers |= {"content-type": "application/json", "content-length": "1000"}
    scope = {
        "type": "http",
        "http_version": "1.1",
        "method": method,
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "scheme": "http",
        "client": ("192.0.2.7", 1),
        "server": ("localhost", 8080),
        "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
    }
    came: list[dict[str, Any]] = [
        {"type": "http.request", "body": b"{", "more_body": True},
        {"type": "http.disconnect"},
    ]
    answers: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return came.pop(0) if len(came) > 1 else came[0]

    async def send(message: Any) -> None:
        answers.append(message)

    asyncio.run(kiosk.app(scope, receive, send))
    return answers


@pytest.mark.parametrize("path", ["/api/login", "/api/mark", "/api/display", "/api/session/start", "/api/consent"])
def test_half_a_body_is_no_error_in_the_log(
    open_kiosk: Kiosk, browser: Callable[..., Any], caplog: pytest.LogCaptureFixture, path: str
) -> None:
    visitor = browser(open_kiosk)
    visitor.visit()
    answers = sent(open_kiosk, visitor, "POST", path)
    assert [each.get("status") for each in answers[:1]] in ([], [400], [409])
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR]


def test_a_request_that_the_end_of_the_page_cuts_short_is_no_error(
    make_kiosk: Any, cheap_hashes: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    kiosk = make_kiosk(port=0, **cheap_hashes)
    at_work, go_on = threading.Event(), threading.Event()

    def compute(_password: str) -> None:
        at_work.set()
        go_on.wait(60)

    monkeypatch.setattr(kiosk.logins.verifier, "_compute", compute)
    served = Server(kiosk)
    served.start()
    try:
        client = httpx2.Client(base_url=served.url, timeout=60)
        token = client.get("/api/visit").json()["csrf"]
        with ThreadPoolExecutor(1) as pool:
            headers = {"x-csrf-token": token}
            pool.submit(lambda: client.post("/api/login", json={"password": "it takes long"}, headers=headers))
            assert at_work.wait(60)
            served.stop()
    finally:
        go_on.set()
        served.stop()
    assert not [record for record in caplog.records if record.exc_info]
