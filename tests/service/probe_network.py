"""Asks the network alone about crops: ``probe_network.py FOLDER [RUNTIME]``, lines as ``face-edge analyze --json`` has.

The last line, on standard error, is the time of one face in milliseconds and the process's memory.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from pathlib import Path

import cv2
import numpy as np

from edge.config import Config
from edge.models.store import model_in_use
from edge.vision.litert import LiteRtClassifier


def main(folder: Path, runtime: str) -> None:
    """Print an answer for each crop."""
    network = LiteRtClassifier(model_in_use(Config()), runtime=runtime)
    times_s = []
    for path in sorted(folder.glob("*.png")):
        crop = np.asarray(cv2.imread(str(path), cv2.IMREAD_GRAYSCALE), np.uint8)
        side = network.input_size
        fitting = np.asarray(cv2.resize(crop, (side, side), interpolation=cv2.INTER_NEAREST), np.uint8)
        started_s = time.perf_counter()
        [scores] = network.classify([fitting])
        times_s.append(time.perf_counter() - started_s)
        face = {"box": [0, 0, side, side], "emotion": str(scores.top), "scores": scores.as_dict()}
        sys.stdout.write(json.dumps({"path": path.name, "faces": [face]}) + "\n")
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000
    sys.stderr.write(f"{network.runtime_version}: {min(times_s) * 1000:.1f} ms a face, {peak_mb:.0f} MB\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else "auto")
