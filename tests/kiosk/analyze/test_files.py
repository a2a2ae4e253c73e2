"""Files over HTTP: sent, read, fetched, refused, cancelled, forgotten."""

from __future__ import annotations

import asyncio
import csv
import io
import json
import os
import signal
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import pytest

from edge.kiosk.analyze import reader as readers
from edge.kiosk.analyze import service as desks
from edge.kiosk.analyze import shares
from edge.kiosk.worker import program

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.timeout(180)


def decoded(data: bytes) -> Any:
    image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    assert image is not None
    return image


def test_a_picture_is_read_shown_and_listed(shared: Any, visitor: Any, portrait: bytes) -> None:
    identity = visitor.send("..\\me & you\n.jpg", portrait)
    told = visitor.wait_for(identity, "done")
    assert (told["name"], told["kind"], told["before"]) == ("me & you .jpg", "picture", None)
    result = visitor.get(identity, "result.json").json()
    (face,) = result["faces"]
    assert face["emotion"] in face["scores"]
    assert sum(face["scores"].values()) == pytest.approx(1, abs=0.01)
    image = decoded(visitor.get(identity, "preview.jpg").content)
    assert image.shape[1] / image.shape[0] == pytest.approx(result["width"] / result["height"], rel=0.01)
    assert {path.name for path in shared.left(identity)} == {"preview.jpg", "faces.csv", "result.json"}
    table = list(csv.DictReader(io.StringIO(visitor.http.get("/api/analyze/faces.csv").text)))
    assert [(row["path"], row["faces"]) for row in table] == [("me & you .jpg", "1")]
    download = visitor.get(identity, "faces.csv?download")
    assert "attachment" in download.headers["content-disposition"]


def turned(portrait: bytes, orientation: int) -> bytes:
    """The photograph with an EXIF orientation in front."""
    entry = b"\x12\x01\x03\x00\x01\x00\x00\x00" + bytes([orientation, 0, 0, 0])
    tiff = b"II*\x00\x08\x00\x00\x00\x01\x00" + entry + b"\x00\x00\x00\x00"
    block = b"Exif\x00\x00" + tiff
    return portrait[:2] + b"\xff\xe1" + (len(block) + 2).to_bytes(2, "big") + block + portrait[2:]


@pytest.mark.parametrize("kind", [".png", ".bmp", ".webp"])
def test_other_pictures_are_read_as_well(visitor: Any, portrait: bytes, kind: str) -> None:
    image = decoded(portrait)
    identity = visitor.send(f"a{kind}", cv2.imencode(kind, image)[1].tobytes())
    visitor.wait_for(identity, "done")
    assert len(visitor.get(identity, "result.json").json()["faces"]) == 1


def test_turned_pictures_come_upright(visitor: Any, portrait: bytes) -> None:
    image = decoded(portrait)
    lying = cv2.imencode(".jpg", cv2.rotate(image, cv2.ROTATE_90_COUNTERCLOCKWISE))[1].tobytes()
    identity = visitor.send("a.jpg", turned(lying, 6))
    visitor.wait_for(identity, "done")
    result = visitor.get(identity, "result.json").json()
    assert (result["width"], result["height"], len(result["faces"])) == (image.shape[1], image.shape[0], 1)


def test_a_video_keeps_its_sound_and_plays_in_ranges(visitor: Any, video: Callable[..., Path]) -> None:
    av = pytest.importorskip("av", reason="videos need PyAV")
    identity = visitor.send("clip.mkv", video("clip.mkv", seconds=2, sound="pcm_s16le").read_bytes())
    visitor.wait_for(identity, "done")
    result = visitor.get(identity, "result.json").json()
    assert (result["width"], result["height"], len(result["faces"])) == (160, 120, 20)
    assert set(result["scores"]) == {"angry", "disgust", "fear", "happy", "sad", "surprise", "neutral"}
    whole = visitor.get(identity, "copy.mp4")
    assert whole.headers["content-type"] == "video/mp4"
    with av.open(io.BytesIO(whole.content)) as container:
        assert container.streams.video[0].codec_context.name == "h264"
        assert container.streams.audio[0].codec_context.name == "aac"
    part = visitor.get(identity, "copy.mp4", headers={"range": "bytes=10-19"})
    assert (part.status_code, part.content) == (206, whole.content[10:20])
    assert 'filename="clip-faces.mp4"' in visitor.get(identity, "copy.mp4?download").headers["content-disposition"]


