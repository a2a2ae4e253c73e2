from __future__ import annotations

import json
from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest

from converter import camera
from converter.cli import main
from converter.datasets.faces import FaceSet
from converter.evaluation.bootstrap import Bootstrap
from converter.evaluation.conditions import Condition, by_light, by_size, conditions
from converter.evaluation.subject import Subject, open_subject
from converter.runner import corrected
from edge.core.contrast import Contrast
from edge.inference.manifest import load, packaged_model
from edge.inference.preprocess import is_dark, stretch

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

pytest.importorskip("tqdm", reason="tqdm is missing: pip install -e '.[converter]'")


@pytest.fixture(scope="module")
def faces() -> FaceSet:
    """Smooth bright shapes, no two alike."""
    coarse = np.random.default_rng(3).integers(20, 236, (6, 8, 8), dtype=np.uint8)
    pixels = np.stack([cv2.resize(one, (48, 48), interpolation=cv2.INTER_CUBIC) for one in coarse])
    return FaceSet(pixels, np.full(6, 3), np.zeros((6, 7), np.float32), np.full(6, -1))


def bright(pixels: NDArray[np.uint8]) -> dict[str, NDArray[np.float32]]:
    """Read every bright picture as happy, every dark one as angry."""
    is_bright = pixels.mean(axis=(1, 2)) > 60
    return {"fer2013": np.where(is_bright[:, None], np.eye(7)[3], np.eye(7)[0]).astype(np.float32)}


def subject(contrast: Contrast | None) -> Subject:
    return Subject("bright", "0" * 64, "int8", bright, {}, contrast=contrast)


def test_a_face_of_its_own_size_in_full_light_is_the_picture(faces: FaceSet) -> None:
    np.testing.assert_array_equal(Condition(48).crops(faces, Contrast()), faces.pixels)
    np.testing.assert_array_equal(Condition(48).plain_crops(faces), faces.pixels)


@pytest.mark.parametrize("size", [16, 48, 144])
def test_a_photograph_has_the_size_the_light_and_the_noise_that_are_asked_for(faces: FaceSet, size: int) -> None:
    (clean, *_), (noisy, *_) = (list(Condition(size, 20, noise).photographs(faces)) for noise in (False, True))
    assert clean.shape == noisy.shape == (size, size)
    assert clean.dtype == noisy.dtype == np.uint8
    assert clean.mean() == pytest.approx(0.2 * faces.pixels[0].mean(), abs=1)
    deviation = np.sqrt(camera.SHOT * clean.mean() + camera.READ) / 1.6
    assert (noisy.astype(float) - clean).std() == pytest.approx(deviation, rel=0.2)


def test_a_condition_is_the_same_again(faces: FaceSet) -> None:
    condition = Condition(24, 5, noisy=True)
    np.testing.assert_array_equal(condition.crops(faces, Contrast()), condition.crops(faces, Contrast()))


def test_every_size_and_every_light_is_measured() -> None:
    assert [condition.size for condition in by_size()] == [16, 24, 32, 48, 144, 300]
    assert {condition.light for condition in by_light()} == {100, 50, 25, 10, 5, 2}
    assert {condition.noisy for condition in by_light()} == {False, True}


def test_dark_faces_are_read_with_the_correction_that_the_model_asks_for(faces: FaceSet) -> None:
    chosen = [Condition(48), Condition(48, 10), Condition(24, 10, noisy=True)]
    rows = conditions(subject(Contrast()), faces, Bootstrap(resamples=50), chosen)
    found = [(row["plain"]["fer2013"]["accuracy"], row["heads"]["fer2013"]["accuracy"]) for row in rows]
    assert found == [(1, 1), (0, 1), (0, 1)]
    assert (rows[2]["size"], rows[2]["light"], rows[2]["noisy"]) == (24, 10, True)
    (uncorrected,) = conditions(subject(None), faces, Bootstrap(resamples=50), chosen[1:2])
    assert uncorrected["heads"] == uncorrected["plain"]


def test_evaluation_corrects_the_dark_pictures_alone(faces: FaceSet) -> None:
    pixels = faces.pixels.copy()
    pixels[2] //= 20
    expected = pixels.copy()
    expected[2] = stretch(pixels[2], Contrast())
    np.testing.assert_array_equal(corrected(pixels, Contrast()), expected)
    assert corrected(pixels, None) is pixels
    assert corrected(pixels[:0], Contrast()).shape == (0, 48, 48)
    assert subject(Contrast()).logits(pixels)["fer2013"][2].argmax() == 3
    assert subject(None).logits(pixels)["fer2013"][2].argmax() == 0
    assert subject(Contrast()).logits_of_crops(pixels)["fer2013"][2].argmax() == 0


def test_a_model_is_measured_with_the_contrast_of_its_manifest() -> None:
    pytest.importorskip("ai_edge_litert", reason="measuring needs ai-edge-litert")
    assert open_subject(packaged_model()).contrast == load(packaged_model()).input.contrast == Contrast()


def test_the_shipped_model_reads_small_and_dark_faces(fer2013_folder: Path) -> None:
    """What docs/training.md claims, on every fifth picture: small and dark faces cost few points, without help many."""
    pytest.importorskip("ai_edge_litert", reason="measuring needs ai-edge-litert")
    from converter import datasets

    faces = datasets.load(fer2013_folder, "PublicTest").take(np.arange(0, 3589, 5))
    chosen = [Condition(48), Condition(24), Condition(144, 5), Condition(144, 2), Condition(144, 5, noisy=True)]
    rows = conditions(open_subject(packaged_model()), faces, Bootstrap(resamples=2), chosen)
    full, small, *dark = (row["heads"]["consensus"]["accuracy"] for row in rows)
    assert small > full - 0.05
    assert all(one > full - 0.06 for one in dark), dark
    assert all(row["plain"]["consensus"]["accuracy"] < full - 0.4 for row in rows[2:])


def test_few_pictures_of_the_split_are_dark(fer2013_folder: Path) -> None:
    from converter import datasets

    faces = datasets.load(fer2013_folder, "PublicTest")
    assert sum(is_dark(picture, Contrast()) for picture in faces.pixels) == 9


def test_the_command_prints_and_draws(tiny_data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for package in ("ai_edge_litert", "matplotlib", "scipy"):
        pytest.importorskip(package, reason=f"{package} is missing: pip install -e '.[converter]'")
    options = ["--model", str(packaged_model()), "--data", str(tiny_data), "--no-recurring", "--conditions"]
    assert main(["evaluate", *options, "--out", str(tmp_path)]) == 0
    assert "24 px wide, 5 % of the light and a sensor's noise" in capsys.readouterr().out
    found = json.loads((tmp_path / "results.json").read_text())["conditions"]
    assert len(found) == len({*by_size(), *by_light()})
    assert (tmp_path / "conditions.png").read_bytes().startswith(b"\x89PNG")
