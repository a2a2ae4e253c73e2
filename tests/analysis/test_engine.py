from __future__ import annotations

from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import pytest

from edge.analysis.clips import AvClip, Bounds, OpenCvClip, TooMuch, open_clip
from edge.analysis.engine import Analyzer, Sampling
from edge.analysis.inputs import copies, gather
from edge.core.errors import InputError
from edge.vision.track import TrackRules
from tests.fixtures.scripted_vision import bright_pipeline

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray

    from edge.analysis.records import Result

Make = "Callable[..., Path]"


def read(path: Path) -> NDArray[np.uint8]:
    image = cv2.imdecode(np.frombuffer(path.read_bytes(), np.uint8), cv2.IMREAD_COLOR)
    if image is None:
        raise InputError(str(path))
    return image.astype(np.uint8, copy=False)


def analyzed(pipeline: Any, path: Path, out: Path | None = None, sampling: Sampling | None = None) -> list[Result]:
    items = gather([path]).items
    analyzer = Analyzer(pipeline, read, sampling=sampling, copies={} if out is None else copies(items, out))
    try:
        return [result for item in items for result in analyzer.results(item)]
    finally:
        analyzer.close()


def test_a_picture_gives_all_its_faces(pipeline: Any, picture: Callable[..., Path]) -> None:
    (result,) = analyzed(pipeline, picture("a.png", (10, 10, 30), (100, 60, 24)))
    seen = result.observation
    assert (seen.frame_width, seen.frame_height, result.frame, result.time_s) == (160, 120, None, None)
    assert sorted(face.box.rounded() for face in seen.faces) == [(10, 10, 30, 30), (100, 60, 24, 24)]
    assert sum(face.primary for face in seen.faces) == 1


def test_pictures_have_nothing_to_do_with_each_other(pipeline: Any, picture: Callable[..., Path]) -> None:
    picture("a.png", (10, 10, 30))
    empty = picture("b.png")
    counts = [len(result.observation.faces) for result in analyzed(pipeline, empty.parent)]
    assert counts == [1, 0]


def test_the_annotated_picture_keeps_name_and_size(pipeline: Any, picture: Callable[..., Path], tmp_path: Path) -> None:
    path = picture("grüße 你好.png", (60, 40, 30))
    analyzed(pipeline, path, tmp_path / "out")
    copy = read(tmp_path / "out" / path.name)
    original = read(path)
    assert copy.shape == original.shape
    assert (copy != original).any(axis=2).mean() > 0.02
    assert [entry.name for entry in (tmp_path / "out").iterdir()] == [path.name]


@pytest.mark.parametrize("size", [(1, 1), (3, 2), (160, 1)])
def test_the_smallest_pictures_pass(
    pipeline: Any, picture: Callable[..., Path], tmp_path: Path, size: tuple[int, int]
) -> None:
    (result,) = analyzed(pipeline, picture("tiny.png", (0, 0, 1), width=size[0], height=size[1]), tmp_path / "out")
    assert (result.observation.frame_width, result.observation.frame_height) == size


def test_ten_frames_a_second_unless_told(pipeline: Any, video: Callable[..., Path]) -> None:
    path = video("clip.mp4", seconds=2, rate=30)
    times = [result.time_s for result in analyzed(pipeline, path)]
    assert times == pytest.approx([index / 10 for index in range(20)], abs=1e-3)
    assert len(analyzed(pipeline, path, sampling=Sampling(0.0))) == 60
    sparse = analyzed(pipeline, path, sampling=Sampling(1.0, still=True))
    assert [result.frame for result in sparse] == [0, 30]
    assert all(len(result.observation.faces) == 1 for result in sparse)


@pytest.mark.parametrize(("seconds", "rate", "faces"), [(1.0, 1, [1]), (6.0, 1, [0, 1, 1, 1, 1, 1])])
def test_a_face_needs_no_second_frame_where_there_is_none(
    video: Callable[..., Path], seconds: float, rate: int, faces: list[int]
) -> None:
    """A video of one frame is a picture; where frames are rare, a face waits for the second one at most."""
    rules = TrackRules(min_hits=2)
    path = video("slow.mp4", seconds=seconds, rate=rate)
    results = analyzed(lambda still: bright_pipeline(rules=rules, still=still, seed=0), path)
    assert [len(result.observation.faces) for result in results] == faces


