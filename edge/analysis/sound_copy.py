"""Audio of an annotated copy: the original packets if browsers play them from an MP4, AAC otherwise."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

_PLAYABLE_SOUND = {"aac", "mp3", "opus"}
"""What browsers play from an MP4; anything else becomes AAC."""

_AAC_RATES = {8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000}
_LEAD_S = 0.1
"""Sound that begins earlier than the pictures by no more stays: it primes the decoder and is not played."""


class SoundCopy:
    """Writer of the audio stream: packets are copied if an MP4 may hold them, otherwise encoded as AAC."""

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
        """Hold a packet back until the video's first picture is known."""
        self._held.append(packet)

    def write(self, packet: Any, start_s: float) -> None:
        """Write held packets, then ``packet``; the copy starts at ``start_s`` seconds of the original."""
        held, self._held = self._held, []
        for each in (*held, packet):
            self._write(each, start_s)

    def finish(self, start_s: float) -> None:
        """Write remaining packets, held here or in the encoder."""
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
        """Encode the audio in ``packet``; ``None`` flushes the decoder."""
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
