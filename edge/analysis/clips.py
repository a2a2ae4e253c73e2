"""Video files as upright frames, read by PyAV if it is installed, otherwise by OpenCV."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Any, cast

import cv2
import numpy as np

from edge.analysis.clip import UNBOUNDED, Bounds, Clip, ClipFrame, TooMuch, broken, check_whole, no_video
from edge.analysis.inputs import printable
from edge.core.errors import InputError
from edge.sources.av_capture import main_video, tolerant
from edge.sources.containers import clock_may_leap, counts_frames
from edge.sources.media_clock import FrameClock, PacketClock
from edge.sources.opencv import quiet

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from numpy.typing import NDArray

__all__ = ["UNBOUNDED", "AvClip", "Bounds", "Clip", "ClipFrame", "OpenCvClip", "TooMuch", "have_av", "open_clip"]
_USUAL_FPS = 25
_WHOLE_SHARE = 0.9
"""Edit lists and frames without a reference make sound files a little shorter than their index."""


def open_clip(path: Path, bounds: Bounds = UNBOUNDED) -> Clip:
    """Open a video; only PyAV enforces ``bounds``.

    Raises:
        InputError: it is no video that can be read, or beyond its bounds.
    """
    return AvClip(path, bounds) if have_av() else OpenCvClip(path)


def have_av() -> bool:
    """Return whether PyAV can be imported."""
    try:
        import av  # noqa: F401  - only whether it is there
    except ImportError:
        return False
    return True


class AvClip:
    """Video read by PyAV, which also returns the audio packets.

    ``start_s`` is the time of the first frame on the clock of the sound's packets, once that frame is there.
    """

    def __init__(self, path: Path, bounds: Bounds = UNBOUNDED) -> None:
        import av

        self.path = path
        self.bounds = bounds
        self.start_s = 0.0
        options = tolerant(av)
        if bounds.container is not None:
            # a file that names others must not make libav fetch them
            options |= {"format": bounds.container, "options": {"protocol_whitelist": "file"}}
        try:
            self.container = av.open(str(path), **options)
        except (av.error.FFmpegError, OSError) as error:
            raise no_video(path, error) from None
        try:
            self.video: Any = main_video(self.container)
            if self.video is None:
                raise self._no_video()
            self.video.thread_type = "AUTO"
            self.video.codec_context.thread_count = bounds.threads
            self.audio = next((s for s in self.container.streams.audio if s.codec_context is not None), None)
            self.duration_s = _duration_s(self.container, self.video)
            self._check(self.video.codec_context.width * self.video.codec_context.height, self.duration_s or 0.0)
        except InputError:
            self.container.close()
            raise

    def _no_video(self) -> InputError:
        if not any(track.codec_context is not None for track in self.container.streams.video):
            return no_video(self.path, None)
        return InputError(f"{printable(self.path)}: holds no video, only a cover picture and sound")

    def _check(self, pixels: int, seconds: float) -> None:
        most, longest_s = self.bounds.max_pixels, self.bounds.max_s
        if most is not None and pixels > most:
            msg = f"{printable(self.path)}: frames of {pixels / 1e6:.0f} megapixels, the limit is {most / 1e6:.0f}"
            raise TooMuch(msg, "too_many_pixels")
        if longest_s is not None and seconds > longest_s:
            msg = f"{printable(self.path)}: longer than {longest_s / 60:g} minutes"
            raise TooMuch(msg, "too_long")

    def frames(self, on_audio: Callable[[Any], None] | None = None) -> Iterator[ClipFrame]:
        """Yield all frames; ``on_audio`` is called with the audio packets between them, in the file's order."""
        import av

        clock = FrameClock(1 / float(self.video.average_rate or _USUAL_FPS))
        index, time_s, damaged = 0, 0.0, 0
        try:
            for packet in self._packets():
                if packet is not None and packet.stream is self.audio:
                    if on_audio is not None:
                        on_audio(packet)
                    continue
                try:
                    decoded = self.video.codec_context.decode(packet)
                except av.error.FFmpegError as error:
                    if error.errno == errno.ENOMEM:
                        raise MemoryError from None
                    # a recording may begin between two key frames
                    damaged += bool(index or packet is None or packet.is_keyframe)
                    continue
                for frame in decoded:
                    own_s = None if frame.pts is None else float(frame.pts * self.video.time_base)
                    if index == 0:
                        self.start_s = own_s or 0.0
                    time_s = clock(own_s)
                    self._check(frame.width * frame.height, time_s)
                    yield _clip_frame(index, time_s, frame, self.bounds.longest_px)
                    index += 1
        except av.error.PatchWelcomeError:
            reason = "it goes on in a way that cannot be read, as recordings joined in one Ogg file do"
            raise broken(self.path, index, time_s, reason) from None
        except (av.error.FFmpegError, OSError) as error:
            raise broken(self.path, index, time_s, str(getattr(error, "strerror", "") or error)) from None
        check_whole(self.path, index, time_s, damaged)

    def _packets(self) -> Iterator[Any]:
        """Yield packets with increasing times, then ``None``, which flushes the decoder."""
        clock = PacketClock(leaps=clock_may_leap(self.path))
        for packet in self.container.demux([self.video, *([] if self.audio is None else [self.audio])]):
            if not packet.size:
                continue  # a frame that is held; to a decoder, an empty packet is the end
            base = packet.time_base
            time_s = None if packet.dts is None else float(packet.dts * base)
            shift_s = clock.shift_s(packet.stream.index, time_s, float((packet.duration or 0) * base))
            if ticks := round(shift_s / base):
                packet.pts = None if packet.pts is None else packet.pts + ticks
                packet.dts = None if packet.dts is None else packet.dts + ticks
            yield packet
        yield None

    def close(self) -> None:
        """Release the file."""
        self.container.close()


class OpenCvClip:
    """Video read by OpenCV, which also rotates it upright."""

    def __init__(self, path: Path) -> None:
        self.path = path
        quiet()
        self._capture = cv2.VideoCapture(str(path), cv2.CAP_FFMPEG)
        if not self._capture.isOpened():
            raise no_video(path, None)
        self._capture.set(cv2.CAP_PROP_ORIENTATION_AUTO, 1)  # off by default before OpenCV 4.12
        count = self._capture.get(cv2.CAP_PROP_FRAME_COUNT)
        self._fps = self._capture.get(cv2.CAP_PROP_FPS) or float(_USUAL_FPS)
        self.duration_s = count / self._fps if count > 0 else None
        self._announced = round(count) if counts_frames(path) else 0

    def frames(self) -> Iterator[ClipFrame]:
        """Yield all frames; pictures are converted only when requested."""
        clock = FrameClock(1 / self._fps, leaps=clock_may_leap(self.path))
        index, time_s = 0, 0.0
        while self._capture.grab():
            time_s = clock(self._capture.get(cv2.CAP_PROP_POS_MSEC) / 1000)
            yield ClipFrame(index, time_s, self._retrieve)
            index += 1
        check_whole(self.path, index, time_s)
        if 1 < index < self._announced * _WHOLE_SHARE:  # a single frame may be the cover picture of a sound file
            raise broken(self.path, index, time_s, f"{self._announced - index} more frames cannot be decoded")

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