@pytest.mark.parametrize("backend", [AvClip, OpenCvClip])
@pytest.mark.parametrize("rotation", [0, 90, 180, -90])
def test_videos_come_upright_from_both_readers(video: Callable[..., Path], backend: Any, rotation: int) -> None:
    clip = backend(video("clip.mp4", seconds=0.2, rotation=rotation))
    image = next(iter(clip.frames())).image()
    clip.close()
    bright = np.argwhere(image[:, :, 0] > 128).mean(axis=0) / image.shape[:2]  # centre as shares of height and width
    upright = {0: (0.25, 0.225), 90: (0.775, 0.25), 180: (0.75, 0.775), -90: (0.225, 0.75)}[rotation]
    assert image.shape[:2] == ((120, 160) if rotation in {0, 180} else (160, 120))
    assert bright == pytest.approx(upright, abs=0.02)


def test_both_readers_agree_on_frames_and_times(video: Callable[..., Path]) -> None:
    path = video("clip.mp4", seconds=1, rate=25)
    by_av, by_opencv = ([(f.index, round(f.time_s, 3)) for f in cls(path).frames()] for cls in (AvClip, OpenCvClip))
    assert by_av == by_opencv
    assert len(by_av) == 25


def streams(path: Path) -> dict[str, Any]:
    import av

    with av.open(str(path)) as container:
        video = container.streams.video[0]
        frames = list(container.decode(video))
        facts = {
            "codec": video.codec_context.name,
            "pixels": video.codec_context.pix_fmt,
            "size": (video.codec_context.width, video.codec_context.height),
            "rotation": frames[0].rotation,
            "times": [frame.time for frame in frames],
            "first": frames[0].to_ndarray(format="bgr24"),
        }
        if container.streams.audio:
            container.seek(0)
            sound = container.streams.audio[0]
            facts["sound"] = sound.codec_context.name
            facts["sound_s"] = sum(frame.samples / frame.sample_rate for frame in container.decode(sound))
        return facts


@pytest.mark.parametrize(
    ("name", "sounds"),
    [("a.mp4", ("aac", "aac")), ("a.mkv", ("pcm_s16le", "aac")), ("a.mp4", ("libmp3lame", "mp3float"))],
)
def test_the_annotated_video_plays_in_a_browser_and_keeps_its_sound(
    pipeline: Any, video: Callable[..., Path], tmp_path: Path, name: str, sounds: tuple[str, str]
) -> None:
    sound, kept = sounds
    analyzed(pipeline, video(name, seconds=2, sound=sound), tmp_path / "out")
    copy = tmp_path / "out" / "a.mp4"
    facts = streams(copy)
    assert (facts["codec"], facts["pixels"], facts["sound"]) == ("h264", "yuv420p", kept)
    assert facts["times"] == pytest.approx([index / 25 for index in range(50)], abs=1e-3)
    assert facts["sound_s"] == pytest.approx(2.0, abs=0.1)
    data = copy.read_bytes()
    assert data.index(b"moov") < data.index(b"mdat")  # a browser can begin before it has the whole file
    assert [entry.name for entry in (tmp_path / "out").iterdir()] == ["a.mp4"]


def test_the_annotated_copy_of_a_turned_video_is_upright(
    pipeline: Any, video: Callable[..., Path], tmp_path: Path
) -> None:
    analyzed(pipeline, video("turned.mp4", seconds=0.4, rotation=-90), tmp_path / "out")
    facts = streams(tmp_path / "out" / "turned.mp4")
    assert (facts["size"], facts["rotation"]) == ((120, 160), 0)
    inside = facts["first"][20:50, 75:105].mean()
    assert inside > 150  # the face is at the upper right


def test_odd_sizes_are_made_even(pipeline: Any, tmp_path: Path) -> None:
    av = pytest.importorskip("av", reason="needs PyAV")
    path = tmp_path / "odd.mkv"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("ffv1", rate=10)
        stream.width, stream.height, stream.pix_fmt = 161, 121, "yuv444p"
        for _ in range(3):
            container.mux(
                stream.encode(av.VideoFrame.from_ndarray(np.full((121, 161, 3), 90, np.uint8), format="bgr24"))
            )
        container.mux(stream.encode(None))
    analyzed(pipeline, path, tmp_path / "out")
    assert streams(tmp_path / "out" / "odd.mp4")["size"] == (162, 122)


def test_colours_survive_the_copy(pipeline: Any, video: Callable[..., Path], tmp_path: Path) -> None:
    path = video("clip.mp4", seconds=0.4)
    analyzed(pipeline, path, tmp_path / "out")
    corner = np.s_[100:118, 130:158]
    before, after = (
        next(iter(OpenCvClip(p).frames())).image()[corner].mean() for p in (path, tmp_path / "out" / "clip.mp4")
    )
    assert after == pytest.approx(before, abs=3)


