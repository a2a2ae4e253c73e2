"""Reverse proxies: whose headers are believed, and pages below a path."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from starlette.testclient import TestClient

from edge import config as configuration
from edge.config.networks import Networks
from edge.core.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable

PASSWORD = "correct horse"
PROXY, STRANGER, OPERATOR = "10.0.0.2", "203.0.113.9", "198.51.100.7"
PUBLIC = {"host": "face.example.org", "x-forwarded-host": "face.example.org", "x-forwarded-proto": "https"}
KIOSK = Path("edge/kiosk")


@pytest.fixture
def behind(make_kiosk: Callable[..., Any], hashes: dict[str, Path]) -> Callable[..., Any]:
    """``behind(trusted="10.0.0.2", **settings)``: a kiosk of the network that believes these proxies."""

    def make(trusted: str = PROXY, **settings: Any) -> Any:
        return make_kiosk(host="0.0.0.0", trusted_proxies=trusted, hostnames="face.example.org", **hashes, **settings)

    return make


def from_(kiosk: Any, address: str, host: str = "localhost:8080") -> TestClient:
    return TestClient(kiosk.app, base_url=f"http://{host}", follow_redirects=False, client=(address, 1))


def login(client: TestClient, password: str, **headers: str) -> Any:
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    token = client.get("/api/visit", headers=sent).json()["csrf"]
    return client.post("/api/login", json={"password": password}, headers=sent | {"x-csrf-token": token})


def guess_wrong(client: TestClient, forwarded: str) -> None:
    assert [login(client, "wrong", x_forwarded_for=forwarded).status_code for _ in range(5)] == [403] * 5


def test_one_who_guesses_behind_a_proxy_locks_out_nobody_else(behind: Callable[..., Any]) -> None:
    client = from_(behind(), PROXY)
    guess_wrong(client, STRANGER)
    assert login(client, PASSWORD, x_forwarded_for=STRANGER).status_code == 429
    assert login(client, PASSWORD, x_forwarded_for=OPERATOR).status_code == 200


def test_what_a_client_adds_itself_is_not_believed(behind: Callable[..., Any]) -> None:
    client = from_(behind(), PROXY)
    for attempt in range(5):
        assert login(client, "wrong", x_forwarded_for=f"192.0.2.{attempt}, {STRANGER}").status_code == 403
    assert login(client, PASSWORD, x_forwarded_for=f"192.0.2.99, {STRANGER}").status_code == 429


def test_nobody_else_is_believed(behind: Callable[..., Any], caplog: pytest.LogCaptureFixture) -> None:
    client = from_(behind(), "10.0.0.3")
    for attempt in range(5):
        assert login(client, "wrong", x_forwarded_for=f"192.0.2.{attempt}").status_code == 403
    assert login(client, PASSWORD, x_forwarded_for=OPERATOR).status_code == 429
    said = [message for message in caplog.messages if "X-Forwarded-For" in message]
    assert len(said) == 1
    assert "10.0.0.3" in said[0]
    assert "kiosk.trusted_proxies" in said[0]


@pytest.mark.parametrize(
    "header", [{"x-forwarded-proto": "https"}, {"x-forwarded-host": "evil.example"}, {"x-forwarded-prefix": "/evil"}]
)
def test_no_header_of_others_changes_anything(behind: Callable[..., Any], header: dict[str, str]) -> None:
    kiosk = behind()
    answers = []
    for headers in ({}, header):
        client = from_(kiosk, OPERATOR)
        visit = client.get("/api/visit", headers=headers)
        cookie = re.sub(r"=[^;]*;", "=;", visit.headers["set-cookie"], count=1)
        answers.append((cookie, client.get("/about", headers=headers).text, client.get("/sign", headers=headers).text))
    assert answers[0] == answers[1]


@pytest.mark.parametrize(
    ("trusted", "peer", "forwarded", "client"),
    [
        ("10.0.0.2", "10.0.0.2", "198.51.100.7", "198.51.100.7"),
        ("10.0.0.2", "10.0.0.2", None, "10.0.0.2"),
        ("10.0.0.2", "::ffff:10.0.0.2", "198.51.100.7", "198.51.100.7"),
        ("10.0.0.0/24", "10.0.0.77", "198.51.100.7, 10.0.0.9", "198.51.100.7"),
        ("10.0.0.2 10.0.0.9", "10.0.0.2", "192.0.2.1, 198.51.100.7, 10.0.0.9", "198.51.100.7"),
        ("10.0.0.0/8", "10.0.0.2", "10.0.0.9, 10.0.0.8", "10.0.0.9"),
        ("localhost", "::1", "2001:db8::7", "2001:db8::/64"),
        ("localhost", "127.0.0.1", "[2001:db8::7]:4711", "2001:db8::/64"),
        ("localhost", "127.0.0.1", "198.51.100.7:4711", "198.51.100.7"),
        ("localhost", "127.0.0.1", "::ffff:198.51.100.7", "198.51.100.7"),
        ("localhost", "127.0.0.1", '"198.51.100.7"', "198.51.100.7"),
        ("localhost", "127.0.0.1", "198.51.100.7, unknown", "127.0.0.1"),
        ("localhost", "127.0.0.1", "'; DROP TABLE", "127.0.0.1"),
        ("10.0.0.2", "10.0.0.3", "198.51.100.7", "10.0.0.3"),
        ("", "127.0.0.1", "198.51.100.7", "127.0.0.1"),
    ],
)
def test_whose_address_counts(
    behind: Callable[..., Any], trusted: str, peer: str, forwarded: str | None, client: str
) -> None:
    kiosk = behind(trusted)
    login(from_(kiosk, peer), "wrong", **({} if forwarded is None else {"x_forwarded_for": forwarded}))
    assert list(kiosk.logins.throttle._failures) == [client]


def test_a_cookie_behind_https_never_goes_in_the_clear(behind: Callable[..., Any]) -> None:
    kiosk = behind()
    for scheme, secure in (("https", True), ("http", False), ("ftp", False), ("", False), ("https-ish", False)):
        answer = from_(kiosk, PROXY).get("/api/visit", headers=PUBLIC | {"x-forwarded-proto": scheme})
        assert ("secure" in answer.headers["set-cookie"].lower()) is secure, scheme


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"host": "127.0.0.1:8080", "x-forwarded-host": "face.example.org"}, 200),
        ({"host": "127.0.0.1:8080", "x-forwarded-host": "evil.example"}, 421),
        ({"host": "evil.example", "x-forwarded-host": "face.example.org"}, 421),
    ],
)
def test_a_forwarded_name_must_be_the_devices_own(
    behind: Callable[..., Any], headers: dict[str, str], status: int
) -> None:
    assert from_(behind(), PROXY).get("/about", headers=headers).status_code == status


@pytest.mark.parametrize(
    ("peer", "host", "origin", "more", "status"),
    [
        ("192.0.2.7", "localhost:8080", "http://localhost:8080", {}, 200),
        ("192.0.2.7", "localhost:8080", "http://localhost:9090", {}, 403),
        ("192.0.2.7", "localhost", "http://localhost:9090", {}, 200),
        ("192.0.2.7", "localhost:8080", "http://face.example.org", {}, 403),
        ("127.0.0.1", "127.0.0.1:8080", "http://127.0.0.1:80", {}, 200),
        ("127.0.0.1", "127.0.0.1:8080", "https://face.example.org", {}, 200),
        ("127.0.0.1", "127.0.0.1:8080", "https://public.example.org", {}, 200),
        ("127.0.0.1", "127.0.0.1:8080", "https://other.example.org", {}, 403),
        ("127.0.0.1", "127.0.0.1:8080", "https://other.example.org", {"sec-fetch-site": "same-origin"}, 200),
        ("127.0.0.1", "127.0.0.1:8080", "https://other.example.org", {"sec-fetch-site": "same-site"}, 403),
        ("127.0.0.1", "127.0.0.1:8080", "null", {}, 403),
        ("127.0.0.1", "127.0.0.1:8080", "http://[", {}, 403),
        (PROXY, "127.0.0.1:8080", "https://face.example.org", {"x-forwarded-host": "face.example.org"}, 200),
        (PROXY, "127.0.0.1:8080", "https://evil.example", {"x-forwarded-host": "face.example.org"}, 403),
    ],
)
def test_which_origins_are_ours(
    behind: Callable[..., Any], *, peer: str, host: str, origin: str, more: dict[str, str], status: int
) -> None:
    kiosk = behind(public_url="https://public.example.org")
    client = from_(kiosk, peer, host)
    token = client.get("/api/visit").json()["csrf"]
    headers = {"x-csrf-token": token, "origin": origin} | more
    assert client.post("/api/login", json={"password": PASSWORD}, headers=headers).status_code == status


def test_a_name_that_the_proxy_hides_is_explained(behind: Callable[..., Any]) -> None:
    client = from_(behind(), "127.0.0.1", "127.0.0.1:8080")
    answer = login(client, PASSWORD, origin="https://other.example.org")
    assert answer.json()["error"] == "proxy"
    assert "https://other.example.org" in answer.json()["detail"]
    assert "kiosk.public_url" in answer.json()["detail"]


def links(html: str) -> set[str]:
    return set(re.findall(r'(?:href|src)="([^"#][^"]*)"', html))


PAGES = ["/", "/operator", "/phone", "/camera", "/analyze", "/sessions", "/sessions/view", "/login", "/about", "/sign"]


@pytest.mark.parametrize("path", PAGES)
def test_links_lead_below_the_path_also_where_the_proxy_does_not_say_it(open_kiosk: Any, path: str) -> None:
    client = from_(open_kiosk, "127.0.0.1")
    for link in links(client.get(path).text):
        assert not link.startswith("/"), "counted from the root of the proxy's host"
        assert client.get(f"http://localhost:8080{path}").url.join(link).path.split("/")[1] in {
            *(one.strip("/").split("/")[0] for one in PAGES), "static", "certificate.pem", "api",
        }  # fmt: skip


@pytest.fixture
def below(behind: Callable[..., Any]) -> TestClient:
    """A browser behind a proxy that serves the device below ``/hall/face`` and leaves the path as it is."""
    client = TestClient(behind().app, base_url="http://localhost/hall/face", follow_redirects=False, client=(PROXY, 1))
    client.headers["x-forwarded-prefix"] = "/hall/face"
    return client


@pytest.mark.parametrize("path", PAGES)
def test_links_lead_below_the_path_that_a_proxy_says(below: TestClient, path: str) -> None:
    assert login(below, PASSWORD).status_code == 200
    answer = below.get(path)
    assert answer.status_code == 200
    assert all(link.startswith("/hall/face/") for link in links(answer.text))


def test_cookies_belong_to_the_path_and_to_one_device(
    behind: Callable[..., Any], make_kiosk: Any, tmp_path: Path
) -> None:
    client = from_(behind(), PROXY)
    under = client.get("/api/visit", headers={"x-forwarded-prefix": "/face"}).headers["set-cookie"]
    above = client.get("/api/visit").headers["set-cookie"]
    assert "; path=/face;" in under.lower()
    assert "; path=/;" in above.lower()
    assert under.partition("=")[0] != above.partition("=")[0], "browsers send both below /face"
    other = make_kiosk(**{"node.state_dir": tmp_path / "other"})
    assert other.access.cookie_below() != make_kiosk().access.cookie_below(), "two devices behind one proxy"


def test_the_login_and_the_way_out_work_below_a_path(below: TestClient) -> None:
    assert below.get("/operator").headers["location"] == "/hall/face/login?next=%2Foperator"
    entered = login(below, PASSWORD)
    assert entered.status_code == 200
    assert below.get("/operator").status_code == 200
    assert below.post("/api/logout", json={}, headers={"x-csrf-token": entered.json()["csrf"]}).status_code == 200
    left = [name for name in below.cookies if not name.endswith("_known")]
    assert left == [], "the cookie below the path is taken away"
    assert below.get("/operator").status_code == 303


@pytest.mark.parametrize(
    ("public_url", "path", "status"),
    [
        ("https://face.example.org/face", "/face/about", 200),
        ("https://face.example.org/face", "/about", 200),
        ("https://face.example.org/face", "/facet/about", 404),
        ("https://face.example.org/a/b", "/a/b/static/css/base.css", 200),
        ("https://face.example.org", "/face/about", 404),
        ("https://face.example.org/phone", "/phone", 303),
        ("https://face.example.org/static", "/static/css/base.css", 200),
    ],
)
def test_a_path_that_the_proxy_leaves_is_known_from_the_public_url(
    behind: Callable[..., Any], public_url: str, path: str, status: int
) -> None:
    assert from_(behind(public_url=public_url), OPERATOR).get(path).status_code == status


def test_a_path_without_its_slash_leads_to_the_one_with_it(behind: Callable[..., Any]) -> None:
    answer = from_(behind(public_url="https://face.example.org/hall/face"), OPERATOR).get("/hall/face")
    assert (answer.status_code, answer.headers["location"]) == (307, "face/")


@pytest.mark.parametrize(
    "prefix", ["//evil.example", "/a//b", "/a/../b", "/..", "face", '/"><script>', "/a b", "/%2e", "/"]
)
def test_odd_paths_are_not_believed(behind: Callable[..., Any], prefix: str) -> None:
    client = from_(behind(), PROXY)
    headers = {"x-forwarded-prefix": prefix}
    assert client.get("/operator", headers=headers).headers["location"] == "login?next=%2Foperator"
    assert "; path=/;" in client.get("/api/visit", headers=headers).headers["set-cookie"].lower()


def test_the_sign_leads_to_where_the_page_is_reached(behind: Callable[..., Any]) -> None:
    client = from_(behind(), PROXY)
    said = client.get("/sign", headers=PUBLIC | {"x-forwarded-prefix": "/face"}).text
    assert "https://face.example.org/face/about" in said


@pytest.mark.parametrize(
    ("path", "location"),
    [("/about/", "../about"), ("/sessions/view/?ids=a", "../view?ids=a"), ("//evil.example/", "../evil.example")],
)
def test_a_slash_too_many_leads_to_the_page_on_the_same_host(open_kiosk: Any, path: str, location: str) -> None:
    answer = TestClient(open_kiosk.app, follow_redirects=False).get(f"http://localhost{path}")
    assert (answer.status_code, answer.headers["location"]) == (307, location)


def test_a_proxy_without_a_password_is_refused(make_kiosk: Callable[..., Any]) -> None:
    with pytest.raises(ConfigError, match=r"kiosk\.trusted_proxies: .*face-edge kiosk password"):
        make_kiosk(trusted_proxies="127.0.0.1")


@pytest.mark.parametrize("value", ["nginx", "10.0.0.0/33", "127.0.0.1 proxy.lan", "0.0.0.0/0", "::/0", "*"])
def test_lists_of_proxies_are_checked(value: str) -> None:
    with pytest.raises(ConfigError, match=r"kiosk\.trusted_proxies: .*"):
        configuration.load(environment={}, flags={"kiosk.trusted_proxies": value})


def test_networks_hold_what_is_named() -> None:
    networks = Networks.of("localhost, 10.1.2.3/8 2001:db8::/32")
    assert all(one in networks for one in ("127.0.0.1", "::1", "10.200.0.1", "2001:db8::5", "2001:db8::5%eth0"))
    assert not any(one in networks for one in ("127.0.0.2", "11.0.0.1", "2001:db9::1", "", "localhost"))
    assert "127.0.0.1" not in Networks.of("")


def test_no_page_or_script_counts_from_the_root_of_its_host() -> None:
    """Below the path of a proxy such an address would be another program's."""
    for page in sorted((KIOSK / "templates").glob("*.html")):
        assert not re.findall(r'(?:href|src|action)="/', page.read_text()), page
    for sheet in sorted((KIOSK / "static" / "css").glob("*.css")):
        assert not re.findall(r"url\(\s*['\"]?/", sheet.read_text()), sheet
    literal = re.compile(r"(?<!urlFor\()([\"`]/(?:api|static|media|" + "|".join(one[1:] for one in PAGES[1:]) + r")\b)")
    for script in sorted((KIOSK / "static" / "js").glob("*.js")):
        found = [line for line in script.read_text().splitlines() if literal.search(line) and "PAGES" not in line]
        known = {"login.js"}  # names of pages, which become addresses in one place
        assert not found or (script.name in known and all("wanted" in line for line in found)), (script, found)