@pytest.mark.parametrize(
    ("name", "data", "size", "told"),
    [
        ("a.heic", b"\x00\x00\x00\x18ftypheic" + bytes(99), None, (415, "heic")),
        ("list.mp4", b"#EXTM3U\nfile:///etc/passwd", None, (415, "playlist")),
        ("empty.jpg", b"", None, (415, "empty")),
        ("a.jpg", b"\xff\xd8\xff" + bytes(99), 10**10, (413, "too_large")),
    ],
)
def test_refusals_come_before_anything_is_sent(
    visitor: Any, name: str, data: bytes, size: int | None, told: tuple[int, str]
) -> None:
    answer = visitor.announce(name, data, size)
    assert (answer.status_code, answer.json()["error"]) == told
    assert visitor.files() == {}


def test_a_damaged_file_is_one_line_and_the_next_is_read(shared: Any, visitor: Any, portrait: bytes) -> None:
    bad = visitor.send("cut.jpg", portrait[: len(portrait) // 2])
    good = visitor.send("whole.jpg", portrait)
    told = visitor.wait_for(bad, "failed")
    assert (told["error"], told["detail"]) == ("damaged", "is cut off: the end of the picture is missing")
    visitor.wait_for(good, "done")
    assert shared.gone(bad)
    assert visitor.get(bad, "result.json").status_code == 404


def bomb() -> bytes:
    """A PNG that says it has 10 gigapixels."""
    import struct
    import zlib

    header = b"IHDR" + struct.pack(">IIBBBBB", 100_000, 100_000, 8, 2, 0, 0, 0)
    end = b"\x00\x00\x00\x00IEND" + struct.pack(">I", zlib.crc32(b"IEND"))
    return b"\x89PNG\r\n\x1a\n\x00\x00\x00\x0d" + header + struct.pack(">I", zlib.crc32(header)) + end


def test_bombs_and_videos_that_are_too_long_are_refused(serve: Any, video: Callable[..., Path]) -> None:
    visitor = serve(video_minutes=0.05).visitor()
    large = visitor.wait_for(visitor.send("bomb.png", bomb()), "failed")
    assert "megapixels" in large["detail"]
    assert str(visitor.http.base_url) not in large["detail"]
    long = visitor.wait_for(visitor.send("long.mp4", video("long.mp4", seconds=4).read_bytes()), "failed")
    assert long["error"] == "too_long"


def test_what_comes_must_be_what_was_announced(shared: Any, visitor: Any, portrait: bytes) -> None:
    short = visitor.announce("a.jpg", portrait).json()["id"]
    assert visitor.put(short, portrait[:-1]).json()["error"] == "incomplete"
    other = visitor.announce("a.jpg", portrait).json()["id"]
    assert visitor.put(other, b"#EXTM3U\n" + portrait[8:]).status_code == 415
    again = visitor.send("a.jpg", portrait)
    assert visitor.put(again, portrait).json()["error"] == "twice"
    endless = visitor.announce("a.jpg", portrait).json()["id"]
    assert visitor.put(endless, (portrait for _ in range(3))).json()["error"] == "incomplete"
    assert shared.gone(short, other, endless)


def test_nobody_reaches_what_another_sent(shared: Any, portrait: bytes) -> None:
    one, two = shared.visitor(), shared.visitor()
    identity = one.send("a.jpg", portrait)
    one.wait_for(identity, "done")
    for visitor in (two, shared.visitor()):
        assert visitor.get(identity, "preview.jpg").status_code == 404
        assert visitor.get(identity, "result.json").status_code == 404
        assert visitor.delete(identity).status_code == 404
        assert visitor.http.get("/api/analyze/faces.csv").status_code == 404
        assert visitor.files() == {}
    assert one.get(identity, "preview.jpg").status_code == 200
    for name in ("upload", "%2e%2e", "%2e%2e%2flock", "lock"):
        assert one.get(identity, name).status_code in {404, 405}


def test_commands_need_the_pages_token_and_the_right(serve: Any, hashes: Any, portrait: bytes) -> None:
    visitor = serve().visitor()
    visitor.token = "guessed"
    assert visitor.announce("a.jpg", portrait).status_code == 403
    guarded = serve(**hashes, open_to_viewers=True).visitor()
    assert guarded.announce("a.jpg", portrait).status_code == 403
    assert guarded.http.get("/analyze", follow_redirects=False).status_code == 303
    invited = serve(**hashes, open_to_viewers=True, visitors=True).visitor()
    assert invited.announce("a.jpg", portrait).status_code == 201
    page = invited.http.get("/analyze")
    assert (page.status_code, page.headers["content-security-policy"].count("media-src 'self'")) == (200, 1)
    assert "media-src" not in invited.http.get("/about").headers["content-security-policy"]


def test_pictures_pass_a_video_that_goes_on_afterwards(
    serve: Any, video: Callable[..., Path], portrait: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(readers, "SILENCE_S", 120.0)
    served = serve()
    one, two = served.visitor(), served.visitor()
    long = one.send("long.mp4", video("long.mp4", seconds=40, size=(320, 240)).read_bytes())
    one.wait_for(long, "running")
    picture = two.send("a.jpg", portrait)
    assert two.files()[picture]["before"] in {0, None}
    two.wait_for(picture, "done")
    assert one.files()[long]["state"] == "running"
    assert one.wait_for(long, "done")["error"] == ""


def test_cancelling_stops_the_reading_at_once(serve: Any, video: Callable[..., Path], stopwatch: Any) -> None:
    served = serve()
    visitor = served.visitor()
    data = video("long.mp4", seconds=40, size=(320, 240)).read_bytes()
    long, second = visitor.send("long.mp4", data), visitor.send("short.mp4", video("s.mp4", seconds=1).read_bytes())
    told = visitor.wait_for(long, "running")
    assert told["before"] is None
    assert visitor.files()[second]["before"] == 1
    with stopwatch() as took:
        assert visitor.delete(long).status_code == 200
    assert took.seconds < 5
    visitor.wait_for(second, "done")
    assert set(visitor.files()) == {second}
    assert served.gone(long)


def test_a_video_that_stands_still_can_be_cancelled(
    serve: Any, video: Callable[..., Path], portrait: bytes, monkeypatch: pytest.MonkeyPatch, eventually: Any
) -> None:
    served = serve()
    visitor = served.visitor()
    long = visitor.send("long.mp4", video("long.mp4", seconds=40, size=(320, 240)).read_bytes())
    visitor.wait_for(long, "running")
    read, go_on = served.desk.pictures.read, threading.Event()

    async def slowly(*arguments: Any) -> None:
        await asyncio.to_thread(go_on.wait, 60)
        await read(*arguments)

    monkeypatch.setattr(served.desk.pictures, "read", slowly)
    picture = visitor.send("a.jpg", portrait)

    def stands_still() -> bool:
        pid = served.desk.reader.worker.pid
        return pid is not None and Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].startswith("T")

    assert eventually(stands_still)
    assert visitor.delete(long).status_code == 200
    go_on.set()
    visitor.wait_for(picture, "done")
    assert served.gone(long)


def test_a_worker_that_dies_fails_its_file_alone(serve: Any, video: Callable[..., Path], portrait: bytes) -> None:
    served = serve()
    visitor = served.visitor()
    data = video("long.mp4", seconds=40, size=(320, 240)).read_bytes()
    for _ in range(2):
        long = visitor.send("long.mp4", data)
        visitor.wait_for(long, "running")
        deadline = time.monotonic() + 60
        while served.desk.reader.worker.pid is None and time.monotonic() < deadline:
            time.sleep(0.01)
        os.kill(served.desk.reader.worker.pid, signal.SIGKILL)
        assert visitor.wait_for(long, "failed")["error"] == "crashed"
    visitor.wait_for(visitor.send("a.jpg", portrait), "done")


def test_all_goes_when_the_visitor_does(
    serve: Any, portrait: bytes, monkeypatch: pytest.MonkeyPatch, eventually: Any
) -> None:
    served = serve()
    said, silent = served.visitor(), served.visitor()
    for visitor in (said, silent):
        visitor.wait_for(visitor.send("a.jpg", portrait), "done")
    monkeypatch.setattr(desks, "GRACE_S", 0.5)
    assert said.leave().status_code == 200
    assert eventually(lambda: not served.left())  # the other's went by itself
    assert eventually(lambda: not served.desk.rooms)


def test_results_do_not_stay_for_ever(
    serve: Any, portrait: bytes, monkeypatch: pytest.MonkeyPatch, eventually: Any
) -> None:
    served = serve()
    visitor = served.visitor()
    visitor.wait_for(visitor.send("a.jpg", portrait), "done")
    monkeypatch.setattr(desks, "IDLE_S", 0.2)
    with visitor.http.stream("GET", "/api/analyze/live?tab=one") as stream:
        lines = stream.iter_lines()
        assert any(line == 'data: "time"' for line in lines)
    assert eventually(lambda: not served.left())


def test_stopping_leaves_nothing(serve: Any, portrait: bytes) -> None:
    served = serve()
    served.visitor().send("a.jpg", portrait)
    served.close()
    assert list(served.uploads.rglob("*.jpg")) == []
    assert served.left() == []


def test_visitors_share_what_there_is(
    serve: Any, portrait: bytes, monkeypatch: pytest.MonkeyPatch, eventually: Any
) -> None:
    served = serve(upload_mb=1)
    assert eventually(lambda: served.desk.store.budget > 0)
    served.desk.store.budget = len(portrait) + 10
    visitor = served.visitor()
    assert visitor.announce("a.jpg", portrait).status_code == 201
    answer = visitor.announce("b.jpg", portrait)
    assert (answer.status_code, answer.json()["error"]) == (507, "no_room")
    monkeypatch.setattr(shares, "MOST_ROOMS", 1)
    monkeypatch.setattr(shares, "RESERVED_ROOMS", 0)
    assert served.visitor().announce("a.jpg", portrait).json()["error"] == "full"


def test_the_worker_runs_lowest_and_knows_no_secrets(
    serve: Any, portrait: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(program, "NICENESS", 19)
    monkeypatch.setenv("FACE_EDGE_MQTT__PASSWORD", "geheim")
    served = serve(**{"mqtt.password": "geheim"})
    served.desk.pictures.idle = True
    visitor = served.visitor()
    visitor.send("a.jpg", portrait)
    deadline = time.monotonic() + 200
    while served.desk.pictures.worker is None or served.desk.pictures.worker.pid is None:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    assert "geheim" not in json.dumps(served.desk.pictures.template.program.settings)
    pid = served.desk.pictures.worker.pid
    while os.getpriority(os.PRIO_PROCESS, pid) != 19:  # it lowers itself as the first thing it does
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_kiosk_that_starts_again_reads_again(serve: Any, portrait: bytes) -> None:
    served = serve()
    served.visitor().send("a.jpg", portrait)
    served.server.stop()
    assert served.left() == []
    served.server.start()
    visitor = served.visitor()
    visitor.wait_for(visitor.send("a.jpg", portrait), "done")


def test_a_fault_of_ours_ends_one_file_alone(
    serve: Any, portrait: bytes, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    served = serve()
    visitor = served.visitor()
    read = served.desk.pictures.read

    async def broken(*_: Any) -> None:
        message = "unforeseen"
        raise RuntimeError(message)

    monkeypatch.setattr(served.desk.pictures, "read", broken)
    assert visitor.wait_for(visitor.send("a.jpg", portrait), "failed")
    assert "unforeseen" in caplog.text
    monkeypatch.setattr(served.desk.pictures, "read", read)
    visitor.wait_for(visitor.send("a.jpg", portrait), "done")
