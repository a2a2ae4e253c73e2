"""Runs commands in an empty folder, with no settings from outside, on files that are made here."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import cv2
import numpy as np
import pytest

from edge.vision.pipeline import Pipeline
from edge.vision.scripted import BrightDetector, ScriptedClassifier

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from edge.config import Config

ROOT = Path(__file__).resolve().parents[2]


class Run(Protocol):
    """Runs ``face-edge`` with these arguments."""

    def __call__(
        self, *arguments: str | Path, environment: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]: ...


@pytest.fixture
def face_edge(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.chdir(tmp_path)
    clean = {name: value for name, value in os.environ.items() if not name.startswith("FACE_EDGE_")}
    clean |= {"PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "ignore"}

    def run(*arguments: str | Path, environment: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "edge", *map(str, arguments)]
        return subprocess.run(
            command, cwd=tmp_path, env=clean | dict(environment or {}), capture_output=True, text=True, check=False
        )

    return run


def scripted_pipeline(config: Config, *, still: bool = False, seed: int | None = None) -> Pipeline:
    """In the place of :func:`edge.runtime.build.pipeline`: bright squares are faces, the brighter the happier."""
    return Pipeline(
        BrightDetector(),
        ScriptedClassifier(),
        detect_width=320,
        detect_interval_s=0.0,
        tracker=config.tracker.model_copy(update={"min_hits": 1}),
        smoothing=config.smoothing,
        primary=config.primary,
        memory=not still,
        seed=seed,
    )


@pytest.fixture
def scripted(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Commands look for bright squares instead of faces; the working folder is empty."""
    monkeypatch.setattr("edge.runtime.build.pipeline", scripted_pipeline)
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("FACE_EDGE_")]:
        monkeypatch.delenv(name)


@pytest.fixture
def picture(tmp_path: Path) -> Callable[..., Path]:
    """Writes a dark picture with bright squares: ``picture("a.png", (x, y, side), …)``."""

    def make(name: str, *squares: tuple[int, int, int], width: int = 160, height: int = 120) -> Path:
        image = np.full((height, width, 3), 30, np.uint8)
        for x, y, side in squares:
            image[y : y + side, x : x + side] = 230
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        well, data = cv2.imencode(path.suffix, image)
        assert well
        path.write_bytes(data.tobytes())
        return path

    return make


@pytest.fixture
def video(tmp_path: Path) -> Callable[..., Path]:
    """Writes a silent clip of one bright square at 25 frames a second."""
    av = pytest.importorskip("av", reason="making test videos needs PyAV: pip install 'face-edge[video]'")

    def make(name: str, *, seconds: float = 2.0, size: tuple[int, int] = (160, 120)) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        image = np.full((size[1], size[0], 3), 30, np.uint8)
        image[10:50, 20:60] = 230
        with av.open(str(path), "w") as container:
            stream = container.add_stream("libx264", rate=25, options={"preset": "ultrafast"})
            stream.width, stream.height, stream.pix_fmt = *size, "yuv420p"
            for _ in range(round(seconds * 25)):
                container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="bgr24")))
            container.mux(stream.encode(None))
        return path

    return make
