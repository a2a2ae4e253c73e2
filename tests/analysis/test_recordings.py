"""Recordings that are whole although their clock, their length or their packets look odd, and those that are cut."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from edge.analysis.clips import AvClip, OpenCvClip
from edge.analysis.engine import Analyzer, Sampling
from edge.analysis.inputs import copies, gather
from edge.core.errors import InputError
from edge.sources.containers import is_cut_off
from tests.fixtures.recordings import PATTERN, TONE

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from edge.analysis.records import Result

H264 = ("-pix_fmt", "yuv420p", "-c:v", "libx264")
Ffmpeg = "Callable[..., Path]"


def times(clip: Any) -> list[float]:
    try:
        return [frame.time_s for frame in clip.frames()]
    finally:
        clip.close()


def copied(pipeline: Any, path: Path, out: Path) -> tuple[list[Result], dict[str, Any]]:
    """Results of every frame, and the times at which the copy shows and sounds."""
    import av

    items = gather([path]).items
    analyzer = Analyzer(
        pipeline, lambda _: np.zeros((1, 1, 3), np.uint8), sampling=Sampling(0.0), copies=copies(items, out)
    )
    results = list(analyzer.results(items[0]))
    with av.open(str(next(out.iterdir()))) as container:
        facts: dict[str, Any] = {"video": [frame.time for frame in container.decode(video=0)]}
        if container.streams.audio:
            container.seek(0)
            sound = list(container.decode(audio=0))
            facts["sound"] = (sound[0].time, sound[-1].time + sound[-1].samples / sound[-1].sample_rate)
    return results, facts


@pytest.mark.parametrize("backend", [AvClip, OpenCvClip])
@pytest.mark.parametrize("later_s", [0, 7, 3600])
def test_a_recording_whose_clock_begins_again_is_read_to_its_end(
    joined: Callable[..., Path], backend: Any, later_s: int
) -> None:
    found = times(backend(joined("ts", "libx264", "aac", later_s=later_s)))
    assert len(found) == 150
    assert found[0] == 0
    assert found[-1] == pytest.approx(5.96, abs=0.15)
    assert all(after > before for before, after in itertools.pairwise(found))


@pytest.mark.parametrize(
    "form",
    [("ts", "libx264", "aac"), ("mpg", "mpeg2video", "mp2"), ("mkv", "libx264", "aac"), ("webm", "libvpx", "libopus")],
)
def test_the_copy_of_a_joined_recording_has_all_of_it_with_its_sound(
    pipeline: Any, joined: Callable[..., Path], tmp_path: Path, form: tuple[str, str, str]
) -> None:
    results, copy = copied(pipeline, joined(*form), tmp_path / "out")
    assert len(results) == len(copy["video"]) == 150
    assert [result.time_s for result in results] == pytest.approx(copy["video"], abs=0.002)
    assert copy["video"][-1] == pytest.approx(5.96, abs=0.15)
    assert copy["sound"] == pytest.approx((0, 6), abs=0.2)


@pytest.mark.parametrize("name", ["late.ts", "late.mp4", "late.mkv"])
def test_a_start_that_is_not_zero_is_taken_off_results_and_copy(
    pipeline: Any, ffmpeg: Callable[..., Path], tmp_path: Path, name: str
) -> None:
    source = ("-f", "lavfi", "-i", f"{PATTERN}2", "-f", "lavfi", "-i", f"{TONE}2")
    path = ffmpeg(*source, *H264, "-c:a", "aac", "-output_ts_offset", "5", name)
    results, copy = copied(pipeline, path, tmp_path / "out")
    assert [result.time_s for result in results] == pytest.approx([index / 25 for index in range(50)], abs=0.002)
    assert copy["video"] == pytest.approx([index / 25 for index in range(50)], abs=0.002)
    assert copy["sound"] == pytest.approx((0, 2), abs=0.1)
    assert times(OpenCvClip(path)) == pytest.approx([index / 25 for index in range(50)], abs=0.002)


def test_sound_before_the_first_picture_does_not_shift_the_copy(
    pipeline: Any, ffmpeg: Callable[..., Path], tmp_path: Path
) -> None:
    source = ("-f", "lavfi", "-i", f"{TONE}4", "-itsoffset", "2", "-f", "lavfi", "-i", f"{PATTERN}2")
    path = ffmpeg(*source, *H264, "-c:a", "aac", "-vsync", "passthrough", "late.mkv")
    results, copy = copied(pipeline, path, tmp_path / "out")
    assert [result.time_s for result in results] == pytest.approx(copy["video"], abs=0.002)
    assert copy["sound"] == pytest.approx((0, 2), abs=0.15)


@pytest.mark.parametrize("name", ["two.mkv", "two.mp4"])
def test_of_two_tracks_the_default_one_is_read(ffmpeg: Callable[..., Path], name: str) -> None:
    tracks = [f"color={colour}:s={size}:d=1:r=10" for colour, size in (("red", "160x120"), ("blue", "320x240"))]
    sources = [word for track in tracks for word in ("-f", "lavfi", "-i", track)]
    chosen = ("-map", "0", "-map", "1", "-disposition:v:0", "0", "-disposition:v:1", "default")
    clip = AvClip(ffmpeg(*sources, *chosen, *H264, name))
    assert next(iter(clip.frames())).image().shape == (240, 320, 3)
    clip.close()


def with_cover(ffmpeg: Callable[..., Path], film: str, *arguments: str) -> Path:
    ffmpeg("-f", "lavfi", "-i", "color=red:s=64x64", "-frames:v", "1", "cover.png")
    sources = ("-i", "cover.png", "-f", "lavfi", "-i", film, "-map", "0", "-map", "1")
    return ffmpeg(*sources, "-disposition:v:0", "attached_pic", "-c:v:0", "mjpeg", *arguments)


def test_a_cover_picture_is_no_video(ffmpeg: Callable[..., Path]) -> None:
    clip = AvClip(with_cover(ffmpeg, f"{PATTERN}1", "-c:v:1", "libx264", "-pix_fmt:v:1", "yuv420p", "covered.mp4"))
    assert [frame.image().shape for frame in clip.frames()] == [(120, 160, 3)] * 25
    with pytest.raises(InputError, match=r"song.m4v: holds no video, only a cover picture and sound$"):
        AvClip(with_cover(ffmpeg, f"{TONE}3", "-c:a", "aac", "song.m4v"))


@pytest.mark.parametrize("backend", [AvClip, OpenCvClip])
@pytest.mark.parametrize("name", ["slides.mp4", "slides.mkv", "slides.webm", "slides.ts", "slides.avi"])
def test_slides_and_a_last_picture_that_is_held_are_no_damage(
    ffmpeg: Callable[..., Path], backend: Any, name: str
) -> None:
    codec = ("-c:v", "libvpx") if name.endswith("webm") else ("-c:v", "mpeg4") if name.endswith("avi") else H264[2:]
    slides = "color=red:s=160x120:d=40:r=1/10"
    path = ffmpeg("-f", "lavfi", "-i", slides, "-pix_fmt", "yuv420p", *codec, name)
    assert times(backend(path)) == pytest.approx([0, 10, 20, 30], abs=0.01)


@pytest.mark.parametrize("backend", [AvClip, OpenCvClip])
@pytest.mark.parametrize(
    ("name", "sound"), [("a.mp4", "aac"), ("a.mkv", "aac"), ("a.flv", "libmp3lame"), ("a.avi", "libmp3lame")]
)
def test_a_video_that_is_shorter_than_its_sound_is_no_damage(
    ffmpeg: Callable[..., Path], backend: Any, name: str, sound: str
) -> None:
    source = ("-f", "lavfi", "-i", f"{PATTERN}1", "-f", "lavfi", "-i", f"{TONE}20")
    codec = "flv" if name.endswith("flv") else "mpeg4"
    path = ffmpeg(*source, "-pix_fmt", "yuv420p", "-c:v", codec, "-c:a", sound, "-ar", "44100", name)
    assert len(times(backend(path))) == 25


def test_empty_packets_hold_the_picture_before_them(pipeline: Any, ffmpeg: Callable[..., Path], tmp_path: Path) -> None:
    theora = ffmpeg("-f", "lavfi", "-i", "color=red:s=160x120:d=3:r=25", "-c:v", "libtheora", "still.ogv")
    assert times(AvClip(theora))[-1] == pytest.approx(2.88)
    results, copy = copied(pipeline, theora, tmp_path / "out")
    assert len(copy["video"]) == len(results) > 3
    slow = "testsrc2=s=160x120:d=3:r=5,setpts=N*5+if(gt(N\\,5)\\,40)"
    for codec in ("mpeg4", "libx264", "mjpeg"):
        path = ffmpeg("-f", "lavfi", "-i", slow, "-r", "25", "-vsync", "vfr", "-c:v", codec, f"{codec}.avi")
        assert len(times(AvClip(path))) == 15


def test_a_recording_that_begins_between_key_frames_is_no_damage(ffmpeg: Callable[..., Path], tmp_path: Path) -> None:
    path = ffmpeg("-f", "lavfi", "-i", f"{PATTERN}4", *H264, "-g", "25", "-bf", "0", "whole.ts")
    data = path.read_bytes()
    middle = tmp_path / "middle.ts"
    middle.write_bytes(data[len(data) // 3 // 188 * 188 :])
    assert len(times(AvClip(middle))) >= 50


@pytest.mark.parametrize("backend", [AvClip, OpenCvClip])
@pytest.mark.parametrize("share", [0.5, 0.97])
@pytest.mark.parametrize(
    ("suffix", "video"), [("mp4", "libx264"), ("mkv", "libx264"), ("avi", "mpeg4"), ("flv", "flv"), ("wmv", "wmv2")]
)
def test_a_video_whose_end_is_missing_is_damaged(
    ffmpeg: Callable[..., Path], backend: Any, share: float, suffix: str, video: str
) -> None:
    path = ffmpeg(
        "-f",
        "lavfi",
        "-i",
        f"{PATTERN}3",
        "-pix_fmt",
        "yuv420p",
        "-c:v",
        video,
        "-movflags",
        "+faststart",
        f"a.{suffix}",
    )
    assert not is_cut_off(path)
    times(backend(path))
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])
    with pytest.raises(InputError, match=r"is damaged: it is cut off, its end is missing; what is read are \d+ frames"):
        times(backend(path))


@pytest.mark.parametrize("suffix", ["mkv", "avi"])
def test_an_index_that_is_cut_off_costs_no_picture(ffmpeg: Callable[..., Path], suffix: str) -> None:
    path = ffmpeg("-f", "lavfi", "-i", f"{PATTERN}2", "-pix_fmt", "yuv420p", "-c:v", "mpeg4", f"a.{suffix}")
    path.write_bytes(path.read_bytes()[:-8])
    assert len(times(AvClip(path))) == 50


def test_data_behind_the_end_is_no_damage(ffmpeg: Callable[..., Path]) -> None:
    for suffix in ("mp4", "mkv", "avi"):
        path = ffmpeg("-f", "lavfi", "-i", f"{PATTERN}1", "-pix_fmt", "yuv420p", "-c:v", "mpeg4", f"a.{suffix}")
        path.write_bytes(path.read_bytes() + b"\0" * 5000 + b"SEFT" * 20)
        assert not is_cut_off(path)
        assert len(times(AvClip(path))) == 25


@pytest.mark.parametrize("backend", [AvClip, OpenCvClip])
def test_a_decoder_that_fails_in_the_middle_says_so(ffmpeg: Callable[..., Path], backend: Any) -> None:
    path = ffmpeg("-f", "lavfi", "-i", f"{PATTERN}3", *H264, "-movflags", "+faststart", "a.mp4")
    data = bytearray(path.read_bytes())
    start = len(data) // 2
    data[start : start + 3000] = np.random.default_rng(1).bytes(3000)
    path.write_bytes(data)
    with pytest.raises(InputError, match=r"is damaged: .* cannot be decoded"):
        times(backend(path))


def test_a_gif_is_cut_off_where_its_last_picture_is(tmp_path: Path) -> None:
    pillow = pytest.importorskip("PIL.Image", reason="Pillow (comes with luma) writes GIFs")
    noise = np.random.default_rng(2)
    frames = [pillow.fromarray(noise.integers(0, 255, (60, 80, 3), np.uint8)) for _ in range(3)]
    path = tmp_path / "moving.gif"
    frames[0].save(path, save_all=True, append_images=frames[1:], duration=200)
    whole = path.read_bytes()
    for data in (whole, whole[:-1], whole + bytes(300)):
        path.write_bytes(data)
        assert len(times(AvClip(path))) == 3
    for share in (0.2, 0.5, 0.99):
        path.write_bytes(whole[: int(len(whole) * share)])
        with pytest.raises(InputError, match="cut off"):
            times(AvClip(path))


@pytest.mark.parametrize(
    "data",
    [
        b"\0\0\0\1free" + b"\xff" * 8 + bytes(100),
        b"\0\0\0\x08free" * 5000,
        b"RIFF\xff\xff\xff\xffAVI LIST\xff\xff\xff\xffhdrl",
        b"\x1a\x45\xdf\xa3\x01" + b"\xfe" * 7 + b"\x18\x53\x80\x67\x01" + b"\xfe" * 7,
        b"\x1a\x45\xdf\xa3" + bytes(50),
        b"GIF89a" + b"\xff" * 500,
        b"FLV\x01",
        bytes.fromhex("3026b2758e66cf11a6d900aa0062ce6c") + bytes(20),
        b"",
    ],
)
def test_no_header_is_too_odd_for_the_check_of_its_size(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "odd"
    path.write_bytes(data)
    assert is_cut_off(path) in {True, False}
