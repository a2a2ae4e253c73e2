"""Annotated copy of a video: H.264 in MP4 for browsers, upright, with the original's audio."""

from __future__ import annotations

import errno
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Self

import cv2

from edge.analysis.clip import TooMuch
from edge.analysis.clips import have_av
from edge.analysis.inputs import printable
from edge.analysis.sound_copy import SoundCopy
from edge.core.errors import HardwareUnavailable, InputError
from edge.system.installation import adding, repairing

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from edge.analysis.clips import AvClip, ClipFrame

_ENCODERS = ("libx264", "libopenh264", "h264_v4l2m2m")
_NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_LARGE_PIXEL_RATE = 1280 * 720 * 30


def require_av() -> None:
    """Check that annotated videos can be written.

    Raises:
        HardwareUnavailable: PyAV is not installed.
    """
    if not have_av():
        msg = f"annotated videos need PyAV; install it with: {adding('video')}"
        raise HardwareUnavailable(msg)


class VideoCopy:
    """Writer of pictures at their original times, and of audio packets, to ``path``.

    Use it as a context manager. The file is complete only after the block ended well.
    """

    def __init__(self, path: Path, clip: AvClip) -> None:
        self._path = path
        self._clip = clip
        self._video: Any = None
        self._sound: SoundCopy | None = None
        self._last_pts = -1

    def __enter__(self) -> Self:
        import av

        options = {"movflags": "+faststart"}  # a browser can begin before it has the whole file
        try:
            self._container = av.open(str(self._path), "w", format="mp4", options=options)
            if self._clip.audio is not None:
                self._sound = SoundCopy(self._container, self._clip.audio)
        except (av.error.FFmpegError, OSError) as error:
            raise self._failure(error) from None
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        import av

        try:
            try:
                if kind is None:
                    self._finish()
            finally:
                self._container.close()
        except (av.error.FFmpegError, OSError) as error:
            if kind is None:  # else what ended the block is what counts
                raise self._failure(error) from None

    def _finish(self) -> None:
        if self._video is not None:
            self._container.mux(self._video.encode(None))
        if self._sound is not None:
            self._sound.finish(self._clip.start_s)

    def picture(self, image: NDArray[np.uint8], original: ClipFrame) -> None:
        """Write ``image`` (h, w, 3), upright BGR uint8, in place of ``original``.

        Raises:
            InputError: the encoder or the disk refuses it.
        """
        import av

        if (
            self._video is not None
            and abs(self._video.width - image.shape[1]) + abs(self._video.height - image.shape[0]) > 2
        ):
            # some streams change their size on the way; the copy keeps the first one's
            image = cv2.resize(image, (self._video.width, self._video.height)).astype("uint8", copy=False)
        even = cv2.copyMakeBorder(image, 0, image.shape[0] % 2, 0, image.shape[1] % 2, cv2.BORDER_REPLICATE)
        frame = av.VideoFrame.from_ndarray(even, format="bgr24")
        if self._video is None:
            turned = original.native.rotation % 180 != 0
            self._video = self._video_stream(even.shape[1], even.shape[0], turned=turned)
        # from zero on, as the results' times are; x264 wants times that rise, and a base may be too coarse for them
        base = self._clip.video.time_base
        self._last_pts = frame.pts = max(round(original.time_s / base), self._last_pts + 1)
        frame.time_base = base
        try:
            self._container.mux(self._video.encode(frame))
        except (av.error.FFmpegError, OSError) as error:
            raise self._failure(error) from None

    def sound(self, packet: Any) -> None:
        """Write an audio packet of the original."""
        import av

        if self._sound is None:
            return
        if self._video is None:
            # the container's header needs every stream, and the video's size comes with the first picture
            self._sound.hold(packet)
            return
        try:
            self._sound.write(packet, self._clip.start_s)
        except (av.error.FFmpegError, OSError) as error:
            raise self._failure(error) from None

    def _video_stream(self, width: int, height: int, *, turned: bool) -> Any:
        source = self._clip.video
        rate = source.average_rate or Fraction(25)
        if self._clip.bounds.copy_fps is not None:
            rate = min(rate, Fraction(self._clip.bounds.copy_fps).limit_denominator(1001))
        # the encoder takes most of the time: a copy of full HD still has to be ready before the original would be over
        preset = "ultrafast" if width * height * rate > _LARGE_PIXEL_RATE else "superfast"
        stream = self._container.add_stream(_encoder(), rate=rate, options={"preset": preset, "crf": "23"})
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        context = stream.codec_context
        context.thread_count = self._clip.bounds.threads
        context.time_base = source.time_base
        ratio = source.sample_aspect_ratio
        if ratio and ratio != 1:
            context.sample_aspect_ratio = 1 / ratio if turned else ratio
        return stream

    def _failure(self, error: Exception) -> InputError:
        reason = getattr(error, "strerror", None) or str(error).splitlines()[0]
        msg = f"{printable(self._clip.path)}: its annotated copy cannot be written: {reason}"
        return TooMuch(msg, "no_room") if getattr(error, "errno", None) in _NO_ROOM else InputError(msg)


def _encoder() -> str:
    import av

    for name in _ENCODERS:
        try:
            av.codec.Codec(name, "w")
        except (ValueError, av.error.FFmpegError):
            continue
        return name
    msg = f"the installed PyAV has no H.264 encoder; install its wheel with: {repairing('av', again=True)}"
    raise HardwareUnavailable(msg)