@pytest.mark.parametrize("content", [b"\x00" * 5000, b"no video at all, only words " * 50])
def test_a_file_that_is_no_video_is_one_line(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "broken.mp4"
    path.write_bytes(content)
    for backend in (open_clip, OpenCvClip):
        with pytest.raises(InputError, match=r"broken.mp4: is neither a picture nor a video") as caught:
            backend(path)
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize("share", [0.1, 0.5])
def test_a_truncated_video_is_said_to_be_damaged_and_leaves_no_copy(
    pipeline: Any, video: Callable[..., Path], tmp_path: Path, share: float
) -> None:
    whole = video("whole.mp4", seconds=6, options={"movflags": "+faststart"})
    path = tmp_path / "cut.mp4"
    path.write_bytes(whole.read_bytes()[: int(whole.stat().st_size * share)])
    with pytest.raises(InputError, match=r"cut.mp4: ") as caught:
        analyzed(pipeline, path, tmp_path / "out")
    assert "\n" not in str(caught.value)
    assert not list((tmp_path / "out").glob("**/*")) if (tmp_path / "out").exists() else True


def test_an_interrupted_copy_leaves_nothing(pipeline: Any, video: Callable[..., Path], tmp_path: Path) -> None:
    items = gather([video("clip.mp4", sound="aac")]).items
    results = Analyzer(pipeline, read, copies=copies(items, tmp_path / "out")).results(items[0])
    next(results)
    assert len(list((tmp_path / "out").iterdir())) == 1
    with pytest.raises(KeyboardInterrupt):
        results.throw(KeyboardInterrupt())  # type: ignore[attr-defined]  # it is a generator
    assert list((tmp_path / "out").iterdir()) == []


def bounded(pipeline: Any, path: Path, out: Path, **bounds: Any) -> list[Result]:
    items = gather([path]).items
    analyzer = Analyzer(pipeline, read, copies=copies(items, out), bounds=Bounds(**bounds))
    return [result for item in items for result in analyzer.results(item)]


@pytest.mark.parametrize("rotation", [0, 90])
def test_a_bounded_copy_is_smaller_and_its_records_are_not(
    pipeline: Any, video: Callable[..., Path], tmp_path: Path, rotation: int
) -> None:
    path = video("clip.mp4", seconds=1, rate=60, size=(320, 240), sound="aac", rotation=rotation)
    plain = analyzed(pipeline, path)
    results = bounded(pipeline, path, tmp_path / "out", longest_px=160, copy_fps=30, container="mov")
    facts = streams(tmp_path / "out" / "clip.mp4")
    assert facts["size"] == ((160, 120) if rotation == 0 else (120, 160))
    assert 29 <= len(facts["times"]) <= 37
    assert facts["sound_s"] == pytest.approx(1.0, abs=0.1)
    for one, other in zip(plain, results, strict=True):
        assert (one.observation.frame_width, one.observation.frame_height) == (
            other.observation.frame_width,
            other.observation.frame_height,
        )
        (box,), (large) = ([face.box for face in each.observation.faces] for each in (one, other))
        assert large[0].iou(box) > 0.85


@pytest.mark.parametrize("rate", [25, 30])
def test_usual_frame_rates_pass_the_copy_whole(
    pipeline: Any, video: Callable[..., Path], tmp_path: Path, rate: int
) -> None:
    path = video("clip.mkv", seconds=2, rate=rate)  # whose times are rounded to milliseconds
    bounded(pipeline, path, tmp_path / "out", copy_fps=30)
    assert len(streams(tmp_path / "out" / "clip.mp4")["times"]) == 2 * rate


@pytest.mark.parametrize(("bounds", "code"), [({"max_s": 1.0}, "too_long"), ({"max_pixels": 100}, "too_many_pixels")])
def test_videos_beyond_a_bound_are_refused_before_they_are_read(
    pipeline: Any, video: Callable[..., Path], tmp_path: Path, bounds: dict[str, Any], code: str
) -> None:
    with pytest.raises(TooMuch) as caught:
        bounded(pipeline, video("clip.mp4", seconds=2), tmp_path / "out", **bounds)
    assert caught.value.code == code
    assert not (tmp_path / "out" / "clip.mp4").exists()


def test_a_file_is_opened_by_the_reader_of_its_kind_alone(tmp_path: Path, video: Callable[..., Path]) -> None:
    secret = video("secret.ts", seconds=0.2)
    playlist = tmp_path / "list.mp4"
    playlist.write_text(f"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n{secret}\n#EXT-X-ENDLIST\n")
    with pytest.raises(InputError, match="neither a picture nor a video"):
        open_clip(playlist, Bounds(container="mov"))
