"""What pages are told: board, timeline, the sink and its server."""

from __future__ import annotations

import http.client
import json
import time
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from edge import config as configuration
from edge.core.commands import CommandQueue
from edge.core.errors import SinkError
from edge.core.events import CameraStatus, Look, LookKind, Privacy
from edge.core.types import Box, Emotion, Face, Frame, Observation, Scores
from edge.kiosk import live
from edge.kiosk.picture import WIDTH, FrameTap, TappedPipeline
from edge.kiosk.sink import KioskSink
from edge.kiosk.timeline import MARKERS, STEPS, Timeline
from edge.kiosk.topic_cache import TopicCache

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

HAPPY = Scores.of((0, 0, 0, 9, 0, 0, 1))


def observation(count: int = 1) -> Observation:
    faces = tuple(Face(f"f{n}", Box(64, 48, 128, 96), HAPPY, Emotion.HAPPY, 0.9, primary=n == 0) for n in range(count))
    return Observation(time.monotonic_ns(), 0, 640, 480, faces)


def test_only_the_newest_of_a_topic_waits() -> None:
    board = TopicCache()
    rung: list[int] = []
    board.on_change(lambda: rung.append(1))
    for value in (1, 2, 3):
        board.put("a", value)
    board.put("b", 1)
    number, news = board.newer_than(0, {"a", "b"})
    assert news == [("a", "3"), ("b", "1")]
    board.put("a", 3)
    assert board.newer_than(number, {"a", "b"}) == (number, [])
    assert len(rung) == 4
    board.put("c", 1)
    assert board.newer_than(number, {"a"})[1] == [], "only the topics that one may see"


def test_figures_of_few_people_are_withheld() -> None:
    look = Look(LookKind.EMOTION, Emotion.HAPPY, 0.9, 1)
    told = live.mood(look, observation(1), k=3, taken_ms=1.0)
    assert told["suppressed"]
    assert (told["emotion"], told["scores"], told["valence"], told["people"]) == (None, None, None, 1)
    (face,) = live.faces(observation(1), k=3)["faces"]
    assert face["emotion"] is None
    assert live.mood(look, observation(3), k=3, taken_ms=1.0)["emotion"] == "happy"
    assert live.faces(observation(3), k=3)["faces"][0]["box"] == [0.1, 0.1, 0.2, 0.2]


