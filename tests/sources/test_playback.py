"""Recordings at their own pace: on a clock of the test's, and a real file on ours."""

from __future__ import annotations

import itertools
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest

from edge.config import SourceConfig
from edge.core.errors import SourceEnded, SourceError
from edge.core.types import Frame
from edge.sources.factory import create
from edge.sources.looped import Looped
from edge.sources.newest import NewestFrame
from edge.sources.passive import PassiveSource
from edge.sources.playback import Playback, played

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

MS = 1_000_000


@dataclass
class Clock:
    """Time that passes by sleeping and decoding alone."""

    now_ms: float = 1000.0
    slept: list[float] = field(default_factory=list)

    def ns(self) -> int:
        return round(self.now_ms * MS)

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now_ms += 1000 * seconds


class Clip(PassiveSource):
    """Frames at ``times`` (milliseconds), each of which takes ``decode_ms`` of the clock."""

    lossless = True
    epoch_ns = 0
    uri = "clip"

    def __init__(self, times: list[int], clock: Clock | None = None, decode_ms: float = 0) -> None:
        self.times = times
        self.clock = clock or Clock()
        self.decode_ms = decode_ms
        self.index = -1
        self.opened = 0

    def open(self) -> None:
        self.opened += 1
        self.index = 0

    def read(self) -> Frame:
        if self.index < 0:
            msg = "clip: is not open"
            raise SourceError(msg)
        if self.index == len(self.times):
            msg = f"clip: ended after {self.index} frames"
            raise SourceEnded(msg)
        self.clock.now_ms += self.decode_ms
        index, self.index = self.index, self.index + 1
        return Frame(np.full((2, 2, 3), index, np.uint8), self.times[index] * MS, index)

    def close(self) -> None:
        self.index = -1


def shown(source: Playback, clip: Clip, *, every_ms: float = 0, most: int = 1000) -> list[tuple[int, int]]:
    """``(milliseconds since the first frame, picture)`` of all that it gives; ``every_ms`` is what a look costs."""
    source.open()
    found: list[Frame] = []
    try:
        while len(found) < most:
            found.append(source.read())
            clip.clock.now_ms += every_ms
    except SourceEnded:
        pass
    assert [frame.index for frame in found] == list(range(len(found)))
    return [(round((frame.monotonic_ns - found[0].monotonic_ns) / MS), int(frame.image[0, 0, 0])) for frame in found]


def playback(clip: FrameLike) -> Playback:
    source = clip._clip if isinstance(clip, Looped) else clip
    assert isinstance(source, Clip)
    return Playback(clip, clock_ns=source.clock.ns, sleep=source.clock.sleep)


FrameLike = Clip | Looped


def test_frames_come_when_they_are_due() -> None:
    clip = Clip([500, 540, 620, 660])
    assert shown(playback(clip), clip) == [(0, 0), (40, 1), (120, 2), (160, 3)]
    # the last picture is shown for as long as the one before it
    assert round(clip.clock.now_ms) == 1000 + 160 + 40


def test_frames_carry_our_clock() -> None:
    clip = Clip([0, 40])
    source = playback(clip)
    source.open()
    assert source.read().monotonic_ns == 1000 * MS
    assert source.read().monotonic_ns == clip.clock.ns() == 1040 * MS


def test_a_slow_loop_sees_fewer_frames_and_never_older_ones() -> None:
    clip = Clip(list(range(0, 4000, 40)))
    source = playback(clip)
    source.open()
    ages = []
    while True:
        try:
            frame = source.read()
        except SourceEnded as ended:
            said = str(ended)
            break
        ages.append(clip.clock.ns() - frame.monotonic_ns)
        clip.clock.now_ms += 250
    assert max(ages) <= 100 * MS
    assert 4000 <= clip.clock.now_ms - 1000 <= 4400, "not stretched"
    assert said == f"clip: ended after 100 frames; {source.left_out} frames were late and skipped"
    assert len(ages) + source.left_out == 100


def test_a_film_that_decodes_too_slowly_is_stretched_with_one_warning(caplog: pytest.LogCaptureFixture) -> None:
    clip = Clip(list(range(0, 4000, 40)), decode_ms=60)
    source = playback(clip)
    source.open()
    given: list[int] = []
    while not given or given[-1] < (1000 + 3900) * MS:
        frame = source.read()
        given.append(frame.monotonic_ns)
        assert clip.clock.ns() - frame.monotonic_ns <= 100 * MS
    assert given == sorted(set(given))
    assert len(given) > 4
    assert len(caplog.records) == 1
    assert "decoding is slower than playback" in caplog.text


def test_frames_go_by_while_nobody_is_in_view() -> None:
    clip = Clip([0, 40, 80, 120])
    source = playback(clip)
    source.open()
    source.read()
    source.skip()
    assert source.read().monotonic_ns == 1080 * MS
    source.skip()
    with pytest.raises(SourceEnded):
        source.skip()


def test_a_picture_that_stays_is_given_again() -> None:
    clip = Clip([0, 1000, 1100])
    assert shown(playback(clip), clip) == [
        (0, 0), (200, 0), (400, 0), (600, 0), (800, 0), (1000, 1), (1100, 2),
    ]  # fmt: skip


def test_a_picture_alone_stays_for_a_moment_and_no_read_takes_long() -> None:
    clip = Clip([0])
    found = shown(playback(clip), clip)
    assert found == [(at, 0) for at in range(0, 3000, 200)]
    assert max(clip.clock.slept) <= 0.31


@pytest.mark.parametrize("halt_ms", [5_000, 3_600_000])
def test_after_a_halt_it_goes_on_where_it_was(halt_ms: int) -> None:
    clip = Clip(list(range(0, 4000, 40)))
    source = playback(clip)
    source.open()
    for _ in range(10):
        source.read()
    clip.clock.now_ms += halt_ms
    frame = source.read()
    assert int(frame.image[0, 0, 0]) == 10
    assert clip.clock.ns() - frame.monotonic_ns <= 100 * MS
    assert source.left_out == 0


