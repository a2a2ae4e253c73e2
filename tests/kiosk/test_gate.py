"""Rules that hold for every route there is, also for those that are added later."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
from starlette.routing import BaseRoute, Mount, Route
from starlette.testclient import TestClient

if TYPE_CHECKING:
    from collections.abc import Iterator

PASSWORD = "correct horse"
OPEN = {"/login", "/about", "/sign", "/certificate.pem", "/api/visit"}
"""What strangers may read; everything else asks who they are."""
HEADERS = (
    "content-security-policy",
    "x-content-type-options",
    "x-frame-options",
    "referrer-policy",
    "cross-origin-opener-policy",
    "cross-origin-resource-policy",
    "permissions-policy",
    "cache-control",
)


def every(routes: list[BaseRoute]) -> Iterator[tuple[str, str]]:
    """Method and path of each route, placeholders filled."""
    for route in routes:
        if isinstance(route, Route):
            path = re.sub(r"{[^}]*}", "x", route.path)
            yield from ((method, path) for method in sorted(route.methods or ()))
        else:
            assert isinstance(route, Mount), f"nobody has thought about {route}"


@pytest.fixture
def client(guarded: Any) -> TestClient:
    return TestClient(guarded.app, base_url="http://localhost:8080", follow_redirects=False)


def test_strangers_may_do_nothing(guarded: Any, client: TestClient) -> None:
    csrf = client.get("/api/visit").json()["csrf"]
    for method, path in every(guarded.app.routes):
        if path in OPEN and method in {"GET", "HEAD"}:
            continue
        answer = client.request(method, path, headers={"x-csrf-token": csrf}, content=b"{}")
        allowed = {"/api/logout": 200, "/api/login": 415}
        assert answer.status_code in {401, 403, 303} or allowed.get(path) == answer.status_code, (method, path)


def test_whatever_changes_something_wants_the_pages_token(guarded: Any, client: TestClient, inbox: Any) -> None:
    csrf = client.get("/api/visit").json()["csrf"]
    entered = client.post("/api/login", json={"password": PASSWORD}, headers={"x-csrf-token": csrf})
    assert entered.json()["role"] == "operator"
    own = {"x-csrf-token": entered.json()["csrf"]}
    forged = [
        {},
        {"x-csrf-token": csrf},
        own | {"origin": "http://evil.example"},
        own | {"sec-fetch-site": "same-site"},
    ]
    for method, path in every(guarded.app.routes):
        if method in {"GET", "HEAD"}:
            continue
        for headers in forged:
            answer = client.request(method, path, headers=headers, content=b"{}")
            assert (answer.status_code, answer.json().get("error")) == (403, "forged"), (method, path, headers)
    assert inbox.asked == []


def test_every_answer_carries_every_header(guarded: Any, client: TestClient) -> None:
    asked = [*every(guarded.app.routes), ("GET", "/nothing"), ("GET", "/static/nothing"), ("TRACE", "/login")]
    asked += [("GET", "/static/js/live.js"), ("POST", "/login"), ("GET", "/static/css/base.css"), ("GET", "/static")]
    for method, path in asked:
        headers = client.request(method, path, content=b"{}" if method not in {"GET", "HEAD"} else None).headers
        assert [name for name in HEADERS if name not in headers] == [], (method, path)
    for path in ("/login", "/nothing"):
        refused = client.get(path, headers={"host": "evil.example"})
        assert [name for name in HEADERS if name not in refused.headers] == []


def test_an_answer_to_a_fault_carries_them_too_and_tells_nothing(guarded: Any) -> None:
    async def fail(_request: Any) -> Any:
        msg = "the secret is 42"
        raise RuntimeError(msg)

    guarded.app.router.routes.append(Route("/fault", fail))
    careless = TestClient(guarded.app, base_url="http://localhost", raise_server_exceptions=False)
    answer = careless.get("/fault")
    assert answer.status_code == 500
    assert "42" not in answer.text
    assert [name for name in HEADERS if name not in answer.headers] == []


def test_logging_out_often_brings_no_old_cookie_back(guarded: Any, browser: Any) -> None:
    one = browser(guarded)
    one.login(PASSWORD)
    stolen = one.client.cookies.get(guarded.access.cookie_below())
    assert guarded.access.visit(stolen).role.name == "OPERATOR"
    one.post("logout")
    for _ in range(1100):
        guarded.access.revoke(guarded.access.visit(None))
    assert guarded.access.visit(stolen).role.name == "NOBODY"


@pytest.mark.parametrize(
    "path", ["/static/%2e%2e/%2e%2e/app.py", "/static/js/..%2f..%2fapp.py", "/static/js%5c..%5capp.py"]
)
def test_encoded_paths_stay_inside(client: TestClient, path: str) -> None:
    answer = client.get(path)
    assert answer.status_code == 404
    assert "import" not in answer.text
