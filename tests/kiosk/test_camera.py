"""Visitors' own cameras: each alone, bounded, forgotten; hostile frames and a killed worker harm nobody."""

from __future__ import annotations

import asyncio
import os
import random
import signal
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import pytest

pytest.importorskip("starlette", reason="the extra `kiosk` is not installed")

from starlette.testclient import TestClient

from edge import config as configuration
from edge.kiosk.paths import Client
from edge.kiosk.requests import Refused
from edge.kiosk.visitors import cameras, frame_analyzer
from edge.kiosk.visitors.cameras import FRAME_MAX, Cameras
from edge.kiosk.visitors.frame_analyzer import BadFrame, FrameAnalyzer, decode
from edge.kiosk.worker import Message, Program, Template, Worker, program
from tests.fixtures.scripted_vision import bright_pipeline

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterator

SCRIPTED = """
import os
from edge.kiosk.visitors.frame_analyzer import FrameAnalyzer
from tests.fixtures.scripted_vision import bright_pipeline

def make(settings):
    seer = FrameAnalyzer(bright_pipeline)
    def handle(message):
        if message.body.endswith(b"DIE"):
            os._exit(9)
        yield from seer(message)
    return handle
"""


def jpeg(*squares: tuple[int, int, int], width: int = 160, height: int = 120) -> bytes:
    image = np.full((height, width, 3), 110, np.uint8)
    for x, y, side in squares:
        image[y : y + side, x : x + side] = 230
    return bytes(cv2.imencode(".jpg", image)[1])


@pytest.fixture
def scripted(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Workers that call bright squares faces, at this process's own priority."""
    (tmp_path / "scripted_of_test.py").write_text(SCRIPTED)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(program, "NICENESS", 0)
    monkeypatch.setattr(cameras, "ENTRY", "scripted_of_test:make")


@pytest.fixture
def run(scripted: None) -> Callable[..., None]:
    del scripted

    def go(story: Callable[[Cameras], Coroutine[Any, Any, None]], **settings: Any) -> None:
        flags = {f"kiosk.{name}": value for name, value in settings.items()}

        async def tell() -> None:
            made = Cameras(configuration.load(environment={}, flags=flags))
            try:
                await story(made)
            finally:
                made.close()

        asyncio.run(tell())

    return go


@pytest.fixture
def new_seer() -> Callable[..., FrameAnalyzer]:
    def make(clock_ns: Callable[[], int]) -> FrameAnalyzer:
        return FrameAnalyzer(bright_pipeline, clock_ns=clock_ns)

    return make


def test_a_seer_follows_one_visitors_face(new_seer: Any) -> None:
    now = [0]
    seer_ = new_seer(lambda: now[0])
    for _ in range(4):
        now[0] += 100_000_000
        (answer,) = seer_(Message({}, jpeg((20, 20, 40))))
    (one,) = answer.head["faces"]
    assert one["box"][0] == pytest.approx(20 / 160, abs=0.02)
    assert len(one["scores"]) == 7
    assert one["primary"]


def test_a_face_that_jumped_is_shown_once_and_one_that_was_missed_goes_on(new_seer: Any) -> None:
    now = [0]
    seer_ = new_seer(lambda: now[0])

    def look(*squares: tuple[int, int, int]) -> list[Any]:
        now[0] += 200_000_000
        (answer,) = seer_(Message({}, jpeg(*squares)))
        found: list[Any] = answer.head["faces"]
        return found

    for _ in range(4):
        look((10, 20, 40))
    assert [face["box"][0] for face in look()] == [pytest.approx(10 / 160, abs=0.02)], "missed once"
    for _ in range(3):
        moved = look((100, 20, 40))
    assert [face["box"][0] for face in moved] == [pytest.approx(100 / 160, abs=0.02)]
    both = [look((10, 20, 30), (100, 20, 50)) for _ in range(4)][-1]
    assert [face["primary"] for face in sorted(both, key=lambda face: face["box"][0])] == [False, True]


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "no_jpeg"),
        (b"GIF89a" + bytes(50), "no_jpeg"),
        (b"\xff\xd8\xff" + random.Random(1).randbytes(200), "no_jpeg"),
        (b"\xff\xd8\xff\xe0", "no_jpeg"),
        (jpeg(width=4000, height=3000), "too_many_pixels"),
        (bytes(cv2.imencode(".png", np.zeros((9, 9), np.uint8))[1]), "no_jpeg"),
    ],
)
def test_what_is_no_frame_is_named_before_it_costs_anything(data: bytes, why: str) -> None:
    with pytest.raises(BadFrame, match=why):
        decode(data)


