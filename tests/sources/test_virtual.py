from __future__ import annotations

import itertools
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest

import edge.sources.virtual
from edge.config import SourceConfig
from edge.core.errors import SourceEnded, SourceError
from edge.sources.factory import create

if TYPE_CHECKING:
    from edge.core.types import Frame

FPS = 15


def scene(uri: str, *, every: int = 1, width: int = 640, height: int = 360) -> list[Frame]:
    source = create(SourceConfig(uri=uri, width=width, height=height, fps=FPS))
    source.open()
    found = []
    try:
        while True:
            frame = source.read()
            if frame.index % every == 0:
                found.append(frame)
    except SourceEnded:
        return found
    finally:
        source.close()


@pytest.fixture(scope="module")
def cascade() -> cv2.CascadeClassifier:
    return cv2.CascadeClassifier(str(Path(cv2.__file__).parent / "data" / "haarcascade_frontalface_default.xml"))


def faces(cascade: cv2.CascadeClassifier, frame: Frame, width: int = 320) -> int:
    grey = cv2.cvtColor(frame.image, cv2.COLOR_BGR2GRAY)
    small = cv2.resize(grey, (width, round(grey.shape[0] * width / grey.shape[1])), interpolation=cv2.INTER_AREA)
    return len(cascade.detectMultiScale(small, 1.1, 5, minSize=(18, 18)))


def test_one_face_comes_moves_and_goes(cascade: cv2.CascadeClassifier) -> None:
    frames = scene(f"virtual?pace=fast&frames={2 * 12 * FPS}", every=10)
    counts = [faces(cascade, frame) for frame in frames]
    there = [frame.monotonic_ns / 1e9 % 12 < 9 for frame in frames]
    right = sum(count == int(present) for count, present in zip(counts, there, strict=True))
    assert right >= 0.9 * len(frames), counts
    changes = [after - before for before, after in itertools.pairwise(counts) if after != before]
    assert changes[:3] == [-1, 1, -1], "gone, come back, gone again"
    assert not np.array_equal(frames[0].image, frames[1].image)


def test_a_crowd_has_a_dozen_faces_and_an_empty_room_none(cascade: cv2.CascadeClassifier) -> None:
    crowd = scene("virtual:crowd?pace=fast&frames=3", width=640, height=480)
    assert all(12 <= faces(cascade, frame) <= 15 for frame in crowd)
    assert [faces(cascade, frame) for frame in scene("virtual:blank?pace=fast&frames=2")] == [0, 0]


@pytest.mark.parametrize("name", ["portrait", "crowd", "blank"])
@pytest.mark.parametrize("size", [(64, 64), (1280, 720), (360, 640)])
def test_the_same_number_gives_the_same_picture(name: str, size: tuple[int, int]) -> None:
    width, height = size
    first, second = (scene(f"virtual:{name}?pace=fast&frames=3", width=width, height=height) for _ in range(2))
    for a, b in zip(first, second, strict=True):
        assert a.image.shape == (height, width, 3)
        assert a.monotonic_ns == b.monotonic_ns
        assert np.array_equal(a.image, b.image)


class Clock:
    """In place of the module ``time``: it passes only where somebody sleeps."""

    def __init__(self) -> None:
        self.now_ns = 5 * 10**9

    def monotonic_ns(self) -> int:
        return self.now_ns

    def sleep(self, seconds: float) -> None:
        self.now_ns += round(seconds * 1e9)


def test_frames_come_at_their_rate_and_the_clock_keeps_up_after_a_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock()
    monkeypatch.setattr("edge.sources.virtual.time", clock)
    source = create(SourceConfig(uri="virtual:blank", width=64, height=64, fps=100))
    source.open()
    times = [source.read().monotonic_ns for _ in range(11)]
    assert times[-1] - times[0] == 100_000_000
    clock.sleep(0.1)
    late = source.read()
    assert late.monotonic_ns == clock.now_ns, "stamped as if it had been drawn before the pause"
    assert late.index == 11
    assert late.monotonic_ns > times[-1]
    assert source.read().monotonic_ns - late.monotonic_ns == 10_000_000, "hurried to make up for the pause"
    source.close()


def test_frames_that_go_by_take_their_time_and_are_counted() -> None:
    source = create(SourceConfig(uri="virtual:blank?frames=5", width=64, height=64, fps=100))
    source.open()
    first = source.read()
    for _ in range(3):
        source.skip()
    last = source.read()
    assert (first.index, last.index) == (0, 4)
    assert last.monotonic_ns - first.monotonic_ns >= 40_000_000  # more where the machine was held up
    source.skip()
    with pytest.raises(SourceEnded):
        source.read()
    source.close()


def test_a_stall_is_an_error_and_opening_again_helps() -> None:
    source = create(SourceConfig(uri="virtual:stall?frames=2", width=64, height=64, fps=200, read_timeout_s=0.05))
    for _ in range(2):
        source.open()
        for _ in range(2):
            source.read()
        with pytest.raises(SourceError, match=r"no frame for 0\.05 s") as caught:
            source.read()
        assert not isinstance(caught.value, SourceEnded)
    source.close()


def test_the_portrait_is_small_and_its_origin_is_told() -> None:
    folder = Path(edge.sources.virtual.__file__).parent / "assets"
    assert (folder / "portrait.jpg").stat().st_size < 80_000
    assert "public domain" in (folder / "README.txt").read_text()