def test_a_long_session_stays_whole_in_bounded_steps() -> None:
    line = Timeline()
    line.begin(100.0, session=True)
    for second in range(4 * STEPS):
        line.add(100.0 + second, Emotion.HAPPY if second < 2 * STEPS else Emotion.SAD, 0.5, 2)
    told = line.as_dict(100.0 + 4 * STEPS)
    assert told["step"] == 4
    assert told["emotions"] == "3" * (STEPS // 2) + "4" * (STEPS // 2)
    assert told["elapsed"] == 4 * STEPS


def test_without_a_session_the_oldest_go() -> None:
    line = Timeline()
    line.begin(0.0, session=False)
    line.mark(0.5, "early")
    for second in range(STEPS + 50):
        line.add(float(second), Emotion.HAPPY, None, 1)
    told = line.as_dict(STEPS + 50.0)
    assert (len(told["emotions"]), told["step"], told["markers"]) == (STEPS, 1, [])


def test_markers_are_bounded_and_an_interrupted_session_keeps_its_time() -> None:
    line = Timeline()
    line.begin(1000.0, session=True, elapsed_s=3600)
    for number in range(MARKERS + 5):
        line.mark(1000.0, f"m{number}")
    told = line.as_dict(1000.0)
    assert len(told["markers"]) == MARKERS
    assert told["markers"][-1] == [3600.0, f"m{MARKERS + 4}"]
    assert len(told["emotions"]) <= STEPS


@pytest.fixture
def make_sink(tmp_path: Path) -> Iterator[Callable[..., KioskSink]]:
    made: list[KioskSink] = []

    def make(**settings: Any) -> KioskSink:
        flags = {"node.id": "n1", "node.state_dir": tmp_path, "kiosk.enabled": True, "kiosk.port": 0}
        flags |= {f"kiosk.{name}": value for name, value in settings.items()}
        made.append(KioskSink(configuration.load(environment={}, flags=flags), CommandQueue()))
        return made[-1]

    yield make
    for sink in made:
        sink.close()


class Viewer:
    """Reads the stream as a browser does."""

    def __init__(self, sink: KioskSink, address: str = "127.0.0.1") -> None:
        host = sink.url.removeprefix("http://")
        self._connection = http.client.HTTPConnection(host, timeout=60, source_address=(address, 0))
        self._connection.request("GET", "/api/live")
        self.answer = self._connection.getresponse()

    def next(self, topic: str) -> Any:
        while line := self.answer.readline().decode():
            if line.strip() == f"event: {topic}":
                return json.loads(self.answer.readline().decode().removeprefix("data: "))
        return None

    def close(self) -> None:
        self.answer.close()
        self._connection.close()


def test_a_viewer_gets_what_is_there_then_what_is_new(make_sink: Any) -> None:
    sink = make_sink()
    sink.handle(Privacy(on=False))
    sink.open()
    viewer = Viewer(sink)
    assert viewer.answer.headers["content-type"].startswith("text/event-stream")
    assert viewer.next("hello")["node"] == "n1"
    assert viewer.next("privacy") is False
    sink.handle(observation(2))
    sink.handle(Look(LookKind.EMOTION, Emotion.HAPPY, 0.9, 2))
    told = viewer.next("mood")
    assert (told["emotion"], told["people"], told["scores"][3]) == ("happy", 2, 0.9)
    assert abs(time.time() * 1000 - told["t"]) < 60_000
    sink.handle(CameraStatus.OFFLINE)
    assert viewer.next("camera") == "offline"
    viewer.close()


def test_the_server_stops_at_once_with_viewers_on_it_and_starts_again(make_sink: Any, stopwatch: Any) -> None:
    sink = make_sink()
    sink.open()
    viewer, url = Viewer(sink), sink.url
    viewer.next("hello")
    with stopwatch() as took:
        sink.close()
    assert took.seconds < 2
    assert viewer.next("mood") is None, "the stream has ended"
    viewer.close()
    sink.open()
    assert sink.url == url
    again = Viewer(sink)
    assert again.next("hello")
    again.close()


def test_viewers_are_bounded_and_leave_room(make_sink: Any, eventually: Any) -> None:
    sink = make_sink(max_viewers=1)
    sink.open()
    first = Viewer(sink, "127.0.0.2")
    first.next("hello")
    second = Viewer(sink, "127.0.0.3")
    assert second.answer.status == 503
    second.close()
    first.close()

    def enters() -> bool:
        viewer = Viewer(sink, "127.0.0.3")
        viewer.close()
        return viewer.answer.status == 200

    sink.handle(Privacy(on=True))
    assert eventually(enters)


def test_who_takes_nothing_holds_nobody_up(make_sink: Any) -> None:
    sink = make_sink()
    sink.open()
    slow = Viewer(sink)  # never reads
    busy = Viewer(sink)
    busy.next("hello")
    for number in range(3000):  # for ever if one of them waited for the viewer
        sink.board.put("camera", f"{number} " + "x" * 400)
    while not busy.next("camera").startswith("2999 "):
        pass
    slow.close()
    busy.close()


def test_a_port_that_is_taken_is_one_clear_line(make_sink: Any) -> None:
    first = make_sink()
    first.open()
    second = make_sink(port=int(first.url.rpartition(":")[2]))
    with pytest.raises(SinkError, match="used by another program"):
        second.open()


def test_frames_are_seen_only_through_the_tap_and_forgotten_on_a_pause() -> None:
    class Seer:
        def step(self, _frame: Frame) -> Observation:
            return observation()

        def reset(self) -> None: ...

        def close(self) -> None: ...

    tap = FrameTap()
    watched = TappedPipeline(Seer(), tap)  # type: ignore[arg-type]
    assert tap.jpeg() is None
    watched.step(Frame(np.zeros((720, 1280, 3), np.uint8), 0, 0))
    data = tap.jpeg()
    assert data is not None
    assert data is tap.jpeg(), "made once for all who ask"
    cv2 = pytest.importorskip("cv2")
    assert cv2.imdecode(np.frombuffer(data, np.uint8), 1).shape[1] == WIDTH
    watched.reset()
    assert tap.jpeg() is None


def test_the_picture_is_there_only_where_it_is_switched_on(make_kiosk: Any, browser: Any) -> None:
    assert browser(make_kiosk()).client.get("/api/picture").status_code == 404
    tap = FrameTap()
    shown = browser(make_kiosk(tap, live_picture=True))
    assert shown.client.get("/api/picture").status_code == 204
    tap.put(Frame(np.zeros((48, 64, 3), np.uint8), 0, 0))
    answer = shown.client.get("/api/picture")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "image/jpeg")


def test_the_about_page_and_the_sign_say_who_and_what(make_kiosk: Any, browser: Any) -> None:
    kiosk = make_kiosk(operator_name="Aurora & Co", public_url="http://foyer.lan:8080", live_picture=True)
    client = browser(kiosk).client
    about = client.get("/about").text
    assert "Aurora &amp; Co" in about
    assert "operator sees the camera" in about
    sign = client.get("/sign").text
    assert "<svg" in sign
    assert "http://foyer.lan:8080/about" in sign
    assert "kiosk.public_url" not in sign
    assert "kiosk.public_url" in browser(make_kiosk()).client.get("/sign").text
