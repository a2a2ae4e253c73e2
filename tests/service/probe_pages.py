"""Uses an installed device's pages as its organiser does: opens all of them, holds a session, takes its report home.

    probe_pages.py http://127.0.0.1:8080/ [FILM]

Prints one line of figures; ends with a message and exit code 1 at the first thing that is not as it should be. With
FILM the page's copy of it with marked faces is fetched, too. Needs nothing but Python's own library.
"""

from __future__ import annotations

import base64
import csv
import http.cookiejar
import json
import sys
import time
import urllib.error
import urllib.request
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import urljoin, urlsplit

SESSION_S = 4.0
PATIENCE_S = 120.0
AGAIN = {202, 503}
"""Answers that say: not yet."""


class Links(HTMLParser):
    """Addresses that a page leads to (``pages``) and that it consists of (``parts``)."""

    def __init__(self, address: str) -> None:
        super().__init__()
        self._address = address
        self.pages: set[str] = set()
        self.parts: set[str] = set()
        self.forms: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if form := given.get("data-form"):
            self.forms.append(form)
        for name, found in (("href", self.pages if tag == "a" else self.parts), ("src", self.parts)):
            value = given.get(name)
            if value and not value.startswith(("#", "data:")):
                found.add(urljoin(self._address, value).partition("#")[0])


class Browser:
    """Keeps cookies and shows the token that the pages get."""

    def __init__(self, home: str) -> None:
        self.home = home
        cookies = urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar())
        self._opener = urllib.request.build_opener(cookies)
        self.token = ""
        self.token = self.json("api/visit")["csrf"]

    def request(self, path: str, data: bytes | None = None, method: str | None = None) -> tuple[int, bytes]:
        kind = "application/octet-stream" if method == "PUT" else "application/json"
        headers = {"x-csrf-token": self.token, "content-type": kind, "origin": self.home.rstrip("/")}
        asked = urllib.request.Request(urljoin(self.home, path), data, headers, method=method)
        try:
            with self._opener.open(asked, timeout=60) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as error:
            return error.code, error.read()

    def get(self, path: str) -> bytes:
        """The answer, also where it takes a while to be made."""
        until_s = time.monotonic() + PATIENCE_S
        while True:
            status, body = self.request(path)
            if status == 200:
                return body
            if status not in AGAIN or time.monotonic() > until_s:
                sys.exit(f"{path}: {status}: {body[:300].decode(errors='replace')}")
            time.sleep(0.5)

    def json(self, path: str) -> Any:
        return json.loads(self.get(path))

    def post(self, path: str, **body: Any) -> Any:
        status, answer = self.request(path, json.dumps(body).encode())
        if status not in {200, 201}:
            sys.exit(f"{path}: {status}: {answer[:300].decode(errors='replace')}")
        return json.loads(answer)


def every_page(browser: Browser) -> int:
    """Follow all links and load all that pages consist of; gives the number of pages."""
    waiting, seen = {browser.home, urljoin(browser.home, "operator")}, set()
    parts: set[str] = set()
    while waiting:
        address = waiting.pop()
        seen.add(address)
        links = Links(address)
        links.feed(browser.get(address).decode())
        here = {one for one in links.pages if urlsplit(one).netloc == urlsplit(browser.home).netloc}
        waiting |= {one for one in here if "/api/" not in one} - seen
        parts |= links.parts
    for part in parts:
        browser.get(part)
    return len(seen)


def session(browser: Browser) -> tuple[int, int]:
    """Hold one; gives the bytes of its report, and the seconds in its data."""
    browser.post("api/consent", context="audience")
    browser.post("api/session/start", title="A short film", kind="film", planned_s=600)
    time.sleep(SESSION_S / 2)
    browser.post("api/mark", label="the stairs")
    time.sleep(SESSION_S / 2)
    browser.post("api/session/stop")
    until_s = time.monotonic() + PATIENCE_S
    while not (kept := browser.json("api/sessions")["sessions"]) or kept[0]["running"]:
        if time.monotonic() > until_s:
            sys.exit(f"the session is not in the list: {kept}")
        time.sleep(0.5)
    identity = kept[0]["id"]
    links = Links(browser.home)
    links.feed(browser.get(f"sessions/view?ids={identity}").decode())
    report = browser.get(f"sessions/report?ids={identity}").decode()
    if "A short film" not in report or "<svg" not in report:
        sys.exit(f"the report has no chart: {report[:300]}")
    if not links.forms:
        sys.exit("the page offers no data")
    data = {form: browser.get(f"sessions/data/{form}?ids={identity}") for form in links.forms}
    rows = list(csv.DictReader(data["csv"].decode().splitlines()))
    if len(rows) < SESSION_S - 2 or not any(row["valence"] for row in rows):
        sys.exit(f"the CSV has no figures: {data['csv'][:500].decode()}")
    if not any(row["markers"] == "the stairs" for row in rows):
        sys.exit(f"the CSV has no marker: {data['csv'][:500].decode()}")
    if len(json.loads(data["json"])["seconds"]) != len(rows):
        sys.exit("CSV and JSON differ")
    return len(report), len(rows)


def film(browser: Browser, path: Path) -> int:
    """Have a film read; gives the bytes of its copy with marked faces."""
    data = path.read_bytes()
    head = base64.b64encode(data[:512]).decode()
    identity = browser.post("api/analyze/files", name=path.name, size=len(data), head=head)["id"]
    status, answer = browser.request(f"api/analyze/files/{identity}", data, "PUT")
    if status != 200:
        sys.exit(f"the film is not taken: {answer.decode(errors='replace')}")
    until_s = time.monotonic() + PATIENCE_S
    while True:
        status, copy = browser.request(f"api/analyze/files/{identity}/copy.mp4")
        if status == 200:
            return len(copy)
        if time.monotonic() > until_s:
            sys.exit(f"no copy of the film: {status}: {copy[:300].decode(errors='replace')}")
        time.sleep(0.5)


def main(home: str, clip: str | None = None) -> None:
    """Do all of it."""
    browser = Browser(home)
    pages = every_page(browser)
    report, seconds = session(browser)
    copied = "" if clip is None else f", a film's copy of {film(browser, Path(clip)) / 1000:.0f} kB"
    figures = f"{pages} pages, a report of {report / 1000:.0f} kB, {seconds} seconds of data{copied}"
    sys.stdout.write(figures + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