def test_also_where_the_machine_slept_while_it_waited() -> None:
    clip = Clip([0, 40, 80, 10_000, 10_040])
    source = playback(clip)
    source.open()
    times = [source.read().monotonic_ns for _ in range(5)]
    clip.clock.sleep(7200)
    frame = source.read()
    assert clip.clock.ns() - frame.monotonic_ns <= 100 * MS
    assert frame.monotonic_ns > times[-1]


def test_a_loop_goes_on_in_time_and_numbers() -> None:
    clip = Clip([500, 540, 580])
    source = Looped(clip)
    source.open()
    frames = [source.read() for _ in range(8)]
    assert [frame.monotonic_ns // MS for frame in frames] == [500, 540, 580, 620, 660, 700, 740, 780]
    assert [int(frame.image[0, 0, 0]) for frame in frames] == [0, 1, 2, 0, 1, 2, 0, 1]
    assert [frame.index for frame in frames] == list(range(8))
    source.open()
    assert source.read().monotonic_ns == 500 * MS


def test_a_looped_film_plays_on_without_end() -> None:
    clip = Clip([0, 40, 80])
    assert shown(playback(Looped(clip)), clip, most=7) == [
        (0, 0), (40, 1), (80, 2), (120, 0), (160, 1), (200, 2), (240, 0),
    ]  # fmt: skip


def test_a_single_picture_looped_stays_in_view() -> None:
    clip = Clip([0])
    found = shown(playback(Looped(clip)), clip, most=40)
    assert [after - before for (before, _), (after, _) in itertools.pairwise(found)] == [200] * 39
    assert clip.opened <= 4


def test_a_recording_that_vanishes_while_it_is_looped_is_an_error(make_clip: Callable[..., Path]) -> None:
    path = make_clip(frames=3)
    source = Looped(create(SourceConfig(uri=str(path))))
    source.open()
    path.unlink()
    for _ in range(3):
        source.read()
    with pytest.raises(SourceError, match="no such file"):
        source.read()


@pytest.mark.parametrize(
    ("uri", "settings", "lossless"),
    [
        ("clip.mp4", {}, False),
        ("file:///srv/clip.mp4", {}, False),
        ("still.gif", {}, False),
        ("clip.mp4", {"pace": "fast"}, True),
        ("replay:clip.mp4", {}, True),
        ("replay:clip.mp4?pace=real", {}, False),
        ("replay:clip.mp4?pace=real", {"pace": "fast"}, False),
        ("images:folder", {}, False),
        ("photo.jpg", {}, False),
        ("photo.jpg", {"pace": "fast"}, True),
        ("virtual:portrait?frames=9", {}, False),
        ("virtual:portrait?frames=9", {"pace": "fast"}, True),
    ],
)
def test_which_recordings_play_at_their_own_pace(uri: str, settings: dict[str, str], *, lossless: bool) -> None:
    config = SourceConfig(uri=uri, **settings)
    source = played(create(config), config)
    assert source.lossless is lossless
    assert source.recorded
    assert source.epoch_ns == (0 if lossless else None)


@pytest.mark.parametrize("uri", ["usb:0", "rtsp://camera.local/x", "virtual", "virtual:stall?frames=3"])
def test_cameras_are_left_as_they_are(uri: str) -> None:
    config = SourceConfig(uri=uri, loop=True)
    source = create(config)
    assert played(source, config) is source
    assert not source.recorded


def test_a_drawn_scene_with_an_end_begins_again_too() -> None:
    config = SourceConfig(uri="virtual:portrait?frames=3&pace=fast", loop=True, width=64, height=64)
    source = played(create(config), config)
    source.open()
    frames = [source.read() for _ in range(7)]
    assert np.array_equal(frames[1].image, frames[4].image)
    assert [frame.index for frame in frames] == list(range(7))


def test_a_file_takes_its_time_and_a_held_one_waits_where_it_is(make_clip: Callable[..., Path]) -> None:
    config = SourceConfig(uri=str(make_clip(frames=12)))
    frames = NewestFrame(played(create(config), config), config)
    started = time.monotonic()
    frames.start()
    try:
        first = frames.get(30)
        assert first is not None
        frames.hold()
        deadline = time.monotonic() + 60
        while (taken := frames.captured) < 12 and time.monotonic() < deadline:
            time.sleep(0.3)
            if frames.captured == taken:
                break
        assert frames.captured < 12
        assert frames.get(0) is None
        held = frames.captured
        time.sleep(2.5)
        assert frames.captured == held
        frames.go_on()
        while not frames.ended and time.monotonic() < deadline:
            frames.get(0.5)
        assert frames.ended
        assert frames.error is None
        assert time.monotonic() - started >= 2.5 + 1.0
    finally:
        frames.stop()


def test_a_missing_file_is_not_tried_again_for_ever(tmp_path: Path) -> None:
    config = SourceConfig(uri=str(tmp_path / "missing.mp4"))
    frames = NewestFrame(played(create(config), config), config)
    frames.start()
    assert frames.get(30) is None
    assert frames.ended
    assert "no such file" in str(frames.error)
    frames.stop()


def test_a_damaged_picture_is_reported_once_however_often_it_comes(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    cv2.imwrite(str(tmp_path / "a.png"), np.zeros((8, 8, 3), np.uint8))
    (tmp_path / "b.png").write_text("no picture")
    source = Looped(create(SourceConfig(uri=str(tmp_path))))
    source.open()
    for _ in range(5):
        source.read()
    assert caplog.text.count("b.png") == 1
