"""A client that goes in the middle of its request is no error of the page's."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any

import pytest

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
