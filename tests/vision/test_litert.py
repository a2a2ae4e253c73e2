from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from edge.core.errors import HardwareUnavailable, ModelError
from edge.core.protocols import EmotionClassifier
from edge.core.types import EMOTIONS, Emotion
from edge.inference.manifest import manifest_path, packaged_model
from edge.inference.preprocess import crop_face
from edge.vision.litert import RUNTIMES, LiteRtClassifier

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from edge.core.types import Box, Scores

INSTALLED = [name for name, module in RUNTIMES.items() if find_spec(module.partition(".")[0])]
MISSING = [name for name in RUNTIMES if name not in INSTALLED]
TOLERANCE = 0.16
"""Of a logit: the runtimes round differently inside, which came to 0.13 at most over FER2013's PublicTest."""
GOLDEN = Path(__file__).parents[1] / "data" / "golden_scores.json"

pytestmark = pytest.mark.skipif(not INSTALLED, reason="no inference runtime is installed: pip install ai-edge-litert")


@pytest.fixture(scope="module")
def classifier() -> Iterator[LiteRtClassifier]:
    made = LiteRtClassifier(packaged_model())
    yield made
    made.close()


@pytest.fixture(scope="module")
def patterns() -> dict[str, np.ndarray]:
    """Crops from arithmetic alone, the same with any numpy."""
    y, x = np.mgrid[0:48, 0:48]
    drawn = np.full((48, 48), 180)
    for row, column, radius in ((18, 15, 4), (18, 33, 4), (36, 24, 7)):
        drawn[(y - row) ** 2 + (x - column) ** 2 <= radius**2] = 40
    noise = (((y * 48 + x) * 1103515245 + 12345) >> 8) % 256
    made = {
        "black": np.zeros((48, 48)),
        "white": np.full((48, 48), 255),
        "slope": (x + y) * 255 // 94,
        "chequers": (x // 6 + y // 6) % 2 * 255,
        "drawn face": drawn,
        "noise": noise,
    }
    return {name: picture.astype(np.uint8) for name, picture in made.items()}


def test_it_is_a_classifier(classifier: LiteRtClassifier) -> None:
    assert isinstance(classifier, EmotionClassifier)
    assert classifier.input_size == 48
    assert classifier.runtime_version.split(" ")[0] in RUNTIMES


def test_a_real_smile_is_happy(classifier: LiteRtClassifier, portrait: np.ndarray, portrait_face: Box) -> None:
    crop = crop_face(portrait, portrait_face, margin=classifier.crop_margin, size=classifier.input_size)
    (scores,) = classifier.classify([crop])
    assert scores.top is Emotion.HAPPY
    assert scores.confidence > 0.6


def test_fifty_faces_at_once_are_as_fifty_single_ones(
    classifier: LiteRtClassifier, patterns: dict[str, np.ndarray]
) -> None:
    crops = (list(patterns.values()) * 9)[:50]
    together = classifier.classify(crops)
    assert len(together) == 50
    assert together == [classifier.classify([crop])[0] for crop in crops]
    assert all(sum(scores) == pytest.approx(1) for scores in together)


def test_no_faces_give_no_scores(classifier: LiteRtClassifier) -> None:
    assert classifier.classify([]) == []


def test_another_instance_with_more_threads_says_the_same(
    classifier: LiteRtClassifier, patterns: dict[str, np.ndarray]
) -> None:
    other = LiteRtClassifier(packaged_model(), threads=2)
    crops = list(patterns.values())
    assert other.classify(crops) == classifier.classify(crops)


def test_a_view_into_a_larger_picture_is_read_rightly(
    classifier: LiteRtClassifier, patterns: dict[str, np.ndarray]
) -> None:
    large = np.zeros((96, 96), np.uint8)
    large[::2, ::2] = patterns["drawn face"]
    assert classifier.classify([large[::2, ::2]]) == classifier.classify([patterns["drawn face"]])


@pytest.mark.parametrize(
    "crop", [np.zeros((47, 48), np.uint8), np.zeros((48, 48, 3), np.uint8), np.zeros((48, 48), np.float32)]
)
def test_a_wrong_crop_is_refused_with_what_was_expected(classifier: LiteRtClassifier, crop: np.ndarray) -> None:
    with pytest.raises(ValueError, match=r"expected a uint8 crop of shape \(48, 48\), got"):
        classifier.classify([crop])


def test_closing_twice_is_harmless_and_final() -> None:
    made = LiteRtClassifier(packaged_model())
    made.close()
    made.close()
    with pytest.raises(ValueError, match="closed"):
        made.classify([np.zeros((48, 48), np.uint8)])


@pytest.mark.parametrize("head", ["fer2013", "consensus"])
def test_the_shipped_model_gives_the_golden_logits(head: str, patterns: dict[str, np.ndarray]) -> None:
    """Both runtimes are held to one file; FACE_EDGE_WRITE_GOLDEN=1 writes it anew after a change of model."""
    made = LiteRtClassifier(packaged_model(), head=head)
    found = {name: made.logits(picture) for name, picture in patterns.items()}
    if os.environ.get("FACE_EDGE_WRITE_GOLDEN") == "1":
        write_golden(made, head, found)
        pytest.skip(f"wrote {head} into {GOLDEN.name}")
    golden = json.loads(GOLDEN.read_text())
    assert golden["sha256"] == made.manifest.sha256, "the model changed: write the golden file anew"
    for name, logits in found.items():
        assert np.abs(logits - golden["logits"][head][name]).max() <= golden["tolerance"], name


def write_golden(made: LiteRtClassifier, head: str, found: dict[str, np.ndarray]) -> None:
    golden = json.loads(GOLDEN.read_text()) if GOLDEN.exists() else {}
    if golden.get("sha256") != made.manifest.sha256:
        golden = {"sha256": made.manifest.sha256, "logits": {}}
    golden |= {"model": made.manifest.file, "written_with": made.runtime_version, "tolerance": TOLERANCE}
    golden["logits"][head] = {name: [round(float(v), 5) for v in logits] for name, logits in found.items()}
    GOLDEN.write_text(json.dumps(golden, indent=1) + "\n")


@pytest.mark.skipif(not MISSING, reason="both runtimes are installed")
def test_a_missing_runtime_comes_with_its_install_command() -> None:
    name = MISSING[0]
    with pytest.raises(HardwareUnavailable) as caught:
        LiteRtClassifier(packaged_model(), runtime=name)
    assert "pip install" in str(caught.value)
    assert name in str(caught.value)
    assert "\n" not in str(caught.value)


def test_without_any_runtime_both_commands_are_given(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in RUNTIMES.values():
        monkeypatch.setitem(sys.modules, module, None)  # Python's own way to make an import fail
    with pytest.raises(HardwareUnavailable) as caught:
        LiteRtClassifier(packaged_model())
    assert "pip install ai-edge-litert or " in str(caught.value)
    assert str(caught.value).endswith("pip install -e '.[tflite-runtime]'")


def test_the_runtimes_greeting_stays_off_standard_error() -> None:
    code = (
        "import os; from edge.inference.manifest import packaged_model;"
        "from edge.vision.litert import LiteRtClassifier;"
        "import numpy as np; LiteRtClassifier(packaged_model()).classify([np.zeros((48, 48), np.uint8)])"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "XNNPACK" not in result.stderr
    assert "INFO" not in result.stderr


def test_what_else_is_written_to_standard_error_comes_through(capfd: pytest.CaptureFixture[str]) -> None:
    from edge.util.stderr import lines_dropped
    from edge.vision.litert import GREETINGS

    with lines_dropped(*GREETINGS):
        os.write(2, b"INFO: Created TensorFlow Lite XNNPACK delegate for CPU.\nsomething serious\n")
    assert capfd.readouterr().err == "something serious\n"


@pytest.fixture
def damaged(tmp_path: Path) -> Callable[[Callable[[dict[str, Any]], object]], Path]:
    """A copy of the packaged model whose manifest contradicts it."""

    def make(change: Callable[[dict[str, Any]], object]) -> Path:
        source = packaged_model()
        model = Path(shutil.copy(source, tmp_path))
        content = json.loads(manifest_path(source).read_text())
        change(content)
        manifest_path(model).write_text(json.dumps(content))
        return model

    return make


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (
            lambda m: m["input"].update(shape=[1, 64, 64, 1], size=64),
            "input: expected shape (1, 64, 64, 1), found (1, 48",
        ),
        (lambda m: m["input"].update(size=64), "expected (1, 64, 64, 1) for size 64, found (1, 48, 48, 1)"),
        (lambda m: m["input"].update(zero_point=0), "expected scale 0.00392157 and zero point 0, found"),
        (lambda m: m["outputs"][1].update(scale=0.5), "output consensus: expected scale 0.5"),
        (lambda m: m["outputs"][1].update(windows=97), "output consensus: expected shape (1, 679), found (1, "),
        (lambda m: m["outputs"][1].update(name="elsewhere"), "expected an output named 'elsewhere', found"),
    ],
)
def test_a_model_that_contradicts_its_manifest(
    damaged: Callable[[Callable[[dict[str, Any]], object]], Path],
    change: Callable[[dict[str, Any]], object],
    words: str,
) -> None:
    with pytest.raises(ModelError) as caught:
        LiteRtClassifier(damaged(change))
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_head_that_the_model_lacks_is_refused(
    damaged: Callable[[Callable[[dict[str, Any]], object]], Path],
) -> None:
    model = damaged(lambda m: m.update(outputs=[m["outputs"][0] | {"certainty": None}], refusal=None))
    assert LiteRtClassifier(model).manifest.outputs[0].head == "fer2013"
    with pytest.raises(ModelError, match="has no head 'consensus': it has fer2013"):
        LiteRtClassifier(model, head="consensus")


@pytest.mark.skipif(
    "ai-edge-litert" not in INSTALLED, reason="tflite-runtime verifies nothing: there the hash protects"
)
@pytest.mark.parametrize("content", [b"\x1c\0\0\0TFL3", b"\x1c\0\0\0TFL3" + bytes(range(256)) * 40])
def test_a_corrupt_flatbuffer_with_a_fitting_hash_is_an_error_and_no_crash(
    damaged: Callable[[Callable[[dict[str, Any]], object]], Path], content: bytes
) -> None:
    model = damaged(lambda m: m.update(sha256=hashlib.sha256(content).hexdigest()))
    model.write_bytes(content)
    with pytest.raises(ModelError, match="cannot load"):
        LiteRtClassifier(model)


def test_probabilities_follow_the_temperature(patterns: dict[str, np.ndarray], damaged: Callable[[Any], Path]) -> None:
    crop = patterns["drawn face"]

    def read(**changes: Any) -> Scores:
        model = damaged(lambda m: m["outputs"][1].update(certainty=None, **changes))
        return LiteRtClassifier(model, prior="web").classify([crop])[0]

    sharp, flat = read(), read(temperature=50.0)
    assert flat.top is sharp.top
    assert flat.confidence < sharp.confidence
    assert flat.confidence == pytest.approx(1 / len(EMOTIONS), abs=0.05)
