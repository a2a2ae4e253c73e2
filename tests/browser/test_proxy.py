"""The page behind real reverse proxies, set up as docs/kiosk.md says, in a real browser."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest

from tests.fixtures.proxies import documented

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
pytest.importorskip("starlette", reason="the extra `kiosk` is not installed")
httpx2 = pytest.importorskip("httpx2", reason="visitors send with httpx2")

from edge.kiosk.passwords import make_hash

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

pytestmark = pytest.mark.timeout(400)
PASSWORD = "correct horse"
WAIT_MS = 60_000


@pytest.fixture(scope="module")
def device_settings(tmp_path_factory: pytest.TempPathFactory) -> dict[str, object]:
    path = tmp_path_factory.mktemp("hash") / "operator"
    path.write_text(make_hash(PASSWORD) + "\n")
    return {
        "kiosk.password_file": path,
        "kiosk.trusted_proxies": "127.0.0.1",
        "kiosk.visitors": True,
        "kiosk.live_picture": True,
        "source.uri": "virtual",
    }


def site(kind: str, served: Any) -> str:
    """The documented example, for this device and on a port of its own."""
    text = documented(kind).replace("127.0.0.1:8080", served.sink.url.removeprefix("http://"))
    text = text.replace("listen 80;", "listen 127.0.0.1:PORT;").replace("face.example.org {", "http://127.0.0.1:PORT {")
    assert "PORT" in text
    return text


@pytest.fixture(params=["nginx", "caddy", "nginx without a word"])
def proxied(request: pytest.FixtureRequest, served: Any) -> str:
    """The address of the device below ``/face/`` of a proxy."""
    kind = request.param.split()[0]
    text = site(kind, served)
    if kind != request.param:
        text = re.sub(r" *proxy_set_header .*\n", "", text)
    url: str = request.getfixturevalue(kind)(text).url
    return f"{url}/face"


@pytest.fixture
def come(chromium: Any, proxied: str) -> Iterator[Callable[..., Any]]:
    """``come(path)``: a page of one browser, which must log no error and ask for nothing outside of ``/face/``."""
    problems: list[str] = []
    context = chromium.new_context(viewport={"width": 1280, "height": 900}, reduced_motion="reduce")
    context.set_default_timeout(WAIT_MS)

    def check(url: str) -> None:
        if not url.startswith(f"{proxied}/") and not url.startswith(("data:", "blob:")):
            problems.append(url)

    def go(path: str) -> Any:
        page = context.new_page()
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on("request", lambda request: check(request.url))
        # 401: what the page still asks for on its way out
        page.on(
            "response",
            lambda one: problems.append(f"{one.status} {one.url}") if one.status >= 400 and one.status != 401 else None,
        )
        page.goto(proxied + path)
        return page

    yield go
    context.close()
    assert problems == []


def enter(page: Any) -> None:
    page.fill("#password", PASSWORD)
    page.click("#enter")


def test_an_operator_works_below_the_path(come: Callable[..., Any], proxied: str, eventually: Any) -> None:
    page = come("/operator")
    page.wait_for_url(f"{proxied}/login?next=%2Foperator")
    enter(page)
    page.wait_for_url(f"{proxied}/operator")
    page.wait_for_selector("body.may-operate")
    if page.locator("#consent[open]").count():
        page.check("input[value=audience]")
        page.check("input[name=told]")
        page.click("#consent button[type=submit]")
    page.wait_for_selector("#consent:not([open])", state="attached")
    assert eventually(lambda: page.evaluate("document.querySelector('#picture').naturalWidth") > 0, WAIT_MS / 1000)
    page.fill("#marker-label", "through the proxy")
    page.press("#marker-label", "Enter")
    playwright.expect(page.locator("#events")).to_contain_text("through the proxy")
    come("/").wait_for_selector("body:not([data-scene=starting]):not([data-scene=lost])")
    come("/about").click("text=Sign")
    assert come("/sessions").locator("h1").count() == 1
    page.click("#logout")
    page.wait_for_url(f"{proxied}/login")


def test_a_picture_is_sent_and_read_below_the_path(
    come: Callable[..., Any], proxied: str, portrait_path: Any, eventually: Any
) -> None:
    page = come("/login?next=/analyze")
    enter(page)
    page.wait_for_url(f"{proxied}/analyze")
    page.set_input_files("input[type=file]", str(portrait_path))
    page.wait_for_selector("#view img")
    assert eventually(lambda: page.evaluate("document.querySelector('#view img').naturalWidth") > 0, WAIT_MS / 1000)


@pytest.mark.parametrize(("kind", "network"), [("nginx", "127.0.1"), ("caddy", "127.0.2")])
def test_a_stranger_who_guesses_does_not_lock_out_the_operator(
    kind: str, network: str, served: Any, request: pytest.FixtureRequest
) -> None:
    """The proxy names the clients; they are told apart by the address from which they connect to it."""
    url = request.getfixturevalue(kind)(site(kind, served)).url

    def login(password: str, source: str) -> int:
        transport = httpx2.HTTPTransport(local_address=source)
        with httpx2.Client(transport=transport, timeout=60) as client:
            token = client.get(f"{url}/face/api/visit").json()["csrf"]
            # what clients claim themselves counts for nothing
            headers = {"x-csrf-token": token, "origin": url, "x-forwarded-for": "192.0.2.1"}
            return int(client.post(f"{url}/face/api/login", json={"password": password}, headers=headers).status_code)

    assert [login("wrong", f"{network}.9") for _ in range(5)] == [403] * 5
    assert login(PASSWORD, f"{network}.9") == 429
    assert login(PASSWORD, f"{network}.7") == 200


@pytest.mark.parametrize(
    "lines",
    ["", "proxy_set_header Host $host;", "proxy_set_header Host $http_host;", "proxy_set_header Host $proxy_host;"],
)
def test_forms_of_host_that_proxies_pass_on(lines: str, served: Any, nginx: Callable[[str], Any]) -> None:
    target = served.sink.url
    proxy = nginx(f"server {{ listen 127.0.0.1:PORT; location / {{ proxy_pass {target}; {lines} }} }}")
    with httpx2.Client(base_url=proxy.url, timeout=60) as client:
        token = client.get("/api/visit").json()["csrf"]
        headers = {"x-csrf-token": token, "origin": proxy.url}
        assert client.post("/api/login", json={"password": PASSWORD}, headers=headers).status_code == 200
        assert client.get("/operator").status_code == 200


def test_events_and_large_uploads_come_through(served: Any, nginx: Callable[[str], Any]) -> None:
    url = nginx(site("nginx", served)).url + "/face"
    with httpx2.Client(timeout=60) as client:
        token = client.get(f"{url}/api/visit").json()["csrf"]
        entered = client.post(f"{url}/api/login", json={"password": PASSWORD}, headers={"x-csrf-token": token})
        headers = {"x-csrf-token": entered.json()["csrf"]}
        with client.stream("GET", f"{url}/api/live") as stream:
            lines = stream.iter_lines()
            assert next(lines) == "event: hello"
            assert any(line.startswith("event: mood") for line in lines)
        # a bitmap beyond nginx' usual bound of 1 MB; what it holds is not looked at here
        head, size = b"BM", 3_000_000
        body = {"name": "a.bmp", "size": size, "head": "Qk0AAAAAAAAAADYAAAAoAAAA"}
        told = client.post(f"{url}/api/analyze/files", json=body, headers=headers)
        assert told.status_code == 201, told.text
        sent = client.put(
            f"{url}/api/analyze/files/{told.json()['id']}", content=head + bytes(size - 2), headers=headers
        )
        assert sent.status_code == 200, sent.text
