from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import pytest

from converter import crop_margin
from converter.cli import main
from converter.datasets.faces import FaceSet
from edge.config import DetectorConfig
from edge.inference.manifest import load, packaged_model
from edge.inference.preprocess import crop_face
from edge.vision.haar import HaarDetector

if TYPE_CHECKING:
    from pathlib import Path

    from edge.core.types import Box


@pytest.fixture
def framed(portrait: np.ndarray, portrait_face: Box) -> Any:
    """A face set of one face cut out with a margin, as often as asked."""

    def make(*margins: float) -> FaceSet:
        pixels = np.stack([crop_face(portrait, portrait_face, margin=margin, size=48) for margin in margins])
        labels = np.full(len(margins), 3, np.int64)
        return FaceSet(pixels, labels, np.zeros((len(margins), 7), np.float32), labels)

    return make


def test_the_boxes_are_those_of_the_devices_own_detector(framed: Any) -> None:
    defaults = DetectorConfig()
    device = HaarDetector(
        min_face=crop_margin.MIN_FACE, scale_factor=crop_margin.SCALE_FACTOR, min_neighbors=defaults.min_neighbors
    )
    assert defaults.scale_factor >= crop_margin.SCALE_FACTOR
    faces = framed(0.05)
    (expected,) = device.detect(crop_margin.enlarged(faces.pixels[0]))
    (found,) = crop_margin.framing(faces).boxes()
    assert found.rounded() == expected.box.rounded()


def test_a_wider_framing_asks_for_a_wider_margin(framed: Any) -> None:
    seen = crop_margin.framing(framed(0.0, 0.15))
    assert seen.n == 2
    assert seen.rows.tolist() == [0, 1]
    tight, wide = seen.side
    # the same face fills 1 / 1.3 of the wider picture, give or take a step of the detector's sizes
    assert tight / wide == pytest.approx(1.3, rel=0.12)
    assert seen.margins[1] > seen.margins[0] + 0.08


def test_the_boxes_lie_where_the_face_is(framed: Any) -> None:
    faces = framed(0.1)
    seen = crop_margin.framing(faces)
    (box,) = seen.boxes()
    back = crop_face(crop_margin.enlarged(faces.pixels[0]), box, margin=float(seen.margins[0]), size=48)
    shift_x, shift_y = seen.offset[0] * 48
    moved = cv2.warpAffine(
        faces.pixels[0],
        np.array([[1, 0, -shift_x], [0, 1, -shift_y]]),
        (48, 48),
        borderMode=cv2.BORDER_REPLICATE,
    )
    difference = np.abs(back[4:-4, 4:-4].astype(int) - moved[4:-4, 4:-4].astype(int))
    assert difference.mean() < 6


def test_pictures_without_a_face_are_counted_but_not_measured() -> None:
    labels = np.zeros(1, np.int64)
    faces = FaceSet(np.full((1, 48, 48), 90, np.uint8), labels, np.zeros((1, 7), np.float32), labels)
    seen = crop_margin.framing(faces)
    assert (seen.n, len(seen.rows)) == (1, 0)


def test_the_shipped_margin_is_about_the_best(fer2013_folder: Path) -> None:
    pytest.importorskip("ai_edge_litert", reason="measuring needs ai-edge-litert")
    from converter import datasets
    from converter.runner import ModelRunner

    faces = datasets.load(fer2013_folder, "PublicTest").take(np.arange(0, 3589, 15))
    runner = ModelRunner(packaged_model())
    seen = crop_margin.framing(faces)
    shipped = load(packaged_model()).input.crop_margin
    assert float(np.median(seen.margins)) == pytest.approx(shipped, abs=0.03)
    accuracy = crop_margin.accuracy_by_margin(runner, faces, seen, (shipped, 0.25))
    for head, (with_shipped, with_wide) in accuracy.items():
        assert with_shipped > with_wide, head


def test_the_command_prints_and_draws(
    tiny_data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, framed: Any
) -> None:
    pytest.importorskip("ai_edge_litert", reason="measuring needs ai-edge-litert")
    pytest.importorskip("matplotlib", reason="the plot needs matplotlib")
    faces = framed(0.0, 0.05)
    monkeypatch.setattr("converter.datasets.load", lambda *_, **__: faces)
    plot = tmp_path / "margin.png"
    options = ["--model", str(packaged_model()), "--data", str(tiny_data), "--out", str(plot)]
    assert main(["crop-margin", *options, "--json"]) == 0
    figures = json.loads(capsys.readouterr().out)
    assert figures["framing"]["pictures"] == 2
    assert set(figures["accuracy"]) == {"fer2013", "consensus"}
    assert plot.read_bytes().startswith(b"\x89PNG")
