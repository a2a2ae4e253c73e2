"""Timing of model files side by side; only the ratios within one run are meaningful."""

from __future__ import annotations

import statistics
import time
from typing import TYPE_CHECKING

import numpy as np

from converter.runner import interpreter

if TYPE_CHECKING:
    from collections.abc import Sequence

ROUNDS = 25
_BURST = 8
"""Consecutive faces, so that a model is timed with its own weights in the cache, as on the device."""


def milliseconds(models: Sequence[bytes], rounds: int = ROUNDS) -> list[float]:
    """Return the median milliseconds per face for each TFLite file, on one thread, in alternation."""
    loaded = [interpreter(model) for model in models]
    for model in loaded:
        detail = model.get_input_details()[0]
        model.set_tensor(detail["index"], np.zeros(detail["shape"], detail["dtype"]))
        model.invoke()
    times: list[list[float]] = [[] for _ in loaded]
    for _ in range(rounds):
        for model, found in zip(loaded, times, strict=True):
            start = time.perf_counter()
            for _ in range(_BURST):
                model.invoke()
            found.append((time.perf_counter() - start) * 1000 / _BURST)
    return [statistics.median(found) for found in times]
