"""Video files as upright frames, by PyAV where it is installed and by OpenCV otherwise."""

from __future__ import annotations

import contextlib
import errno
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, cast

import cv2
import numpy as np

from edge.analysis.inputs import printable
from edge.errors import InputError
from edge.sources.opencv import quiet

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from numpy.typing import NDArray

_TRUNCATED_SHARE = 0.9


@dataclass(frozen=True, slots=True)
class Bounds:
    """What may be asked of the machine for one video; ``None`` where there is no bound.

    ``container`` is libav's name of the only reader that may open the file; ``max_pixels`` and ``max_s`` refuse, and
    ``longest_px`` and ``copy_fps`` reduce what is drawn upon and written. ``threads`` decode and encode, 0: as many as
    libav likes.
    """

    container: str | None = None
    max_pixels: int | None = None
    max_s: float | None = None
    longest_px: int | None = None
    copy_fps: float | None = None
    threads: int = 0


class TooMuch(InputError):
    """A video beyond a bound; ``code`` is ``too_long`` or ``too_many_pixels``."""

    def __init__(self, why: str, code: str) -> None:
        super().__init__(why)
        self.code = code


UNBOUNDED = Bounds()


@dataclass(frozen=True, slots=True)
class ClipFrame:
    """One frame of a video, ``time_s`` after the first; ``image`` makes the upright BGR picture when it is called.

    ``size`` is the upright frame's own width and height where ``image`` gives a reduced one.
    """

    index: int
    time_s: float
    image: Callable[[], NDArray[np.uint8]]
    native: Any = None
    size: tuple[int, int] | None = None


class Clip(Protocol):
    """An open video file; ``duration_s`` is what its container says, or ``None``."""

    path: Path
    duration_s: float | None

    def frames(self) -> Iterator[ClipFrame]:
        """All frames in order of time, decoded one by one.

        Raises:
            InputError: nothing in the file can be decoded, or it ends before its time.
        """
        ...

    def close(self) -> None:
        """Release the file."""
        ...


def open_clip(path: Path, bounds: Bounds = UNBOUNDED) -> Clip:
    """Open a video; ``bounds`` are PyAV's to hold.

    Raises:
        InputError: it is no video that can be read, or beyond its bounds.
    """
    return AvClip(path, bounds) if have_av() else OpenCvClip(path)


def have_av() -> bool:
    """True where PyAV can be imported."""
    try:
        import av  # noqa: F401  - only whether it is there
    except ImportError:
        return False
    return True


class AvClip:
    """A video through PyAV, which also gives the packets of its sound."""

    def __init__(self, path: Path, bounds: Bounds = UNBOUNDED) -> None:
        import av

        self.path = path
        self.bounds = bounds
        # odd letters in a title must not matter; from PyAV 19 on they never do
        options: dict[str, Any] = {"metadata_errors": "replace"} if int(av.__version__.split(".")[0]) < 19 else {}
        if bounds.container is not None:
            # a file that names others must not make libav fetch them
            options |= {"format": bounds.container, "options": {"protocol_whitelist": "file"}}
        try:
            self.container = av.open(str(path), **options)
            self.video: Any = next(iter(self.container.streams.video), None)
        except (av.error.FFmpegError, OSError) as error:
            raise InputError(_no_video(path, error)) from None
        if self.video is None or self.video.codec_context is None:
            self.container.close()
            raise InputError(_no_video(path, None))
        self.video.thread_type = "AUTO"
        self.video.codec_context.thread_count = bounds.threads
        self.audio = next((s for s in self.container.streams.audio if s.codec_context is not None), None)
        self.duration_s = _duration_s(self.container, self.video)
        try:
            self._check(self.video.codec_context.width * self.video.codec_context.height, self.duration_s or 0.0)
        except InputError:
            self.container.close()
            raise

    def _check(self, pixels: int, seconds: float) -> None:
        most, longest_s = self.bounds.max_pixels, self.bounds.max_s
        if most is not None and pixels > most:
            msg = f"{printable(self.path)}: frames of {pixels / 1e6:.0f} megapixels, the limit is {most / 1e6:.0f}"
            raise TooMuch(msg, "too_many_pixels")
        if longest_s is not None and seconds > longest_s:
            msg = f"{printable(self.path)}: longer than {longest_s / 60:g} minutes"
            raise TooMuch(msg, "too_long")

    def frames(self, on_audio: Callable[[Any], None] | None = None) -> Iterator[ClipFrame]:
        """All frames; ``on_audio`` is given the sound's packets between them, in the file's order."""
        import av

        streams = [self.video] if on_audio is None or self.audio is None else [self.video, self.audio]
        index, first_s, last_s, damaged = 0, None, 0.0, 0
        try:
            for packet in self.container.demux(streams):
                if packet.stream is self.audio and on_audio is not None:
                    on_audio(packet)
                    continue
                try:
                    decoded = packet.decode()
                except av.error.FFmpegError as error:
                    if error.errno == errno.ENOMEM:
                        raise MemoryError from None
                    damaged += 1
                    continue
                for frame in decoded:
                    time_s = frame.time if frame.time is not None else index / float(self.video.average_rate or 25)
                    first_s = time_s if first_s is None else first_s
                    last_s = max(last_s, time_s - first_s)
                    self._check(frame.width * frame.height, last_s)
                    yield _clip_frame(index, last_s, frame, self.bounds.longest_px)
                    index += 1
        except (av.error.FFmpegError, OSError) as error:
            raise InputError(_broken(self.path, index, last_s, str(getattr(error, "strerror", "") or error))) from None
        _check_whole(self.path, index, last_s, self.duration_s, damaged)

    def close(self) -> None:
        """Release the file."""
        self.container.close()


