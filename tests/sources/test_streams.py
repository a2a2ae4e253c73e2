"""Network cameras that keep to no rule are read; where nothing can be read, the message names the likeliest cause."""

from __future__ import annotations

import hashlib
import re
import socket
import time
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from edge.config import SourceConfig
from edge.core.errors import SourceError
from edge.sources import http_cause, rtsp_cause
from edge.sources.factory import create
from edge.sources.newest import NewestFrame
from tests.fixtures.media import numbered

if TYPE_CHECKING:
    from collections.abc import Callable

ODDITIES = (
    *("plain", "no-boundary-named", "no-first-boundary", "no-headers-at-first", "dashes-in-boundary"),
    *("quoted-boundary", "other-boundary", "binary", "bare-binary", "no-length", "wrong-length", "line-feeds"),
    *("no-end-mark", "zeros-behind", "moved"),
)


def config(uri: str, **changes: Any) -> SourceConfig:
    return SourceConfig(uri=uri, **({"read_timeout_s": 20, "open_timeout_s": 20} | changes))


@pytest.mark.parametrize("oddity", ODDITIES)
def test_streams_that_break_the_rules_are_read(odd_camera: Any, oddity: str) -> None:
    source = create(config(odd_camera.url(oddity)))
    source.open()
    try:
        frames = [source.read() for _ in range(12)]
    finally:
        source.close()
    assert [frame.index for frame in frames] == list(range(12))
    shown = [int(frame.image[100, 100, 0]) for frame in frames]
    assert len(set(shown)) > 8, "pictures are not repeated"
    assert np.abs(frames[0].image.astype(int) - numbered(0)).mean() < 20 or oddity == "no-headers-at-first"


def test_an_odd_stream_is_opened_again_without_another_question(odd_camera: Any) -> None:
    source = create(config(odd_camera.url("no-first-boundary")))
    for _ in range(3):
        source.open()
        source.read()
        source.close()
    assert odd_camera.connections["no-first-boundary"] == 5, "once in vain, once to look, then one for each opening"


def test_the_loops_reader_gets_frames_of_an_odd_stream(odd_camera: Any) -> None:
    settings = config(odd_camera.url("wrong-length"))
    newest = NewestFrame(create(settings), settings)
    newest.start()
    try:
        deadline_s = time.monotonic() + 60
        while newest.captured < 5 and time.monotonic() < deadline_s:
            newest.get(1.0)
        assert newest.captured >= 5
    finally:
        newest.stop()


CAUSES = {
    "login": "it is a web page, such as a login page, not a stream",
    "settings": "it sends application/json, not a video",
    "nothing-here": r"it has nothing at this path \(404\)",
    "forbidden": r"it refuses access \(403\)",
    "busy": "it answers 503: too many viewers",
    "wants-password": r"it wants a user name and a password \(401\): http://USER:PASSWORD@127.0.0.1/",
    "hangs-up": "it closes the connection without an answer",
}


@pytest.mark.parametrize("oddity", CAUSES)
def test_what_is_no_stream_says_what_it_is(odd_camera: Any, oddity: str) -> None:
    url = odd_camera.url(oddity)
    with pytest.raises(SourceError, match=f"^{re.escape(url)}: gives no video: {CAUSES[oddity]}") as caught:
        create(config(url)).open()
    assert "\n" not in str(caught.value)


def test_a_wrong_password_is_not_shown_and_not_called_a_missing_one(odd_camera: Any) -> None:
    with pytest.raises(SourceError, match=r"it refuses this user name or password \(401\)") as caught:
        create(config(odd_camera.url("wants-password", "me:sesame@"))).open()
    assert "sesame" not in str(caught.value)


def test_a_single_picture_is_no_stream(odd_camera: Any) -> None:
    source = create(config(odd_camera.url("snapshot.jpg")))
    source.open()
    assert source.read().image.shape == (120, 160, 3)
    with pytest.raises(SourceError, match="ended after 1 frames: it is a single picture, not a stream"):
        source.read()


def test_a_camera_that_ends_its_stream_is_not_said_to_pause(odd_camera: Any) -> None:
    source = create(config(odd_camera.url("ends")))
    source.open()
    with pytest.raises(SourceError, match=r"the camera ended the stream, or the connection was lost$"):
        read_many(source)


