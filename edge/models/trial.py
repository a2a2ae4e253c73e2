"""Trial run of a model in a separate, confined process with limits on memory and time.

Native code reads the model file, and a crafted file may crash it, exhaust its memory, block it or take it over.
Therefore the process is confined (:mod:`edge.sandbox`) and can only open the model and its manifest.
"""

from __future__ import annotations

import contextlib
import json
import resource
import socket
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from edge.core.errors import EdgeError, ModelError
from edge.inference.manifest import manifest_path
from edge.sandbox import limits
from edge.sandbox.broker import Access, start_broker
from edge.sandbox.confine import confine
from edge.sandbox.environment import minimal
from edge.sandbox.libseccomp import Unavailable
from edge.sandbox.probe import probe
from edge.util.text import in_one_line

if TYPE_CHECKING:
    from edge.config import ModelConfig
    from edge.sandbox.probe import Outcome

MEMORY_MIB = 768
"""Memory limit of the process; the packaged model needs about 120 MiB, including NumPy and OpenCV."""
TIME_S = 60.0
_SUM_OFF = 1e-3
_CODE = "from edge.models.trial import main; main()"


def tried(model: Path, settings: ModelConfig, *, timeout_s: float = TIME_S) -> str:
    """Load ``model`` and run each of its heads in a separate process; return the name of the inference package.

    Raises:
        ModelError: it does not load, returns no scores, crashes, or exceeds the limits of memory or time.
    """
    outcome = _probe(model, settings.runtime, timeout_s)
    if outcome.answer is None:
        msg = f"{model.name}: its trial run {outcome.reason}: it is not used (separate process, {MEMORY_MIB} MiB)"
        raise ModelError(msg)
    if "error" in outcome.answer:
        msg = f"{model.name}: failed its trial run: {in_one_line(str(outcome.answer['error']))}"
        raise ModelError(msg)
    return in_one_line(str(outcome.answer.get("runtime")))


def _probe(model: Path, runtime: str, timeout_s: float) -> Outcome:
    """Run the trial, confined if the system supports it."""
    arguments = str(model), runtime, str(int(timeout_s))
    with contextlib.ExitStack() as resources:
        descriptors = []
        if (started := start_broker()) is not None:
            broker, asking = started
            resources.enter_context(asking)
            broker.access = Access(read=(str(model), str(manifest_path(model))))
            descriptors = [asking.fileno()]
        return probe(
            _CODE,
            *arguments,
            *map(str, descriptors),
            timeout_s=timeout_s + 1,
            environment=minimal(),
            descriptors=descriptors,
        )


def main() -> None:
    """Run the model ``sys.argv[1]`` in the separate process under limits and print the result as one JSON object."""
    model, runtime, seconds, *descriptors = sys.argv[1:]
    bound(memory_mib=MEMORY_MIB, seconds=int(seconds))
    try:
        _load(runtime)
        for descriptor in descriptors:
            with socket.socket(fileno=int(descriptor)) as line, contextlib.suppress(Unavailable):
                confine(line)
        answer = {"runtime": _run(Path(model), runtime)}
    except MemoryError:
        answer = {"error": f"it needs more than {MEMORY_MIB} MiB"}
    except EdgeError as error:
        answer = {"error": str(error)}
    except Exception as error:  # noqa: BLE001 - whatever a damaged model makes the runtime raise
        answer = {"error": f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"}
    print(json.dumps(answer))  # noqa: T201 - the answer


def bound(*, memory_mib: int, seconds: int) -> None:
    """Limit this process's memory and processor time, and forbid core dumps and large files."""
    limits.bound(memory=memory_mib * limits.MIB, cpu_s=seconds)
    limits.limit(resource.RLIMIT_FSIZE, limits.MIB)


def _load(runtime: str) -> None:
    """Import the libraries of the trial while files can still be opened freely."""
    import numpy as np  # noqa: F401

    from edge.vision.litert import import_runtime

    import_runtime(runtime)


def _run(path: Path, runtime: str) -> str:
    """Run every head on a grey, a black and a noisy crop; return the version of the runtime."""
    import numpy as np

    from edge.inference.manifest import load
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
