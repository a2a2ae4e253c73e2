"""NumPy, OpenCV and its face cascade, the inference runtime and the model."""

from __future__ import annotations

import ipaddress
import signal
from typing import TYPE_CHECKING, Any

from edge.core.errors import EdgeError
from edge.diagnostics.finding import fail, ok, skip, warn
from edge.sandbox.probe import Outcome, probe
from edge.system.installation import OPENCV, adding, repairing

if TYPE_CHECKING:
    from collections.abc import Iterator

    from edge.config import Config
    from edge.diagnostics.finding import Finding

_MUCH = 0.25
"""The share of a core for one face from which on a smaller network is the better choice: a Pi 4 is below it."""
_NUMPY = "import json, numpy; print(json.dumps({'version': numpy.__version__}))"
_OPENCV = """
import json, os, cv2, numpy
cv2.resize(numpy.zeros((8, 8), numpy.uint8), (4, 4))
cascade = hasattr(cv2, "CascadeClassifier")
path = os.path.join(cv2.data.haarcascades, "haarcascade_frontalface_default.xml") if cascade else ""
loads = bool(cascade and os.path.isfile(path) and not cv2.CascadeClassifier(path).empty())
print(json.dumps({"version": cv2.__version__, "cascade": loads}))
"""
_MODEL = """
import json, sys, time
import numpy
from edge.config import Config
from edge.core.errors import EdgeError
from edge.pipelines.factory import classifier
config = Config.model_validate_json(sys.argv[1])
try:
    network = classifier(config)
except EdgeError as error:
    print(json.dumps({"error": str(error)}))
    raise SystemExit
crop = numpy.full((network.input_size, network.input_size), 128, numpy.uint8)
network.classify([crop])
times = []
for _ in range(20):
    started = time.perf_counter()
    scores = network.classify([crop])[0]
    times.append((time.perf_counter() - started) * 1000)
network.close()
print(json.dumps({"runtime": network.runtime_version, "ms": sorted(times)[len(times) // 2], "sum": sum(scores)}))
"""


def numpy_and_opencv() -> Iterator[Finding]:
    """Check that both can be imported, and that OpenCV was built for this NumPy's ABI."""
    answer = probe(_NUMPY)
    if answer.answer is None:
        yield fail("numpy", f"import {answer.reason}", repairing("numpy", again=True))
        return
    yield ok("numpy", answer.answer["version"])
    yield opencv(probe(_OPENCV))


def opencv(outcome: Outcome) -> Finding:
    """Evaluate the probe of OpenCV."""
    install = repairing(OPENCV, again=True)
    if outcome.answer is None:
        return fail("opencv", f"does not work with this NumPy: {outcome.reason}", install)
    version = outcome.answer["version"]
    if int(version.split(".")[0]) >= 5:
        return fail("opencv", f"{version} has no face cascades", install)
    if not outcome.answer["cascade"]:
        return fail("opencv", f"{version}, but its frontal face cascade cannot be loaded", install)
    return ok("opencv", f"{version} with its frontal face cascade")


def metrics(config: Config) -> Finding:
    """Check that metrics can be served, and describe who has access."""
    if not config.metrics.enabled:
        return skip("metrics", "not switched on")
    from edge.sinks.metrics.sink import require_package

    try:
        require_package()
    except EdgeError as error:
        return warn("metrics", str(error), "the device runs without it meanwhile")
    host = config.metrics.host
    if not ipaddress.ip_address(host).is_loopback:
        return ok("metrics", f"port {config.metrics.port} of {host}: whoever is on the network may ask")
    return ok("metrics", f"port {config.metrics.port}, for this machine alone")


def model(config: Config) -> Finding:
    """Check that the model is the one that its manifest describes."""
    from edge.inference.manifest import load, verify
    from edge.models.store import model_in_use

    try:
        path = model_in_use(config)
        manifest = load(path)
        verify(manifest, path)
    except EdgeError as error:
        return fail("model", str(error), "install face-edge again, or set model.path to a model with its manifest")
    try:
        heads = manifest.heads_in_words(config.model.head)
    except EdgeError as error:
        return fail("model", str(error), 'set model.head = "auto", or add a model that has it')
    return ok("model", f"{manifest.name}: SHA-256 {manifest.sha256[:12]}… as its manifest says; {heads}")


def runtime(config: Config) -> Finding:
    """Run the model in a separate process."""
    return inference(probe(_MODEL, config.model_dump_json(include={"node", "model"})), config.model.interval_s)


def inference(outcome: Outcome, interval_s: float) -> Finding:
    """Evaluate the probe of the model, which classifies each face every ``interval_s`` seconds."""
    other = f"{adding('tflite-runtime')} (Python 3.11) and set model.runtime"
    if outcome.signal is signal.SIGILL:
        message = "uses instructions that this processor lacks (SIGILL)"
        return fail("runtime", message, f"use a 64-bit system on a Pi Zero 2 W or newer, or: {other}")
    if outcome.signal is not None:
        return fail(
            "runtime", f"running the model {outcome.reason}", f"{repairing('ai-edge-litert', again=True)}, or: {other}"
        )
    if outcome.answer is None:
        return fail("runtime", f"running the model failed: {outcome.reason}", repairing("ai-edge-litert", again=True))
    if error := outcome.answer.get("error"):
        return fail("runtime", str(error), "see the message; face-edge models verify tells more")
    return _worked(outcome.answer, interval_s)


def _worked(answer: dict[str, Any], interval_s: float) -> Finding:
    text = f"{answer['runtime']}: {answer['ms']:.1f} ms a face"
    if abs(answer["sum"] - 1) > 1e-3:
        return warn("runtime", f"{text}, but its scores sum to {answer['sum']:.3f}", "face-edge models verify")
    share = answer["ms"] / 1000 / interval_s
    if share > _MUCH:
        smaller = "the small network takes a fifth: set model.path to gdconv-24m-int8; or lengthen model.interval_s"
        return warn("runtime", f"{text}, so that each in view takes {share:.0%} of a core", smaller)
    return ok("runtime", text)