class OpenCvClip:
    """A video through OpenCV, which turns it upright by itself."""

    def __init__(self, path: Path) -> None:
        self.path = path
        quiet()
        self._capture = cv2.VideoCapture(str(path), cv2.CAP_FFMPEG)
        if not self._capture.isOpened():
            raise InputError(_no_video(path, None))
        self._capture.set(cv2.CAP_PROP_ORIENTATION_AUTO, 1)  # off by default before OpenCV 4.12
        count = self._capture.get(cv2.CAP_PROP_FRAME_COUNT)
        self._fps = self._capture.get(cv2.CAP_PROP_FPS) or 25.0
        self.duration_s = count / self._fps if count > 0 else None

    def frames(self) -> Iterator[ClipFrame]:
        """All frames; only those whose picture is asked for are converted."""
        index, last_s = 0, 0.0
        while self._capture.grab():
            last_s = max(last_s, self._capture.get(cv2.CAP_PROP_POS_MSEC) / 1000)
            yield ClipFrame(index, last_s, self._retrieve)
            index += 1
        _check_whole(self.path, index, last_s, self.duration_s, 0)

    def _retrieve(self) -> NDArray[np.uint8]:
        well, image = self._capture.retrieve()
        if not well or image is None:
            msg = f"{printable(self.path)}: a frame cannot be decoded; the file is damaged"
            raise InputError(msg)
        return cast("NDArray[np.uint8]", image)

    def close(self) -> None:
        """Release the file."""
        self._capture.release()


def _clip_frame(index: int, time_s: float, frame: Any, longest_px: int | None) -> ClipFrame:
    # libav's angle turns counter-clockwise, as rot90 does
    turns = round(frame.rotation / 90) % 4
    size = (frame.height, frame.width) if turns % 2 else (frame.width, frame.height)
    share = 1.0 if longest_px is None else min(1.0, longest_px / max(size))
    reduced = {} if share == 1.0 else {"width": _even(frame.width * share), "height": _even(frame.height * share)}

    def convert() -> NDArray[np.uint8]:
        image = frame.to_ndarray(format="bgr24", **reduced)
        return np.ascontiguousarray(np.rot90(image, turns)) if turns else image

    return ClipFrame(index, time_s, convert, frame, size if reduced else None)


def _even(length: float) -> int:
    return max(2, round(length / 2) * 2)


def _duration_s(container: Any, video: Any) -> float | None:
    if video.duration is not None and video.time_base is not None:
        return float(video.duration * video.time_base)
    if container.duration is not None:
        return float(container.duration) / 1_000_000
    return None


def _no_video(path: Path, error: Exception | None) -> str:
    reason = ""
    if isinstance(error, OSError) and error.strerror and "Invalid data" not in error.strerror:
        reason = f": {error.strerror}"
    return f"{printable(path)}: is neither a picture nor a video that can be read{reason}; it may be damaged"


def _check_whole(path: Path, frames: int, last_s: float, duration_s: float | None, damaged: int) -> None:
    if frames == 0:
        msg = f"{printable(path)}: no frame of it can be decoded; the file is damaged"
        raise InputError(msg)
    if damaged:
        raise InputError(_broken(path, frames, last_s, f"{damaged} packets cannot be decoded"))
    if duration_s is not None and last_s < duration_s * _TRUNCATED_SHARE - 1:
        raise InputError(_broken(path, frames, last_s, f"it ends early, {duration_s:.1f} s were announced"))


def _broken(path: Path, frames: int, last_s: float, reason: str) -> str:
    with contextlib.suppress(IndexError):
        reason = reason.splitlines()[0]
    if not frames:
        return f"{printable(path)}: no frame of it can be decoded ({reason}); the file is damaged"
    return f"{printable(path)}: is damaged: {reason}; what is read are {frames} frames, {last_s:.1f} s"