def test_a_header_that_lies_about_its_size_is_not_decoded_to_it() -> None:
    data = bytearray(jpeg(width=64, height=64))
    at = data.index(b"\xff\xc0") + 5
    data[at : at + 4] = b"\xff\xff\xff\xff"
    with pytest.raises(BadFrame, match="too_many_pixels"):
        decode(bytes(data))


def test_visitors_do_not_see_each_other_and_a_crash_costs_one_frame_of_one(run: Any) -> None:
    async def story(made: Cameras) -> None:
        for _ in range(3):
            one, other = await asyncio.gather(
                made.look("one", Client("one"), jpeg((20, 20, 40))),
                made.look("other", Client("other"), jpeg((80, 40, 40), (10, 10, 30))),
            )
        assert (len(one["faces"]), len(other["faces"])) == (1, 2)
        pids = {name: seat.worker.pid for name, seat in made._seats.items()}
        assert len({*pids.values(), None}) == 3, "a process each"
        with pytest.raises(Refused, match="worker failed"):
            await made.look("one", Client("one"), jpeg() + b"DIE")
        seen = await made.look("other", Client("other"), jpeg((80, 40, 40), (10, 10, 30)))
        assert (len(seen["faces"]), made._seats["other"].worker.pid) == (2, pids["other"]), "and lost nothing"
        assert (await made.look("one", Client("one"), jpeg()))["faces"] == []
        assert made._seats["one"].worker.pid != pids["one"]
        os.kill(made._seats["one"].worker.pid or 0, signal.SIGKILL)
        with pytest.raises(Refused):
            await made.look("one", Client("one"), jpeg())

    run(story)


