"""A small file by https, from a real server on this machine."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from edge.core.errors import InputError
from edge.models.download import fetch

if TYPE_CHECKING:
    import ssl

    from tests.fixtures.https import Site


def refusal(url: str, context: ssl.SSLContext | None, most_bytes: int = 1000, whole_s: float = 20.0) -> str:
    with pytest.raises(InputError) as raised:
        fetch(url, most_bytes, context=context, whole_s=whole_s)
    message = str(raised.value)
    assert "\n" not in message
    return message


def test_the_content_comes_whole(https_site: Site) -> None:
    https_site.pages["/a"] = bytes(range(250)) * 4
    assert fetch(https_site.url("/a"), 1000, context=https_site.context) == bytes(range(250)) * 4


def test_a_redirect_to_https_is_followed(https_site: Site) -> None:
    https_site.pages["/there"] = b"content"
    https_site.redirects["/here"] = https_site.url("/there")
    assert fetch(https_site.url("/here"), 1000, context=https_site.context) == b"content"
    assert https_site.requests == ["/here", "/there"]


@pytest.mark.parametrize("target", ["http://127.0.0.1:9/a", "ftp://127.0.0.1/a", "file:///etc/passwd"])
def test_a_redirect_to_anything_else_is_not(https_site: Site, target: str) -> None:
    https_site.redirects["/here"] = target
    assert "127.0.0.1: " in refusal(https_site.url("/here"), https_site.context)
    assert https_site.requests == ["/here"]


@pytest.mark.parametrize("url", ["http://127.0.0.1:9/a", "file:///etc/passwd"])
def test_nothing_but_https_is_asked(url: str) -> None:
    assert "not an https address" in refusal(url, None)


def test_one_byte_too_many_is_refused(https_site: Site) -> None:
    https_site.pages["/a"] = bytes(1001)
    assert "larger than" in refusal(https_site.url("/a"), https_site.context)


def test_a_page_that_is_missing_is_named(https_site: Site) -> None:
    assert refusal(https_site.url("/none"), https_site.context) == "127.0.0.1: answers 404 Not Found"


def test_a_server_that_nobody_vouches_for_is_refused(https_site: Site) -> None:
    https_site.pages["/a"] = b"content"
    assert "certificate" in refusal(https_site.url("/a"), None).lower()
    assert https_site.requests == []


def test_a_transfer_without_end_ends(https_site: Site) -> None:
    https_site.pages["/a"] = b"."
    https_site.endless.add("/a")
    assert "too slow" in refusal(https_site.url("/a"), https_site.context, whole_s=0.5)


def test_no_network_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")
    assert refusal("https://files.example/a", None) == "files.example: Connection refused"
