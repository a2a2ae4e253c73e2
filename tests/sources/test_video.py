from __future__ import annotations

import itertools
import re
import time
from typing import TYPE_CHECKING

import numpy as np
import pytest

from edge.config import SourceConfig
from edge.core.errors import SourceEnded, SourceError
from edge.sources.factory import create

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from edge.core.protocols import FrameSource
    from edge.core.types import Frame


def frames(source: FrameSource) -> list[Frame]:
    source.open()
    found = []
    try:
        while True:
            found.append(source.read())
    except SourceEnded:
        return found
    finally:
        source.close()


def test_every_frame_comes_at_its_place_in_the_clip(make_clip: Callable[..., Path]) -> None:
    found = frames(create(SourceConfig(uri=str(make_clip()))))
    assert len(found) == 20
    assert [frame.monotonic_ns // 10**6 for frame in found] == list(range(0, 2000, 100))


def test_times_go_forward_also_where_the_container_has_none(tmp_path: Path) -> None:
    av = pytest.importorskip("av", reason="PyAV (extra video) writes the clip")
    path = tmp_path / "raw.h264"
    with av.open(str(path), "w", format="h264") as container:
        stream = container.add_stream("libx264", rate=10)
        stream.width, stream.height, stream.pix_fmt = 160, 120, "yuv420p"
        for level in range(8):
            picture = np.full((120, 160, 3), level * 20, np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="bgr24")))
        container.mux(stream.encode())
    times = [frame.monotonic_ns for frame in frames(create(SourceConfig(uri=str(path))))]
    assert len(times) == 8
    assert times[0] == 0
    assert len({after - before for before, after in itertools.pairwise(times)}) == 1
    assert times == sorted(set(times))


@pytest.mark.parametrize("later_s", [0, 7, 3600])
def test_a_recording_whose_clock_begins_again_goes_on(joined: Callable[..., Path], later_s: int) -> None:
    found = frames(create(SourceConfig(uri=str(joined("ts", "libx264", "aac", later_s=later_s)))))
    assert [frame.monotonic_ns / 1e9 for frame in found] == pytest.approx([n / 25 for n in range(150)], abs=0.01)


@pytest.mark.parametrize("suffix", ["mkv", "mp4"])
def test_slides_begin_at_zero_and_are_no_damage(ffmpeg: Callable[..., Path], suffix: str) -> None:
    slides = "color=red:s=160x120:d=40:r=1/10"
    path = ffmpeg("-f", "lavfi", "-i", slides, "-pix_fmt", "yuv420p", "-c:v", "libx264", f"slides.{suffix}")
    found = frames(create(SourceConfig(uri=str(path))))
    assert [round(frame.monotonic_ns / 1e9, 3) for frame in found] == [0, 10, 20, 30]
    assert last_word(path).endswith("ended after 4 frames")


@pytest.mark.parametrize("suffix", ["mkv", "mp4"])
def test_of_two_tracks_the_default_one_is_played(ffmpeg: Callable[..., Path], suffix: str) -> None:
    pytest.importorskip("av", reason="OpenCV alone plays the first track")
    tracks = [f"color={colour}:s={size}:d=1:r=10" for colour, size in (("red", "160x120"), ("blue", "320x240"))]
    sources = [word for track in tracks for word in ("-f", "lavfi", "-i", track)]
    chosen = ("-map", "0", "-map", "1", "-disposition:v:0", "0", "-disposition:v:1", "default")
    path = ffmpeg(*sources, *chosen, "-c:v", "libx264", "-pix_fmt", "yuv420p", f"two.{suffix}")
    found = frames(create(SourceConfig(uri=str(path))))
    assert [frame.image.shape for frame in found] == [(240, 320, 3)] * 10
    assert [frame.monotonic_ns // 10**6 for frame in found] == list(range(0, 1000, 100))
    assert found[0].image[100, 100].argmax() == 0, "blue, as BGR"


def test_pictures_that_theora_holds_are_played(ffmpeg: Callable[..., Path]) -> None:
    pytest.importorskip("av", reason="OpenCV alone ends at the first picture that is held")
    path = ffmpeg("-f", "lavfi", "-i", "color=red:s=160x120:d=3:r=25", "-c:v", "libtheora", "still.ogv")
    found = frames(create(SourceConfig(uri=str(path))))
    assert len(found) > 3
    assert found[-1].monotonic_ns / 1e9 == pytest.approx(2.88)


@pytest.mark.parametrize("suffix", ["mkv", "avi", "flv"])
def test_a_cut_off_file_of_any_container_says_so(ffmpeg: Callable[..., Path], suffix: str) -> None:
    codec = "flv" if suffix == "flv" else "mpeg4"
    path = ffmpeg(
        "-f", "lavfi", "-i", "testsrc2=s=160x120:r=25:d=2", "-pix_fmt", "yuv420p", "-c:v", codec, f"a.{suffix}"
    )
    assert last_word(path).endswith("ended after 50 frames")
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    assert last_word(path).endswith("; it may be damaged or cut off")


def test_a_clips_uneven_times_are_kept(tmp_path: Path) -> None:
    av = pytest.importorskip("av", reason="PyAV (extra video) writes the clip")
    path = tmp_path / "uneven.mkv"
    given = [50, 51, 52, 60, 61, 80]
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=10)
        stream.width, stream.height, stream.pix_fmt = 160, 120, "yuv420p"
        for pts in given:
            picture = av.VideoFrame.from_ndarray(np.zeros((120, 160, 3), np.uint8), format="bgr24")
            picture.pts = pts
            container.mux(stream.encode(picture))
        container.mux(stream.encode())
    times = [frame.monotonic_ns for frame in frames(create(SourceConfig(uri=str(path))))]
    assert times == [(pts - 50) * 100_000_000 for pts in given]