def test_a_process_ends_with_its_visitor(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    async def story(made: Cameras) -> None:
        await made.look("one", Client("one"), jpeg())
        worker = made._seats["one"].worker
        assert worker.pid
        made.leave("one")
        assert made._seats == {}
        assert not worker.pid
        monkeypatch.setattr(cameras, "FORGET_S", 0.2)
        await made.look("silent", Client("one"), jpeg())
        worker = made._seats["silent"].worker
        for _ in range(3000):
            if worker.pid is None:  # it ends by itself
                return
            await asyncio.sleep(0.02)
        pytest.fail("it does not end")

    run(story)


def test_frames_that_take_long_keep_nobody_out(run: Any) -> None:
    async def story(made: Cameras) -> None:
        await made.look("one", Client("one"), jpeg())
        await made.look("two", Client("two"), jpeg())
        os.kill(made._seats["one"].worker.pid or 0, signal.SIGSTOP)
        stuck = asyncio.create_task(made.look("one", Client("one"), jpeg()))
        await asyncio.sleep(0)
        assert (await made.look("two", Client("two"), jpeg()))["width"] == 160
        assert not stuck.done()
        made.leave("one")
        with pytest.raises(Refused):
            await stuck

    run(story)


def test_seats_are_bounded_given_back_and_forgotten(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    async def story(made: Cameras) -> None:
        await made.look("one", Client("one"), jpeg())
        await made.look("two", Client("two"), jpeg())
        with pytest.raises(Refused) as full:
            await made.look("three", Client("three"), jpeg())
        assert full.value.answer.status_code == 503
        assert full.value.answer.headers["retry-after"]
        made.leave("one")
        await made.look("three", Client("three"), jpeg())
        with pytest.raises(Refused):
            await made.look("one", Client("one"), jpeg())
        monkeypatch.setattr(cameras, "FORGET_S", 0.2)
        await asyncio.sleep(0.3)
        assert len(made) == 0, "silence gives seats back"
        await made.look("one", Client("one"), jpeg())

    run(story, max_cameras=2)


def test_one_address_leaves_a_camera_to_others_and_operators_have_one_more(run: Any) -> None:
    async def story(made: Cameras) -> None:
        for identity in ("one", "two"):
            await made.look(identity, Client("192.0.2.1"), jpeg())
        with pytest.raises(Refused):
            await made.look("three", Client("192.0.2.1"), jpeg())
        await made.look("four", Client("192.0.2.2"), jpeg())
        with pytest.raises(Refused):
            await made.look("five", Client("192.0.2.3"), jpeg())
        await made.look("six", Client("192.0.2.1", operates=True), jpeg())

    run(story, max_cameras=3)


def test_one_frame_of_each_at_a_time_and_no_faster_than_allowed(run: Any) -> None:
    async def story(made: Cameras) -> None:
        await made.look("one", Client("one"), jpeg())
        loop = asyncio.get_running_loop()
        began = loop.time()
        both = await asyncio.gather(
            made.look("one", Client("one"), jpeg()), made.look("one", Client("one"), jpeg()), return_exceptions=True
        )
        assert [type(answer) for answer in both] == [dict, Refused]
        assert loop.time() - began >= cameras.FASTEST_S * 0.9

    run(story)


def test_one_who_breaks_off_a_request_goes_on_with_the_next(run: Any) -> None:
    async def story(made: Cameras) -> None:
        await made.look("one", Client("one"), jpeg())
        pid = made._seats["one"].worker.pid
        broken = asyncio.create_task(made.look("one", Client("one"), jpeg()))
        await asyncio.sleep(0)
        broken.cancel()
        await asyncio.gather(broken, return_exceptions=True)
        assert (await made.look("one", Client("one"), jpeg()))["width"] == 160
        assert made._seats["one"].worker.pid == pid

    run(story)


class Visitor:
    def __init__(self, client: TestClient) -> None:
        self.client = client
        self.csrf = client.get("/api/visit").json()["csrf"]

    def send(self, data: bytes, **headers: str) -> Any:
        sent = {"x-csrf-token": self.csrf, "content-type": "image/jpeg"} | headers
        return self.client.post("/api/camera", content=data, headers=sent)


@pytest.fixture
def visitor(scripted: None, make_kiosk: Any) -> Iterator[Callable[..., Visitor]]:
    """``visitor(role, **settings)``: a browser at a kiosk that serves the network."""
    del scripted
    clients: list[Any] = []

    def come(kiosk: Any = None, **settings: Any) -> Visitor:
        kiosk = kiosk or make_kiosk(**settings)
        client = TestClient(kiosk.app, base_url="http://localhost:8080", follow_redirects=False)
        clients.append((client.__enter__(), kiosk))
        return Visitor(client)

    yield come
    for client, kiosk in clients:
        kiosk.cameras.close()
        client.__exit__(None, None, None)


def test_frames_come_by_post_and_faces_go_back(visitor: Any) -> None:
    one = visitor()
    for _ in range(3):
        answer = one.send(jpeg((20, 20, 40)))
    assert answer.status_code == 200
    told = answer.json()
    assert (told["width"], told["height"], len(told["faces"])) == (160, 120, 1)
    assert answer.headers["cache-control"] == "no-store"
    assert one.client.post("/api/camera/leave", headers={"x-csrf-token": one.csrf}).status_code == 200


def test_garbage_strange_types_and_too_much_are_refused(visitor: Any) -> None:
    one = visitor()
    assert one.send(b"\xff\xd8\xff" + bytes(5000)).json()["error"] == "no_jpeg"
    assert one.send(jpeg(width=3000, height=2000)).json()["error"] == "too_many_pixels"
    assert one.send(bytes(FRAME_MAX + 1)).status_code == 413
    assert one.send(jpeg(), **{"content-type": "text/html"}).status_code == 415
    assert one.send(jpeg(), **{"x-csrf-token": "0" * 64}).status_code == 403
    assert one.send(jpeg(), origin="http://evil.example").status_code == 403
    assert one.send(jpeg()).status_code == 200, "and none of it harmed anyone"


@pytest.mark.parametrize("visitors", [True, False])
def test_viewers_may_where_the_operator_allows_it(make_kiosk: Any, visitor: Any, hashes: Any, visitors: bool) -> None:
    kiosk = make_kiosk(host="0.0.0.0", open_to_viewers=True, visitors=visitors, password_file=hashes["password_file"])
    one = visitor(kiosk)
    assert one.client.get("/camera").status_code == (200 if visitors else 303)
    assert one.send(jpeg()).status_code == (200 if visitors else 403)


def test_strangers_are_sent_to_the_login(guarded: Any, browser: Any) -> None:
    answer = browser(guarded).client.get("/camera")
    assert (answer.status_code, answer.headers["location"]) == (303, "login?next=%2Fcamera")


def test_only_this_page_may_ask_for_a_camera(open_kiosk: Any, browser: Any) -> None:
    client = browser(open_kiosk).client
    assert client.get("/camera").headers["permissions-policy"].startswith("camera=(self)")
    for path in ("/", "/operator", "/phone", "/about", "/login", "/nothing", "/static/js/camera.js"):
        assert client.get(path).headers["permissions-policy"].startswith("camera=()"), path


def test_the_workers_settings_hold_no_secret() -> None:
    config = configuration.load(environment={"FACE_EDGE_MQTT__PASSWORD": "hush"})
    told = frame_analyzer.settings_of(config)
    assert "hush" not in repr(told)
    assert told["model"]["threads"] == 1


def test_the_real_network_reads_a_real_face(portrait_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("ai_edge_litert", reason="no inference runtime")
    monkeypatch.setattr(program, "NICENESS", 0)
    picture = cv2.imread(str(portrait_path))
    assert picture is not None
    frame = bytes(cv2.imencode(".jpg", cv2.resize(picture, (480, 480 * picture.shape[0] // picture.shape[1])))[1])

    async def story() -> None:
        template = Template(
            Program(frame_analyzer.ENTRY, frame_analyzer.settings_of(configuration.load(environment={})))
        )
        worker = Worker(template)
        try:
            for _ in range(4):
                answer = await worker.ask(Message({}, frame), timeout_s=30)
            assert template.pid is not None, "no library started threads while it was loaded"
        finally:
            worker.kill()
            template.kill()
        (face,) = answer.head["faces"]
        assert sum(face["scores"]) == pytest.approx(1, abs=0.01)
        assert face["emotion"] == "happy"

    asyncio.run(story())


def test_the_pages_lead_there_where_visitors_may(make_kiosk: Any, browser: Any) -> None:
    assert 'href="camera"' in browser(make_kiosk()).client.get("/operator").text
    assert 'href="camera"' not in browser(make_kiosk()).client.get("/phone").text
    assert 'href="camera"' in browser(make_kiosk(visitors=True)).client.get("/phone").text


@pytest.mark.parametrize(
    ("settings", "invites"),
    [
        ({"visitors": True, "public_url": "https://foyer.lan"}, True),
        ({"visitors": True, "public_url": "http://foyer.lan"}, False),
        ({"visitors": False, "public_url": "https://foyer.lan"}, False),
        ({"visitors": True}, False),
    ],
)
def test_the_wall_invites_only_to_what_will_work(
    make_kiosk: Any, browser: Any, settings: dict[str, Any], invites: bool
) -> None:
    wall = browser(make_kiosk(**settings)).client.get("/").text
    assert ("https://foyer.lan/camera" in wall) is invites
