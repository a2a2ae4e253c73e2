"""The annotated copy of a video: H.264 in MP4 that browsers play, upright, with the original's sound."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Any, Self

import cv2

from edge.analysis.clips import have_av
from edge.analysis.inputs import printable
from edge.errors import HardwareUnavailable, InputError
from edge.installation import adding, repairing

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from edge.analysis.clips import AvClip, ClipFrame

_ENCODERS = ("libx264", "libopenh264", "h264_v4l2m2m")
_PLAYABLE_SOUND = {"aac", "mp3", "opus"}
"""What browsers play from an MP4; anything else becomes AAC."""

_AAC_RATES = {8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000}
_LEAD_S = 0.1
"""Sound that begins earlier than the pictures by no more stays: it primes the decoder and is not played."""
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
    """Takes pictures at their original times, and packets of sound, and writes them to ``path``.

    Use it as a context manager. The file is complete only after the block ended well.
    """

    def __init__(self, path: Path, clip: AvClip) -> None:
        self._path = path
        self._clip = clip
        self._video: Any = None
        self._sound: _Sound | None = None
        self._last_pts = -1

    def __enter__(self) -> Self:
        import av

        options = {"movflags": "+faststart"}  # a browser can begin before it has the whole file
        self._container = av.open(str(self._path), "w", format="mp4", options=options)
        if self._clip.audio is not None:
            self._sound = _Sound(self._container, self._clip.audio)
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        import av

        try:
            if kind is None:
                if self._video is not None:
                    self._container.mux(self._video.encode(None))
                if self._sound is not None:
                    self._sound.finish(self._clip.start_s)
            self._container.close()
        except av.error.FFmpegError as error:
            if kind is None:
                raise InputError(self._failure(error)) from None

    def picture(self, image: NDArray[np.uint8], original: ClipFrame) -> None:
        """Write ``image``, upright BGR, in the place of ``original``.

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
            raise InputError(self._failure(error)) from None

    def sound(self, packet: Any) -> None:
        """Write a packet of the original's sound."""
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
            raise InputError(self._failure(error)) from None

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

    def _failure(self, error: Exception) -> str:
        reason = getattr(error, "strerror", None) or str(error).splitlines()[0]
        return f"{printable(self._clip.path)}: its annotated copy cannot be written: {reason}"


class _Sound:
    """Copies the sound's packets as they are where an MP4 may hold them, otherwise as AAC."""

    def __init__(self, container: Any, source: Any) -> None:
        import av

        self._container = container
        self._source = source
        self._held: list[Any] = []
        self._last_dts = -(1 << 62)
        self._next_sample = -(1 << 62)
        self._copied = source.codec_context.name.removesuffix("float") in _PLAYABLE_SOUND
        if self._copied:
            self._stream = container.add_stream_from_template(source)
        else:
            rate = source.codec_context.sample_rate
            self._stream = container.add_stream(
                "aac",
                rate=rate if rate in _AAC_RATES else 48000,
                layout="mono" if source.codec_context.layout.nb_channels == 1 else "stereo",
            )
            encoder = self._stream.codec_context
            self._resampler = av.AudioResampler(format=encoder.format, layout=encoder.layout, rate=encoder.sample_rate)

    def hold(self, packet: Any) -> None:
        """Keep a packet until the video's first picture is there."""
        self._held.append(packet)

    def write(self, packet: Any, start_s: float) -> None:
        """Write what was held, then ``packet``; the copy begins at ``start_s`` of the original."""
        held, self._held = self._held, []
        for each in (*held, packet):
            self._write(each, start_s)

    def finish(self, start_s: float) -> None:
        """Write what is still held, here and in the encoder."""
        for packet in self._held:
            self._write(packet, start_s)
        if not self._copied:
            self._decode(None)
            for frame in self._resampler.resample(None):
                self._encode(frame)
            self._container.mux(self._stream.encode(None))

    def _write(self, packet: Any, start_s: float) -> None:
        begin = round(start_s / packet.time_base)
        if packet.pts is not None:
            packet.pts -= begin
            if float((packet.pts + (packet.duration or 0)) * packet.time_base) < -_LEAD_S:
                return  # before the first picture
        if packet.dts is not None:
            packet.dts -= begin
        if self._copied:
            # a damaged file may go back in time, which no MP4 can hold
            if packet.dts is not None and packet.dts > self._last_dts:
                self._last_dts = packet.dts
                packet.stream = self._stream
                self._container.mux(packet)
            return
        self._decode(packet)

    def _decode(self, packet: Any) -> None:
        """Encode the sound in ``packet``; ``None``: what the decoder still has."""
        import av

        try:
            frames = self._source.codec_context.decode(packet)
        except av.error.InvalidDataError:
            return  # a click in the sound is no reason to lose the copy
        for frame in frames:
            for resampled in self._resampler.resample(frame):
                self._encode(resampled)

    def _encode(self, frame: Any) -> None:
        if frame.pts is not None and frame.time_base:
            # joined recordings overlap by a little, and the encoder takes no time twice
            rate = self._stream.codec_context.sample_rate
            start = max(round(frame.pts * frame.time_base * rate), self._next_sample)
            frame.pts, frame.time_base = start, Fraction(1, rate)
            self._next_sample = start + frame.samples
        self._container.mux(self._stream.encode(frame))


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
