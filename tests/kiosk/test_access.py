"""Each rule of access, both ways."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest

from edge.core.commands import Mark, SetPrivacy, StartSession
from edge.core.errors import ConfigError
from edge.kiosk import passwords, signing_key
from edge.kiosk.roles import Role
from edge.kiosk.throttle import Throttle

if TYPE_CHECKING:
    from pathlib import Path

PASSWORD, TOKEN = "correct horse", "let me watch"


def test_beyond_this_machine_a_password_is_asked_for(make_kiosk: Any, hashes: dict[str, Path]) -> None:
    with pytest.raises(ConfigError, match="face-edge kiosk password"):
        make_kiosk(host="0.0.0.0")
    assert make_kiosk(host="0.0.0.0", **hashes).access.asks
    assert not make_kiosk(host="127.0.0.1").access.asks
    assert not make_kiosk(host="::1").access.asks


def test_on_this_machine_everyone_operates(open_kiosk: Any, browser: Any) -> None:
    one = browser(open_kiosk)
    assert one.visit()["role"] == "operator"
    assert one.client.get("/operator").status_code == 200


@pytest.mark.parametrize("path", ["/", "/operator", "/phone"])
def test_views_send_strangers_to_the_login(guarded: Any, browser: Any, path: str) -> None:
    answer = browser(guarded).client.get(path)
    assert answer.status_code == 303
    assert answer.headers["location"].startswith("login?next=")


@pytest.mark.parametrize("path", ["/login", "/about", "/sign", "/static/js/live.js", "/static/texts/en.json"])
def test_what_is_open_to_everyone(guarded: Any, browser: Any, path: str) -> None:
    assert browser(guarded).client.get(path).status_code == 200


def test_the_password_opens_everything_and_logging_out_ends_it(guarded: Any, browser: Any, inbox: Any) -> None:
    one = browser(guarded)
    assert one.visit()["role"] == "nobody"
    assert one.client.get("/api/live").status_code == 401
    assert one.post("mark", {"label": "x"}).status_code == 401
    assert one.login(PASSWORD).json()["role"] == "operator"
    assert one.client.get("/operator").status_code == 200
    assert one.post("mark", {"label": "x"}).status_code == 200
    assert inbox.asked == [Mark("x")]
    stolen = one.client.cookies.get(guarded.access.cookie_below())
    assert one.post("logout").status_code == 200
    assert guarded.access.visit(stolen).role is Role.NOBODY
    assert one.client.get("/operator").status_code == 303


def test_the_token_lets_watch_and_no_more(guarded: Any, browser: Any, inbox: Any) -> None:
    one = browser(guarded)
    assert one.login(TOKEN).json()["role"] == "viewer"
    assert one.client.get("/").status_code == 200
    assert one.client.get("/operator").status_code == 303
    assert one.client.get("/api/picture").status_code == 403
    for path in ("mark", "privacy", "display", "session/start", "session/stop", "consent"):
        assert one.post(path, {}).status_code == 403, path
    assert inbox.asked == []


def test_watching_may_be_open_to_all(make_kiosk: Any, hashes: dict[str, Path], browser: Any) -> None:
    kiosk = make_kiosk(host="0.0.0.0", open_to_viewers=True, **hashes)
    one = browser(kiosk)
    assert one.visit()["role"] == "viewer"
    assert one.client.get("/").status_code == 200
    assert one.post("mark").status_code == 403


def test_a_cookie_ends_is_signed_and_dies_with_the_password(
    make_kiosk: Any, hashes: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kiosk = make_kiosk(host="0.0.0.0", **hashes)
    _, cookie = kiosk.access.new(Role.OPERATOR)
    assert kiosk.access.visit(cookie).role is Role.OPERATOR
    assert make_kiosk(host="0.0.0.0", **hashes).access.visit(cookie).role is Role.OPERATOR, "outlives a restart"
    assert kiosk.access.visit(cookie[:-2] + "xx").role is Role.NOBODY
    other = tmp_path / "other"
    other.write_text(passwords.make_hash("another one"))
    assert make_kiosk(host="0.0.0.0", password_file=other).access.visit(cookie).role is Role.NOBODY
    later = time.time() + kiosk.access.lifetime_s + 5
    monkeypatch.setattr("itsdangerous.timed.time.time", lambda: later)
    assert kiosk.access.visit(cookie).role is Role.NOBODY


def test_a_cookie_made_without_a_password_opens_nothing_with_one(make_kiosk: Any, hashes: dict[str, Path]) -> None:
    _, cookie = make_kiosk().access.new(Role.OPERATOR)
    assert make_kiosk(host="0.0.0.0", **hashes).access.visit(cookie).role is Role.NOBODY


def test_the_cookie_is_out_of_reach_of_scripts_and_other_sites(guarded: Any, browser: Any) -> None:
    cookie = browser(guarded).client.get("/api/visit").headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=strict" in cookie
    assert "max-age=" in cookie


def test_guessing_is_slowed_down_by_address(guarded: Any, browser: Any) -> None:
    one = browser(guarded)
    assert [one.login("wrong guess").status_code for _ in range(5)] == [403] * 5
    blocked = one.login(PASSWORD)
    assert blocked.status_code == 429
    assert int(blocked.headers["retry-after"]) > 0
    assert browser(guarded, address="192.0.2.8").login(PASSWORD).status_code == 200


def test_the_throttle_forgives_in_time_and_counts_all_together() -> None:
    now = [0.0]
    throttle = Throttle(per_address=2, overall=3, window_s=60, clock=lambda: now[0])
    throttle.begin("a")
    throttle.begin("a")
    assert throttle.wait_s("a") == 60
    assert throttle.wait_s("b") == 0
    throttle.begin("b")
    assert throttle.wait_s("c") == 60, "three of all together"
    now[0] = 61
    assert throttle.wait_s("a") == throttle.wait_s("c") == 0


@pytest.mark.parametrize(
    "headers",
    [
        {"x_csrf_token": "0" * 64},
        {"x_csrf_token": ""},
        {"origin": "http://evil.example"},
        {"origin": "null"},
        {"sec_fetch_site": "cross-site"},
        {"sec_fetch_site": "same-site"},
    ],
)
def test_forged_requests_are_refused(open_kiosk: Any, browser: Any, inbox: Any, headers: dict[str, str]) -> None:
    answer = browser(open_kiosk).post("privacy", {"on": True}, **headers)
    assert answer.status_code == 403
    assert inbox.asked == []


def test_a_request_of_our_own_page_is_done(open_kiosk: Any, browser: Any, inbox: Any) -> None:
    own = {"origin": "http://localhost:8080", "sec_fetch_site": "same-origin"}
    assert browser(open_kiosk).post("privacy", {"on": True}, **own).status_code == 200
    assert inbox.asked == [SetPrivacy(on=True)]


def test_the_token_of_another_visit_is_worth_nothing(open_kiosk: Any, browser: Any) -> None:
    other = browser(open_kiosk)
    other.visit()
    assert browser(open_kiosk).post("mark", x_csrf_token=other.token).status_code == 403


@pytest.mark.parametrize("host", ["evil.example", "localhost.evil.example", "127.0.0.1.evil.example", "", "a b"])
def test_strange_names_are_refused(open_kiosk: Any, browser: Any, host: str) -> None:
    assert browser(open_kiosk).client.get("/about", headers={"host": host}).status_code == 421


@pytest.mark.parametrize(
    "host", ["localhost", "localhost:9000", "127.0.0.1:8080", "[::1]:8080", "192.168.1.5", "foyer.lan"]
)
def test_own_names_and_addresses_are_served(make_kiosk: Any, browser: Any, host: str) -> None:
    kiosk = make_kiosk(hostnames="foyer.lan other")
    assert browser(kiosk).client.get("/about", headers={"host": host}).status_code == 200


def test_every_answer_carries_the_security_headers(guarded: Any, browser: Any) -> None:
    client = browser(guarded).client
    for path in ("/", "/login", "/static/js/live.js", "/api/live", "/nothing"):
        headers = client.get(path).headers
        assert "default-src 'none'" in headers["content-security-policy"], path
        assert "unsafe" not in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"


@pytest.mark.parametrize("path", ["/login", "/about", "/sign", "/", "/operator", "/phone"])
def test_pages_need_no_inline_script_or_style_and_nothing_from_outside(
    open_kiosk: Any, browser: Any, path: str
) -> None:
    html = browser(open_kiosk).client.get(path).text
    assert "<style" not in html
    assert " style=" not in html
    assert " onclick" not in html
    assert html.count("<script") == html.count('<script type="module" src="static/js/')
    assert 'src="http' not in html


def test_bodies_are_bounded(open_kiosk: Any, browser: Any, inbox: Any) -> None:
    one = browser(open_kiosk)
    one.visit()
    assert one.post("mark", {"label": "x" * 20_000}).status_code == 413
    headers = {"x-csrf-token": one.token, "content-type": "application/json"}
    endless = (b" " * 5000 for _ in range(10))
    assert one.client.post("/api/mark", content=endless, headers=headers).status_code == 413
    assert one.post("mark", {"label": "x" * 200}).status_code == 200
    assert len(inbox.asked) == 1


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("mark", {"label": "x" * 201}),
        ("mark", {"lable": "x"}),
        ("privacy", {"on": "perhaps"}),
        ("display", {"brightness": 1.5}),
        ("session/start", {"kind": "opera"}),
        ("session/start", {"planned_s": -1}),
        ("mark", ["x"]),
    ],
)
def test_odd_bodies_are_refused(open_kiosk: Any, browser: Any, inbox: Any, path: str, body: Any) -> None:
    assert browser(open_kiosk).post(path, body).status_code == 422
    assert inbox.asked == []


@pytest.mark.parametrize(
    "path", ["/static/../app.py", "/static/%2e%2e/app.py", "/static/..%2fapp.py", "/static//etc/passwd"]
)
def test_no_path_leaves_the_static_folder(open_kiosk: Any, browser: Any, path: str) -> None:
    answer = browser(open_kiosk).client.get(path)
    assert answer.status_code == 404
    assert "import" not in answer.text


def test_a_session_starts_only_after_the_use_is_stated(make_kiosk: Any, browser: Any, inbox: Any) -> None:
    one = browser(make_kiosk())
    assert one.visit()["consent"] is None
    assert one.post("session/start", {"title": "a"}).json()["error"] == "consent"
    refused = one.post("consent", {"context": "work"})
    assert refused.status_code == 403
    assert refused.json()["error"] == "prohibited"
    assert inbox.asked == [SetPrivacy(on=True)], "a prohibited use is paused"
    assert one.post("session/start", {"title": "a"}).status_code == 409
    assert one.post("consent", {"context": "audience"}).status_code == 200
    assert one.post("session/start", {"title": "a", "kind": "film", "planned_s": 60}).status_code == 200
    assert isinstance(inbox.asked[-1], StartSession)
    again = browser(make_kiosk())
    assert again.visit()["consent"] == "audience", "kept over a restart"


def test_passwords_are_hashed_and_checked(tmp_path: Path) -> None:
    made = passwords.make_hash(PASSWORD)
    assert PASSWORD not in made
    assert made != passwords.make_hash(PASSWORD), "salted"
    assert passwords.verify(PASSWORD, made)
    assert not passwords.verify(PASSWORD + " ", made)
    for content in ("", PASSWORD, "$scrypt$ln=30,r=8,p=5$" + "A" * 22 + "$" + "A" * 43):
        path = tmp_path / "file"
        path.write_text(content)
        with pytest.raises(ConfigError, match="holds no password hash"):
            passwords.read_hash(path, "kiosk.password_file")
    with pytest.raises(ConfigError, match="cannot be read"):
        passwords.read_hash(tmp_path / "none", "kiosk.password_file")


def test_the_secret_is_for_the_device_alone(make_kiosk: Any, tmp_path: Path) -> None:
    make_kiosk()
    path = tmp_path / "kiosk-secret"
    assert path.stat().st_mode & 0o077 == 0
    assert signing_key.load_or_create(path) == signing_key.load_or_create(path)
