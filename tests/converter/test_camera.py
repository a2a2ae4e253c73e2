"""Faces as a camera sees them while a network learns."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

pytest.importorskip("torch", reason="PyTorch is missing: make converter")

from converter.camera import CameraSimulation
from converter.datasets.faces import FaceSet
from converter.training.batches import FaceBatches
from converter.training.views import Views


@pytest.fixture(scope="module")
def pixels() -> np.ndarray:
    coarse = np.random.default_rng(3).integers(20, 236, (200, 8, 8), dtype=np.uint8)
    return np.stack([cv2.resize(one, (48, 48), interpolation=cv2.INTER_CUBIC) for one in coarse])


def test_the_share_that_is_asked_for_is_changed_and_the_same_seed_changes_the_same(pixels: np.ndarray) -> None:
    camera = CameraSimulation(0.5)
    shown = camera.show(pixels, 7)
    np.testing.assert_array_equal(shown, camera.show(pixels, 7))
    changed = (shown != pixels).any(axis=(1, 2)).mean()
    # one of eight chosen faces has its own size, all of the light and no noise
    assert changed == pytest.approx(0.5 * 7 / 8, abs=0.1)
    assert (camera.show(pixels, 8) != shown).any()


def test_a_dark_face_is_corrected_as_on_the_device(pixels: np.ndarray) -> None:
    shown = CameraSimulation(1.0, sizes=(48, 48), lights=(0.05, 0.05)).show(pixels, 1)
    assert shown.max(axis=(1, 2)).min() > 150, "nothing is left dark"


def test_a_network_that_learns_sees_other_faces_each_epoch_and_the_same_after_a_resume(pixels: np.ndarray) -> None:
    faces = FaceSet(pixels, np.zeros(200, np.int64), np.zeros((200, 7), np.float32), np.full(200, -1))

    def epoch(number: int) -> np.ndarray:
        batches = FaceBatches(faces, Views(1), camera=CameraSimulation(0.3))
        loader = batches.loader(50, seed=1)
        loader.sampler.set_epoch(number)
        return np.concatenate([batch.pictures.numpy() for batch in loader])

    first = epoch(0)
    np.testing.assert_array_equal(first, epoch(0))
    assert (np.sort(first.mean(axis=(1, 2, 3))) != np.sort(epoch(1).mean(axis=(1, 2, 3)))).any()