def read_many(source: Any) -> None:
    for _ in range(1000):
        source.read()


@pytest.mark.parametrize("scheme", ["http", "https", "rtsp", "rtsps"])
def test_nobody_there_names_the_port(scheme: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    with pytest.raises(SourceError, match=f"gives no video: nothing listens on port {port} of 127.0.0.1"):
        create(config(f"{scheme}://127.0.0.1:{port}/x")).open()


def test_a_name_that_is_not_known_is_named() -> None:
    for scheme, examine in (("http", lambda uri: http_cause.examine(uri, 5).cause), ("rtsp", _rtsp)):
        assert examine(f"{scheme}://no-such-camera.invalid/x") == (
            "the name no-such-camera.invalid is not known in this network; check it, or give the camera's IP address"
        )


def _rtsp(uri: str) -> str:
    return rtsp_cause.cause(uri, 5)


def test_a_camera_that_says_nothing_is_named_in_time() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        for cause in (http_cause.examine(f"http://127.0.0.1:{port}/x", 0.3).cause, _silent_rtsp(port)):
            hint = "it may have too many viewers or need a restart"
            assert cause == f"127.0.0.1 accepts the connection and sends nothing: {hint}"


def _silent_rtsp(port: int) -> str:
    return rtsp_cause.cause(f"rtsp://127.0.0.1:{port}/x", 0.3)


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        ("RTSP/1.0 404 Not Found\r\n\r\n", "it has nothing at this path (404)"),
        ("RTSP/1.0 454 Session Not Found\r\n\r\n", "it has nothing at this path (454)"),
        ("RTSP/1.0 503 Service Unavailable\r\n\r\n", "it answers 503: too many viewers"),
        ("RTSP/1.0 401 Unauthorized\r\n\r\n", "it wants a user name and a password (401): rtsp://USER:PASSWORD@"),
        ("RTSP/1.0 551 Option not supported\r\n\r\n", "it answers 551; check the path"),
        ("RTSP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n", "it describes its stream, but sends none that can be played"),
        ("HTTP/1.1 400 Bad Request\r\n\r\n", "speaks HTTP; check the port (RTSP's usual one is 554) and the scheme"),
        ("220 mail ready\r\n\r\n", "does not speak RTSP; check the port"),
    ],
)
def test_what_an_rtsp_camera_answers_is_said(answering: Any, answer: str, says: str) -> None:
    assert says in _rtsp(f"rtsp://127.0.0.1:{answering(lambda _: answer)}/live")


def md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


@pytest.mark.parametrize("password", ["right", "wrong"])
@pytest.mark.parametrize("kind", ["Digest", "Basic"])
def test_behind_a_password_an_rtsp_camera_is_asked_with_it(
    answering: Callable[[Callable[[str], str]], int], kind: str, password: str
) -> None:
    """A wrong path behind a password is a wrong path, not a wrong password."""

    def answer(request: str) -> str:
        address = request.split()[1]
        if kind == "Digest":
            proof = md5(f"{md5('me:camera:right')}:abc:{md5(f'DESCRIBE:{address}')}")
            well = f'username="me", realm="camera", nonce="abc", uri="{address}", response="{proof}"' in request
        else:
            well = "Authorization: Basic bWU6cmlnaHQ=" in request
        if well:
            return "RTSP/1.0 404 Not Found\r\n\r\n"
        challenge = 'Digest realm="camera", nonce="abc"' if kind == "Digest" else 'Basic realm="camera"'
        return f"RTSP/1.0 401 Unauthorized\r\nWWW-Authenticate: {challenge}\r\n\r\n"

    cause = _rtsp(f"rtsp://me:{password}@127.0.0.1:{answering(answer)}/live")
    assert cause.startswith("it has nothing at this path" if password == "right" else "it refuses this user name")


def test_a_scheme_that_the_port_does_not_speak_is_named(answering: Any, odd_camera: Any) -> None:
    rtsp = answering(lambda _: "RTSP/1.0 400 Bad Request\r\n\r\n")
    assert "does not speak HTTP" in http_cause.examine(f"http://127.0.0.1:{rtsp}/x", 5).cause
    cause = http_cause.examine(f"https://127.0.0.1:{odd_camera.port}/plain", 5).cause
    assert cause == f"port {odd_camera.port} does not speak TLS as https:// does; try http://"
