"""Diagnosis of an HTTP camera whose stream FFmpeg cannot decode."""

from __future__ import annotations

import http.client
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from typing import TYPE_CHECKING

from edge.sources.stream_causes import nothing_sent, of_connection, of_status, target, unverified

if TYPE_CHECKING:
    from edge.sources.stream_causes import Target

_LOOKED_AT = 65536
_JPEG = b"\xff\xd8\xff"


@dataclass(frozen=True, slots=True)
class Examined:
    """Result of an examination: ``pictures`` if it sends successive JPEGs; ``cause`` why it is not a video."""

    pictures: bool
    cause: str


def examine(uri: str, timeout_s: float) -> Examined:
    """Request ``uri`` and examine the beginning of the answer; takes about twice ``timeout_s`` at most."""
    to = target(uri)
    try:
        with _opener(uri, to).open(_without_credentials(uri), timeout=timeout_s) as answer:
            kind = answer.headers.get_content_type()
            return _judged(kind, _beginning(answer, timeout_s), to)
    except urllib.error.HTTPError as error:
        return Examined(False, of_status(error.code, to) or "it sends nothing")
    except ConnectionError as error:  # includes one that is an HTTPException as well
        return Examined(False, of_connection(error, to))
    except http.client.HTTPException:
        return Examined(False, f"port {to.port} does not speak HTTP; check the port, and whether it wants rtsp://")
    except TimeoutError:  # while connecting it is a URLError
        return Examined(False, nothing_sent(to))
    except OSError as error:
        return Examined(False, of_connection(error, to))


def _judged(kind: str, beginning: bytes, to: Target) -> Examined:
    if kind.startswith("multipart/") or (_JPEG in beginning and kind != "image/jpeg"):
        return Examined(True, "it sends no pictures that can be decoded; set the camera's stream to MJPEG or H.264")
    if kind.startswith("image/"):
        return Examined(False, "it is a single picture, not a stream; see the camera's manual for its stream's address")
    if kind == "text/html" or beginning.lstrip()[:9].lower() in {b"<!doctype", b"<html>"}:
        why = "see the camera's manual for its stream's address"
        return Examined(False, f"it is a web page, such as a login page, not a stream; {why}")
    if not beginning:
        return Examined(False, nothing_sent(to))
    if kind.startswith(("video/", "audio/")):
        return Examined(False, f"it sends {kind} that cannot be decoded; set the camera's stream to H.264 or MJPEG")
    return Examined(False, f"it sends {kind}, not a video; see the camera's manual for its stream's address")


def _beginning(answer: http.client.HTTPResponse, timeout_s: float) -> bytes:
    """Read what arrives within ``timeout_s``, up to the first picture."""
    deadline_s, found = time.monotonic() + timeout_s, b""
    try:
        while len(found) < _LOOKED_AT and _JPEG not in found and time.monotonic() < deadline_s:
            piece = answer.read1(_LOOKED_AT)
            if not piece:
                break
            found += piece
    except (OSError, http.client.HTTPException):
        pass  # the data received so far is examined
    return found


def _opener(uri: str, to: Target) -> urllib.request.OpenerDirector:
    passwords = urllib.request.HTTPPasswordMgrWithDefaultRealm()
    if to.user is not None:
        address = _without_credentials(uri)
        passwords.add_password(None, address[: address.find("/", len(to.scheme) + 3)], to.user, to.password)
    return urllib.request.build_opener(
        urllib.request.HTTPBasicAuthHandler(passwords),
        urllib.request.HTTPDigestAuthHandler(passwords),
        urllib.request.HTTPSHandler(context=unverified()),
    )


def _without_credentials(uri: str) -> str:
    scheme, _, rest = uri.partition("://")
    authority, _, path = rest.partition("/")
    return f"{scheme}://{authority.rpartition('@')[2]}/{path.partition('#')[0]}"
