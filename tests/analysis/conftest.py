"""A pipeline that calls bright squares faces, and pictures and videos made of such squares."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import pytest

from edge.config import PrimaryConfig, SmoothingConfig, TrackerConfig
from edge.vision.pipeline import Pipeline
from edge.vision.scripted import BrightDetector, ScriptedClassifier

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray


def scripted_pipeline(still: bool) -> Pipeline:
    return Pipeline(
        BrightDetector(),
        ScriptedClassifier(),
        detect_width=320,
        detect_interval_s=0.0,
        tracker=TrackerConfig(min_hits=1),
        smoothing=SmoothingConfig(),
        primary=PrimaryConfig(),
        memory=not still,
        seed=0,
    )


def scene(width: int, height: int, *squares: tuple[int, int, int]) -> NDArray[np.uint8]:
    """A dark picture with bright squares ``(x, y, side)``."""
    image = np.full((height, width, 3), 30, np.uint8)
    for x, y, side in squares:
        image[y : y + side, x : x + side] = 230
    return image


@pytest.fixture
def pipeline() -> Callable[[bool], Pipeline]:
    return scripted_pipeline


@pytest.fixture
def picture(tmp_path: Path) -> Callable[..., Path]:
    """Writes a picture of bright squares: ``picture("a.png", (x, y, side), …)``."""

    def make(name: str, *squares: tuple[int, int, int], width: int = 160, height: int = 120) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        well, data = cv2.imencode(path.suffix, scene(width, height, *squares))
        assert well
        path.write_bytes(data.tobytes())
        return path

    return make


@pytest.fixture
def video(tmp_path: Path) -> Callable[..., Path]:
    """Writes a clip of one bright square in the upper left part, optionally with sound and a display rotation."""
    av = pytest.importorskip("av", reason="making test videos needs PyAV: pip install 'face-edge[video]'")

    def make(
        name: str,
        *,
        seconds: float = 2.0,
        rate: int = 25,
        size: tuple[int, int] = (160, 120),
        sound: str | None = None,
        rotation: int = 0,
        options: dict[str, str] | None = None,
    ) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        with av.open(str(path), "w", options=options or {}) as container:
            stream = container.add_stream("libx264", rate=rate, options={"preset": "ultrafast"})
            stream.width, stream.height, stream.pix_fmt = *size, "yuv420p"
            if rotation:
                if not hasattr(stream, "set_display_rotation"):
                    pytest.skip("this PyAV cannot write a display rotation")
                stream.set_display_rotation(rotation)
            audio = container.add_stream(sound, rate=44100, layout="mono") if sound else None
            picture = scene(*size, (16, 10, size[1] // 3))
            for _ in range(round(seconds * rate)):
                container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="bgr24")))
            container.mux(stream.encode(None))
            if audio is not None:
                _tone(av, container, audio, seconds)
        return path

    return make


def _tone(av: Any, container: Any, audio: Any, seconds: float) -> None:
    samples = np.sin(np.arange(round(seconds * 44100)) * (2 * np.pi * 440 / 44100))
    whole = (samples * 12000).astype(np.int16)[np.newaxis]
    resampler = av.AudioResampler(format=audio.codec_context.format, layout="mono", rate=44100)
    for start in range(0, whole.shape[1], 1024):
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(whole[:, start : start + 1024]), "s16", "mono")
        frame.rate, frame.pts, frame.time_base = 44100, start, Fraction(1, 44100)
        for resampled in resampler.resample(frame):
            container.mux(audio.encode(resampled))
    container.mux(audio.encode(None))
