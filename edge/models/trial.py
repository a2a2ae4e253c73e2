"""Tries a model in a process of its own, with bounds on memory and time: what it does there harms nobody.

A model file is read by native code, which a file made for it may crash, fill the memory with, or hold up for ever.
"""

from __future__ import annotations

import json
import resource
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from edge.diagnostics.probe import probe
from edge.errors import EdgeError, ModelError

if TYPE_CHECKING:
    from edge.config import ModelConfig

_MIB = 1 << 20
MEMORY_MIB = 768
"""Of data that the process may have; the packaged model's needs about 120, NumPy and OpenCV included."""
TIME_S = 60.0
_SUM_OFF = 1e-3
_CODE = "from edge.models.trial import main; main()"


def tried(model: Path, settings: ModelConfig, *, timeout_s: float = TIME_S) -> str:
    """Load ``model`` and run each of its heads, elsewhere; the inference package that did.

    Raises:
        ModelError: it does not load, gives no scores, crashes, or takes more memory or time than it may.
    """
    outcome = probe(_CODE, str(model), settings.runtime, str(int(timeout_s)), timeout_s=timeout_s + 1)
    if outcome.answer is None:
        msg = f"{model.name}: its trial run {outcome.reason}: it is not used (a process of its own, {MEMORY_MIB} MiB)"
        raise ModelError(msg)
    if "error" in outcome.answer:
        msg = f"{model.name}: does not pass its trial run: {outcome.answer['error']}"
        raise ModelError(msg)
    return str(outcome.answer["runtime"])


def main() -> None:
    """In the other process: bound ourselves, run ``sys.argv[1]``, print what became of it as one JSON object."""
    model, runtime, seconds = sys.argv[1:]
    bound(memory_mib=MEMORY_MIB, seconds=int(seconds))
    try:
        answer = {"runtime": _run(Path(model), runtime)}
    except MemoryError:
        answer = {"error": f"it wants more than {MEMORY_MIB} MiB"}
    except EdgeError as error:
        answer = {"error": str(error)}
    except Exception as error:  # noqa: BLE001 - whatever a damaged model makes the runtime raise
        answer = {"error": f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"}
    print(json.dumps(answer))  # noqa: T201 - the answer


def bound(*, memory_mib: int, seconds: int) -> None:
    """From now on no more memory and processor time than this, no core file and no large file."""
    for limit, value in (
        (resource.RLIMIT_DATA, memory_mib * _MIB),
        (resource.RLIMIT_CPU, seconds),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_FSIZE, _MIB),
    ):
        _, hard = resource.getrlimit(limit)
        least = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(limit, (least, least))


def _run(path: Path, runtime: str) -> str:
    """Every head on a grey, a black and a noisy face."""
    import numpy as np

    from edge.manifest import load
    from edge.vision.litert import LiteRtClassifier

    version = ""
    for output in load(path).outputs:
        network = LiteRtClassifier(path, head=output.head, runtime=runtime)
        try:
            version, size = network.runtime_version, network.input_size
            noise = np.random.default_rng(1).integers(0, 256, (size, size), np.uint8)
            crops = [np.full((size, size), 128, np.uint8), np.zeros((size, size), np.uint8), noise]
            for scores in network.classify(crops):
                if not abs(sum(scores) - 1) < _SUM_OFF:
                    msg = f"{path.name}: scores of head {output.head} sum to {sum(scores)}, not to 1"
                    raise ModelError(msg)
        finally:
            network.close()
    return version