@pytest.mark.parametrize(("rotation", "corner"), [(90, [-1, 1]), (180, [1, 1]), (270, [1, -1])])
def test_an_upright_video_is_upright(rotation: int, corner: list[int], make_clip: Callable[..., Path]) -> None:
    frame = frames(create(SourceConfig(uri=str(make_clip(rotation=rotation)))))[0]
    assert frame.image.shape[:2] == ((120, 160) if rotation == 180 else (160, 120))
    bright = np.argwhere(frame.image[..., 0] > 150).mean(axis=0)
    centre = np.array(frame.image.shape[:2]) / 2
    assert np.sign(bright - centre).tolist() == corner


def test_the_same_clip_twice_gives_the_same_frames(make_clip: Callable[..., Path]) -> None:
    uri = f"replay:{make_clip()}"
    first, second = (frames(create(SourceConfig(uri=uri))) for _ in range(2))
    assert [f.monotonic_ns for f in first] == [f.monotonic_ns for f in second]
    assert all(np.array_equal(a.image, b.image) for a, b in zip(first, second, strict=True))


def test_at_its_own_pace_a_replay_takes_its_time(make_clip: Callable[..., Path]) -> None:
    source = create(SourceConfig(uri=f"replay:{make_clip(frames=6)}?pace=real"))
    started = time.monotonic()
    found = frames(source)
    assert found
    # six frames of 0.1 s each; on a busy machine some come too late to be given
    assert time.monotonic() - started >= 0.55


def test_after_a_pause_a_replays_clock_is_ours_again(make_clip: Callable[..., Path]) -> None:
    source = create(SourceConfig(uri=f"replay:{make_clip(frames=20)}?pace=real"))
    source.open()
    before = source.read().monotonic_ns
    time.sleep(0.5)
    late = source.read().monotonic_ns
    assert late - before >= 400_000_000, "what was missed is not given late"
    assert source.read().monotonic_ns > late
    source.close()


def test_what_can_be_decoded_of_a_cut_off_file_is_delivered(tmp_path: Path) -> None:
    av = pytest.importorskip("av", reason="PyAV (extra video) writes the clip")
    path = tmp_path / "clip.mp4"
    with av.open(str(path), "w", options={"movflags": "faststart"}) as container:
        stream = container.add_stream("mpeg4", rate=10)
        stream.width, stream.height, stream.pix_fmt = 160, 120, "yuv420p"
        noise = np.random.default_rng(1)
        for _ in range(40):
            picture = noise.integers(0, 255, (120, 160, 3), np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="bgr24")))
        container.mux(stream.encode())
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])
    assert 5 < len(frames(create(SourceConfig(uri=str(path))))) < 30
    assert re.search(r"ended after \d+ frames of 40; it may be damaged or cut off$", last_word(path))
    path.write_bytes(data)
    assert last_word(path).endswith("ended after 40 frames")


def last_word(path: Path) -> str:
    source = create(SourceConfig(uri=str(path)))
    source.open()
    try:
        while True:
            source.read()
    except SourceEnded as ended:
        return str(ended)
    finally:
        source.close()


def test_files_that_are_no_video_are_one_line(
    make_clip: Callable[..., Path], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    whole = make_clip().read_bytes()
    bad = {
        "empty.mp4": (b"", "is empty"),
        "text.mp4": (b"no video at all\n" * 10, "is not a decodable video"),
        "cut.mp4": (whole[: len(whole) // 2], "is not a decodable video|not one frame"),
    }
    for name, (data, says) in bad.items():
        path = tmp_path / name
        path.write_bytes(data)
        with pytest.raises(SourceError, match=says) as caught:
            frames(create(SourceConfig(uri=str(path))))
        assert str(path) in str(caught.value)
        assert "\n" not in str(caught.value)
    with pytest.raises(SourceError, match="no such file"):
        create(SourceConfig(uri=str(tmp_path / "missing.mp4"))).open()
    with pytest.raises(SourceError, match="cannot be read"):
        create(SourceConfig(uri=f"replay:{tmp_path}")).open()
    assert capfd.readouterr().err == ""
