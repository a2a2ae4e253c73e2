from __future__ import annotations

import itertools
import logging
import threading
import time
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from edge.config import SourceConfig
from edge.core.errors import HardwareUnavailable, SourceEnded, SourceError
from edge.core.types import Box, Frame
from edge.sources.factory import create
from edge.sources.newest import NewestFrame
from edge.sources.orient import orient
from edge.sources.passive import PassiveSource

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

CONFIG = SourceConfig(backoff_max_s=0.05, read_timeout_s=0.2)


class Scripted(PassiveSource):
    """A source that does what ``steps`` say: deliver, wait, fail."""

    uri = "scripted"
    epoch_ns = None

    def __init__(self, steps: Iterator[Callable[[], Frame]], *, lossless: bool = False) -> None:
        self.lossless = lossless
        self.opened = 0
        self.closed = 0
        self.close_error: Exception | None = None
        self._steps = steps

    def open(self) -> None:
        self.opened += 1

    def read(self) -> Frame:
        return next(self._steps)()

    def close(self) -> None:
        self.closed += 1
        if self.close_error is not None:
            raise self.close_error


def frame(index: int) -> Frame:
    return Frame(np.zeros((4, 6, 3), np.uint8), index, index)


def give(index: int, *, after: threading.Event | None = None, delay_s: float = 0.0) -> Callable[[], Frame]:
    def step() -> Frame:
        if after is not None:
            after.wait(60)
        time.sleep(delay_s)
        return frame(index)

    return step


def fail(error: Exception, *, after: threading.Event | None = None) -> Callable[[], Frame]:
    def step() -> Frame:
        if after is not None:
            after.wait(60)
        raise error

    return step


def wait_until(condition: Callable[[], bool], timeout_s: float = 60.0) -> None:
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, "never came true"
        time.sleep(0.005)


def test_only_the_newest_frame_is_kept_and_the_others_are_counted() -> None:
    go_on = threading.Event()
    steps = iter([*map(give, range(10)), give(10, after=go_on)])
    frames = NewestFrame(Scripted(steps), CONFIG)
    frames.start()
    wait_until(lambda: frames.captured == 10)
    newest = frames.get(1)
    assert newest is not None
    assert newest.index == 9
    assert frames.skipped == 9
    assert frames.get(0.01) is None
    go_on.set()
    frames.stop()


def test_a_clip_hands_over_every_frame_and_ends() -> None:
    steps = iter([*map(give, range(30)), fail(SourceEnded("over"))])
    frames = NewestFrame(Scripted(steps, lossless=True), CONFIG)
    frames.start()
    found = []
    while (got := frames.get(2)) is not None:
        found.append(got.index)
    assert found == list(range(30))
    assert frames.ended
    assert frames.error is None
    assert frames.skipped == 0
    frames.stop()


