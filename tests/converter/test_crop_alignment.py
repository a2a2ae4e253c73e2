from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from converter import crop_alignment
from converter.cli import main
from converter.datasets.faces import FaceSet
from edge.inference.manifest import packaged_model
from edge.inference.preprocess import crop_face
from edge.vision.pose import LEAST_ROLL, roll_of
from edge.vision.yunet import CANDIDATE, YuNetDetector

if TYPE_CHECKING:
    from pathlib import Path

    from edge.core.types import Box

pytest.importorskip("tqdm", reason="tqdm is missing: pip install -e '.[converter]'")


@pytest.fixture
def faces(portrait: np.ndarray, portrait_face: Box) -> FaceSet:
    """One face, twice."""
    pixels = np.stack([crop_face(portrait, portrait_face, margin=0.05, size=48)] * 2)
    labels = np.full(2, 3, np.int64)
    return FaceSet(pixels, labels, np.zeros((2, 7), np.float32), labels)


def test_a_picture_is_turned_clockwise_about_its_middle() -> None:
    picture = np.zeros((48, 48), np.uint8)
    picture[22:26, 30:46] = 255  # to the right of the middle
    turned = crop_alignment.tilted(picture, 30)
    rows, columns = np.nonzero(turned > 128)
    middle = (len(turned) - 1) / 2
    right, down = columns.mean() - middle, rows.mean() - middle
    assert np.degrees(np.arctan2(down, right)) == pytest.approx(30, abs=2)
    assert turned.shape == crop_alignment.tilted(picture, 0).shape


@pytest.mark.parametrize("tilt", [0.0, 20.0])
def test_the_face_and_its_tilt_are_those_that_the_device_sees(yunet_file: Path, faces: FaceSet, tilt: float) -> None:
    seen = crop_alignment.search(crop_alignment.open_detector(yunet_file), faces, tilt)
    assert seen.rows.tolist() == [0, 1]
    assert seen.found[0].roll == pytest.approx(-seen.found[1].roll, abs=4), "one is turned this way, the other that"
    device = YuNetDetector(yunet_file, min_face=0.2)
    for picture, face in zip(seen.pictures, seen.found, strict=True):
        (detection, *_) = device.detect(np.repeat(picture[:, :, None], 3, axis=2))
        assert detection.box.centre == pytest.approx(face.centre, abs=1)
        assert max(detection.box.width, detection.box.height) == pytest.approx(crop_alignment.FACTOR * face.side, abs=1)
        expected = roll_of(detection.landmarks)
        assert expected == pytest.approx(face.roll if abs(face.roll) >= LEAST_ROLL else 0.0, abs=0.01)
    assert crop_alignment.SCORE == CANDIDATE
    assert crop_alignment.LEAST_ROLL == LEAST_ROLL


@pytest.mark.parametrize("roll", [-30.0, 30.0])
def test_turning_back_gives_the_upright_face_again(faces: FaceSet, roll: float) -> None:
    from converter.runner import ModelRunner

    pytest.importorskip("ai_edge_litert", reason="measuring needs ai-edge-litert")
    runner = ModelRunner(packaged_model())
    level, turned = (crop_alignment.tilted(faces.pixels[0], degrees) for degrees in (0, roll))
    middle = (len(level) / 2, len(level) / 2)

    def crop(picture: np.ndarray, roll: float, turning: crop_alignment.Turning) -> np.ndarray:
        face = crop_alignment.AlignedFace(middle, 120.0, roll)
        return np.asarray(face.crop(picture, runner, crop_alignment.FACTOR, turning), int)[8:-8, 8:-8]

    expected = crop(level, 0.0, "never")
    always, device, never = (
        np.abs(crop(turned, roll, turning) - expected).mean() for turning in ("always", "device", "never")
    )
    assert always == device < 0.3 * never
    slight = crop_alignment.LEAST_ROLL - 1
    np.testing.assert_array_equal(crop(turned, slight, "device"), crop(turned, slight, "never"))


def test_on_tilted_pictures_turning_back_gains(yunet_file: Path, fer2013_folder: Path) -> None:
    pytest.importorskip("ai_edge_litert", reason="measuring needs ai-edge-litert")
    from converter import datasets
    from converter.runner import ModelRunner

    faces = datasets.load(fer2013_folder, "PublicTest").take(np.arange(0, 3589, 20))
    detector = crop_alignment.open_detector(yunet_file)
    (row,) = crop_alignment.by_tilt(ModelRunner(packaged_model()), detector, faces, [30])
    assert row["n"] > 0.8 * len(faces)
    assert 10 < row["read_quartiles"][1] < 30, "YuNet sees half of it"
    assert row["heads"]["always"]["consensus"] > row["heads"]["never"]["consensus"]


def test_a_file_that_is_no_detector_is_one_line(
    tmp_path: Path, tiny_data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("ai_edge_litert", reason="measuring needs ai-edge-litert")
    path = tmp_path / "x.onnx"
    for content in (None, b"nothing"):
        if content is not None:
            path.write_bytes(content)
        options = ["--model", str(packaged_model()), "--data", str(tiny_data), "--detector", str(path)]
        assert main(["crop-alignment", *options]) == 4
        error = capsys.readouterr().err
        assert "OpenCV cannot read it as a face detector" in error.splitlines()[-1]


def test_the_command_prints_every_tilt_and_factor(
    yunet_file: Path,
    faces: FaceSet,
    tiny_data: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pytest.importorskip("ai_edge_litert", reason="measuring needs ai-edge-litert")
    monkeypatch.setattr("converter.datasets.load", lambda *_, **__: faces)
    options = ["--model", str(packaged_model()), "--data", str(tiny_data), "--detector", str(yunet_file)]
    assert main(["crop-alignment", *options, "--json"]) == 0
    figures: dict[str, Any] = json.loads(capsys.readouterr().out)
    assert [row["tilt"] for row in figures["tilts"]] == list(crop_alignment.TILTS)
    assert [row["factor"] for row in figures["box"]["factors"]] == list(crop_alignment.FACTORS)
    assert main(["crop-alignment", *options]) == 0
    assert "factor on the box, upright pictures, n=2" in capsys.readouterr().out
