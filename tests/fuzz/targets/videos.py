"""Videos, as read by the upload worker."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

from edge.core.errors import HardwareUnavailable, InputError
from edge.system.installation import adding
from tests.fuzz.target import FuzzTarget, in_one_line

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_FRAMES_MAX = 60
_BOUNDS = {"max_pixels": 10_000_000, "max_s": 600.0, "longest_px": 1280, "threads": 1}
_CONTAINERS = (("mp4", "mpeg4"), ("mov", "mjpeg"), ("avi", "mpeg4"), ("matroska", "mjpeg"), ("webm", "libvpx"))


def files(folder: Path) -> FuzzTarget:
    """Test :func:`edge.analysis.clips.open_clip` under the upload's limits.

    Raises:
        HardwareUnavailable: PyAV is missing.
    """
    from edge.analysis.clips import Bounds, have_av, open_clip
    from edge.analysis.inputs import Kind
    from edge.analysis.kinds import HEAD_BYTES, recognise

    if not have_av():
        msg = f"videos are fuzzed with PyAV: {adding('video')}"
        raise HardwareUnavailable(msg)
    import av

    av.logging.set_level(None)
    path = folder / "video"

    def attempt(data: bytes) -> None:
        path.write_bytes(data)
        try:
            found = recognise(data[:HEAD_BYTES])
            if found.kind is not Kind.VIDEO:
                return
            clip = open_clip(path, Bounds(container=found.container, **_BOUNDS))  # type: ignore[arg-type]
            try:
                for frame in islice(clip.frames(), _FRAMES_MAX):
                    frame.image()
            finally:
                clip.close()
        except InputError as error:
            in_one_line(error)
        except MemoryError:
            return  # which the worker answers, and it is ended

    return FuzzTarget(tuple(_drawn(folder)), attempt)


def _drawn(folder: Path) -> Iterator[bytes]:
    """Write a second of moving stripes in every container that the local encoders support."""
    import av
    import numpy as np

    for form, codec in _CONTAINERS:
        path = folder / f"drawn.{form}"
        try:
            with av.open(str(path), "w", format=form) as container:
                stream = container.add_stream(codec, rate=10)
                stream.width, stream.height, stream.thread_count = 64, 48, 1
                stream.pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv420p"
                for index in range(8):
                    picture = np.full((48, 64, 3), 20 * index, np.uint8)
                    picture[:, index * 8 : index * 8 + 8] = 255
                    container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
                container.mux(stream.encode())
        except (av.error.FFmpegError, ValueError):
            continue  # this build has no such encoder
        yield path.read_bytes()