def test_a_camera_that_fails_is_opened_again_and_told_once(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    gone = SourceError("usb:0: delivers no frames")
    steps = iter([give(0), fail(gone), fail(gone), fail(gone), give(1), give(2, delay_s=0.3)])
    source = Scripted(steps)
    frames = NewestFrame(source, CONFIG)
    frames.start()
    wait_until(lambda: frames.captured >= 2)
    assert source.opened == 4
    assert source.closed == 3
    assert frames.reconnects == 3
    assert not frames.failing
    wait_until(lambda: len(caplog.records) == 2)  # what is said comes after what is counted
    assert [r.getMessage() for r in caplog.records] == [
        "usb:0: delivers no frames; trying again",
        "scripted: delivers frames again",
    ]
    frames.stop()


def test_a_missing_package_or_a_bad_clip_ends_it() -> None:
    missing = NewestFrame(Scripted(iter([fail(HardwareUnavailable("install it"))])), CONFIG)
    bad = NewestFrame(Scripted(iter([fail(SourceError("damaged"))]), lossless=True), CONFIG)
    for frames, says in ((missing, "install it"), (bad, "damaged")):
        frames.start()
        assert frames.get(2) is None
        assert frames.ended
        assert str(frames.error) == says
        frames.stop()


@pytest.mark.parametrize("fault", [RuntimeError("libcamera says\nmore"), ValueError("0 in shape"), OSError("gone")])
def test_what_no_source_foresaw_is_survived_too(fault: Exception, caplog: pytest.LogCaptureFixture) -> None:
    hold = threading.Event()
    source = Scripted(iter([give(0), fail(fault), fail(fault), give(1), give(2, after=hold)]))
    source.close_error = RuntimeError("cannot close either")
    frames = NewestFrame(source, CONFIG)
    frames.start()
    wait_until(lambda: frames.captured == 2)
    assert not frames.ended
    assert frames.reconnects == 2
    assert isinstance(frames.error, SourceError)
    assert "\n" not in str(frames.error)
    assert type(fault).__name__ in str(frames.error)
    unforeseen = [r for r in caplog.records if r.levelno == logging.ERROR and "failed unexpectedly" in r.getMessage()]
    assert len(unforeseen) == 1, "told once"
    assert unforeseen[0].exc_info
    hold.set()
    frames.stop()


def test_a_driver_that_hangs_is_left_behind_and_waited_for(caplog: pytest.LogCaptureFixture, stopwatch: Any) -> None:
    release = threading.Event()
    source = Scripted(iter([give(0, after=release), *(give(1, delay_s=0.01) for _ in range(500))]))
    frames = NewestFrame(source, CONFIG)
    frames.start()
    wait_until(lambda: source.opened == 1)
    with stopwatch() as took:
        frames.stop()
    assert took.seconds < 1.0
    assert "thread is abandoned" in caplog.text
    frames.start()
    assert frames.get(0.1) is None
    assert source.opened == 1, "opened while the old thread still held it"
    release.set()
    got = frames.get(2)
    assert got is not None
    assert got.index == 1
    frames.stop()


def test_the_end_of_a_run_that_was_left_behind_does_not_end_the_next() -> None:
    release = threading.Event()
    source = Scripted(iter([fail(SourceEnded("over"), after=release), give(1), give(2, delay_s=0.2)]))
    frames = NewestFrame(source, CONFIG)
    frames.start()
    wait_until(lambda: source.opened == 1)
    frames.stop()
    frames.start()
    release.set()
    got = frames.get(2)
    assert got is not None
    assert got.index == 1
    frames.stop()


def test_a_network_camera_that_hangs_up_comes_back(camera_server: Any) -> None:
    config = SourceConfig(uri=camera_server.url, read_timeout_s=1, open_timeout_s=2, backoff_max_s=0.05)
    frames = NewestFrame(create(config), config)
    frames.start()
    assert frames.get(5) is not None
    camera_server.hang_up.set()
    wait_until(lambda: frames.failing)
    assert "127.0.0.1" in str(frames.error)
    camera_server.hang_up.clear()
    before = frames.captured
    wait_until(lambda: frames.captured > before and not frames.failing)
    assert frames.reconnects >= 1
    frames.stop()


def test_the_age_of_the_last_frame_grows() -> None:
    config = SourceConfig(uri="virtual:stall?frames=1", read_timeout_s=5, fps=100)
    frames = NewestFrame(create(config), config)
    ages = [frames.last_frame_age_s]
    frames.start()
    assert frames.get(2) is not None
    ages.append(frames.last_frame_age_s)
    assert ages[0] is None
    assert ages[1] is not None
    wait_until(lambda: (frames.last_frame_age_s or 0) > (ages[1] or 0) + 0.05)
    frames.stop()


@pytest.mark.parametrize(
    ("rotation", "mirror", "corner"),
    [
        (0, False, (0, 0)),
        (90, False, (0, -1)),
        (180, False, (-1, -1)),
        (270, False, (-1, 0)),
        (0, True, (0, -1)),
        (90, True, (0, 0)),
    ],
)
def test_frames_are_turned_clockwise_then_mirrored(rotation: int, mirror: bool, corner: tuple[int, int]) -> None:
    image = np.zeros((4, 6, 3), np.uint8)
    image[0, 0] = 255
    small = image[..., 0].copy()
    turned = orient(Frame(image, 0, 0, small_grey=small), rotation=rotation, mirror=mirror)
    assert turned.image[corner][0] == 255
    assert turned.small_grey is not None
    assert turned.small_grey[corner] == 255
    assert turned.image.shape[:2] == ((6, 4) if rotation in {90, 270} else (4, 6))


class Skippable(Scripted):
    """A camera of 100 frames a second that counts what it decoded and what went by."""

    def __init__(self) -> None:
        super().__init__(iter([]))
        self.read_count = 0
        self.skip_count = 0

    def read(self) -> Frame:
        time.sleep(0.01)
        self.read_count += 1
        return frame(self.read_count)

    def skip(self) -> bool:
        time.sleep(0.01)
        self.skip_count += 1
        return True


def test_while_it_rests_most_frames_go_by_undecoded() -> None:
    source = Skippable()
    frames = NewestFrame(source, CONFIG.model_copy(update={"fps": 100.0}))
    frames.start()
    wait_until(lambda: source.read_count >= 3)
    assert source.skip_count == 0
    frames.rest_s = 0.2
    wait_until(lambda: source.skip_count >= 20)
    assert frames.captured <= 3 + source.skip_count // 3
    frames.rest_s = 0.0
    before = source.read_count
    wait_until(lambda: source.read_count >= before + 5)
    frames.stop()
    assert frames.skipped + 3 >= frames.captured - 1  # nobody took any


def test_a_source_that_cannot_skip_is_read_as_ever() -> None:
    source = Scripted(iter([give(n, delay_s=0.005) for n in range(30)]))
    frames = NewestFrame(source, CONFIG)
    frames.rest_s = 5.0
    frames.start()
    wait_until(lambda: frames.captured == 30)
    frames.stop()


class Aimed(Scripted):
    """Remembers what it was aimed at, and on which thread."""

    def __init__(self, steps: Iterator[Callable[[], Frame]], *, lossless: bool = False) -> None:
        super().__init__(steps, lossless=lossless)
        self.aims: list[tuple[tuple[Box, ...], float | None]] = []
        self.threads: set[str] = set()

    def aim(self, faces: Sequence[Box], brightness: float | None) -> None:
        self.aims.append((tuple(faces), brightness))
        self.threads.add(threading.current_thread().name)


def test_faces_reach_the_source_on_its_own_thread_as_it_sees_them() -> None:
    source = Aimed(map(give, itertools.count()))
    frames = NewestFrame(source, CONFIG.model_copy(update={"rotation": 180, "mirror": True}))
    frames.start()
    shown = frames.get(10)
    assert shown is not None
    frames.aim(shown, iter([Box(1, 0, 2, 1)]))
    wait_until(lambda: bool(source.aims))
    frames.stop()
    assert source.aims == [((Box(1, 3, 2, 1),), 0.0)]
    assert source.threads == {"frame-source"}


def test_a_clip_is_not_aimed() -> None:
    source = Aimed(iter([*map(give, range(2)), fail(SourceEnded("over"))]), lossless=True)
    frames = NewestFrame(source, CONFIG)
    frames.start()
    for _ in range(2):
        shown = frames.get(10)
        assert shown is not None
        frames.aim(shown, [Box(0, 0, 2, 2)])
    frames.stop()
    assert source.aims == []


def test_grey_takes_the_colour_before_anybody_sees_it() -> None:
    colour = np.zeros((4, 6, 3), np.uint8)
    colour[..., 2] = 200
    frames = NewestFrame(
        Scripted(iter([lambda: Frame(colour, 0, 0), lambda: Frame(colour[..., 2], 1, 1)]), lossless=True),
        CONFIG.model_copy(update={"grey": True, "rotation": 90}),
    )
    frames.start()
    for level in (60, 200):
        shown = frames.get(10)
        assert shown is not None
        assert shown.image.shape == (6, 4)
        assert (shown.image == level).all()
    frames.stop()
