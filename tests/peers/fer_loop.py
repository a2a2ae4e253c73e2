"""The package ``fer`` from PyPI as its users run it: ``fer_loop.py CLIP [FER2013.csv[.gz]]`` in its own environment.

With the data set the accuracy of its network is measured on PublicTest, one view, as the package prepares a face.
"""

from __future__ import annotations

import csv
import gzip
import os
import sys
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import cv2
import numpy as np
from fer.fer import FER
from loops import measure

_SIDE = 64


def accuracy(detector: Any, path: Path) -> float:
    """Share of PublicTest that its network names as the original labels do."""
    csv.field_size_limit(1 << 24)
    with gzip.open(path, "rt") if path.suffix == ".gz" else path.open(encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row["Usage"] == "PublicTest"]
    labels = np.array([int(row["emotion"]) for row in rows])
    faces = [np.array(row["pixels"].split(), np.uint8).reshape(48, 48) for row in rows]
    pixels = np.stack([cv2.resize(face, (_SIDE, _SIDE)) for face in faces]).astype(np.float32)
    scores = detector._classify_emotions((pixels / 255 - 0.5) * 2)
    return float((np.asarray(scores).argmax(axis=1) == labels).mean())


def main(clip: str, data: str | None) -> None:
    """Measure the loop, and the network where there is data."""
    detector = FER()
    known = {} if data is None else {"accuracy": accuracy(detector, Path(data))}
    measure(
        "fer 25.10 (PyPI), its own network and Haar", clip, lambda image: len(detector.detect_emotions(image)), **known
    )


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else None)
