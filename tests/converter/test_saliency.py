from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from converter.datasets.faces import FaceSet
from converter.evaluation.explain import explain
from converter.evaluation.saliency import method, saliency, spread
from converter.evaluation.subject import Subject

if TYPE_CHECKING:
    from pathlib import Path

pytest.importorskip("captum", reason="captum is missing: pip install -e '.[converter]'")
pytest.importorskip("torch", reason="torch is missing: pip install -e '.[converter]'")

import torch

CORNER = np.s_[:, 4:16, 28:40]


def bright_corner(pixels: np.ndarray) -> dict[str, np.ndarray]:
    """Happy by the light of one corner, neutral without it."""
    logits = np.zeros((len(pixels), 7), np.float32)
    logits[:, 3] = pixels[CORNER].mean(axis=(1, 2)) / 32
    logits[:, 6] = 3
    return {"fer2013": logits}


class CornerNet:
    """The same as a network with gradients."""

    head_names = ("fer2013",)

    def __call__(self, pictures: torch.Tensor) -> tuple[torch.Tensor, ...]:
        light = pictures[:, 0][CORNER].mean(dim=(1, 2)) * 8
        return (torch.nn.functional.pad(light[:, None], (3, 3)),)


BY_PATCH = Subject("patch.tflite", "0" * 64, "int8", bright_corner, {"fer2013": 1.0})
BY_GRADIENT = Subject("gradient.ckpt", "0" * 64, "float", bright_corner, {}, CornerNet())


@pytest.fixture
def pixels() -> np.ndarray:
    shown = np.random.default_rng(1).integers(40, 60, (9, 48, 48), dtype=np.uint8)
    shown[CORNER] += 150
    return shown


@pytest.mark.parametrize("subject", [BY_PATCH, BY_GRADIENT], ids=["patch", "gradient"])
def test_the_part_that_decides_is_found(subject: Subject, pixels: np.ndarray) -> None:
    maps = saliency(subject, "fer2013", pixels, np.full(9, 3))
    assert maps.shape == (9, 48, 48)
    assert maps.max(axis=(1, 2)) == pytest.approx(np.ones(9))
    elsewhere = np.ones((48, 48), bool)
    elsewhere[CORNER[1:]] = False
    assert (maps[CORNER].mean(axis=(1, 2)) > 5 * np.abs(maps[:, elsewhere]).mean(axis=1)).all()
    assert "patch" in method(BY_PATCH)
    assert "gradients" in method(BY_GRADIENT)


def test_what_speaks_against_is_negative(pixels: np.ndarray) -> None:
    maps = saliency(BY_PATCH, "fer2013", pixels, np.full(9, 6))
    assert (maps[CORNER].mean(axis=(1, 2)) < -0.5).all()


def test_no_pictures_no_maps() -> None:
    none = np.zeros((0, 48, 48), np.uint8)
    assert saliency(BY_PATCH, "fer2013", none, np.zeros(0, np.int64)).shape == (0, 48, 48)


def test_samples_are_spread_over_the_classes() -> None:
    predicted = np.array([0] * 50 + [3] * 5 + [6])
    chosen = spread(predicted, 8)
    assert predicted[chosen].tolist() == [0, 0, 0, 0, 3, 3, 3, 6]
    assert chosen.tolist() == spread(predicted, 8).tolist()
    assert len(spread(predicted, 100)) == 56
    assert len(spread(predicted, 0)) == 0


def test_pictures_are_drawn_for_heads_with_labels(pixels: np.ndarray, tmp_path: Path) -> None:
    faces = FaceSet(pixels, np.array([3] * 8 + [0]), np.zeros((9, 7), np.float32), np.full(9, -1))
    explain(BY_PATCH, faces, 3, tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["saliency-fer2013.png", "saliency-mean-fer2013.png"]
    assert all(path.read_bytes().startswith(b"\x89PNG") for path in tmp_path.iterdir())
