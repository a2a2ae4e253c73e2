from __future__ import annotations

import numpy as np
import pytest

from converter.datasets.faces import FaceSet
from converter.evaluation import disturbances
from converter.evaluation.bootstrap import Bootstrap
from converter.evaluation.disturbances import DISTURBANCES, Disturbance
from converter.evaluation.figures import robustness as plot
from converter.evaluation.robustness import robustness
from converter.evaluation.subject import Subject

pytest.importorskip("matplotlib", reason="matplotlib is missing: pip install -e '.[converter]'")

PNG = b"\x89PNG"


@pytest.fixture(scope="module")
def pictures() -> np.ndarray:
    """Smooth shapes with an edge, no two alike."""
    generator = np.random.default_rng(3)
    coarse = generator.integers(20, 236, (6, 8, 8)).repeat(6, axis=1).repeat(6, axis=2)
    return coarse.astype(np.uint8)


def sharpness(pictures: np.ndarray) -> float:
    return float(np.abs(np.diff(pictures.astype(int), axis=2)).max())


def distance(first: np.ndarray, second: np.ndarray) -> float:
    return float(np.abs(first.astype(int) - second.astype(int)).mean())


def named(kind: str) -> list[Disturbance]:
    return [found for found in DISTURBANCES if found.kind == kind]


def test_six_kinds_of_three_to_five_strengths() -> None:
    kinds = list(dict.fromkeys(found.kind for found in DISTURBANCES))
    assert kinds == ["darkening", "blur", "low resolution", "rotation", "occlusion", "JPEG compression"]
    assert all(3 <= len(named(kind)) <= 5 for kind in kinds)


@pytest.mark.parametrize("found", DISTURBANCES, ids=lambda found: f"{found.kind}-{found.amount:g}")
def test_every_disturbance_keeps_its_input_and_is_the_same_again(found: Disturbance, pictures: np.ndarray) -> None:
    before = pictures.copy()
    first = found.apply(pictures)
    assert first.shape == pictures.shape
    assert first.dtype == np.uint8
    np.testing.assert_array_equal(pictures, before)
    np.testing.assert_array_equal(first, found.apply(pictures))
    assert found.apply(pictures[:0]).shape == (0, 48, 48)


@pytest.mark.parametrize("kind", dict.fromkeys(found.kind for found in DISTURBANCES))
def test_every_strength_is_worse_than_the_one_before(kind: str, pictures: np.ndarray) -> None:
    away = [distance(found.apply(pictures), pictures) for found in named(kind)]
    assert away[0] > 0
    assert away == sorted(away)


def test_darkening_scales_the_light(pictures: np.ndarray) -> None:
    dark = disturbances.darken(pictures, 25)
    np.testing.assert_array_equal(dark, np.rint(pictures * 0.25).astype(np.uint8))


def test_blur_and_low_resolution_soften_edges_and_keep_the_light(pictures: np.ndarray) -> None:
    for soft in (disturbances.blur(pictures, 2), disturbances.coarsen(pictures, 12)):
        assert sharpness(soft) < 0.5 * sharpness(pictures)
        assert soft.mean() == pytest.approx(pictures.mean(), abs=2)


def test_a_coarse_picture_has_no_more_than_its_pixels() -> None:
    stripes = np.tile(np.array([0, 255], np.uint8), (1, 48, 24))
    assert np.ptp(disturbances.coarsen(stripes, 24).astype(int)) <= 1


def test_rotation_turns_every_other_picture_the_other_way() -> None:
    line = np.zeros((2, 48, 48), np.uint8)
    line[:, 23:25, :] = 255
    turned = disturbances.rotate(line, 90)
    assert (turned[:, 10:38, 22:26].max(axis=2) == 255).all()
    slanted = disturbances.rotate(line, 20)
    np.testing.assert_allclose(slanted[0].astype(int), slanted[1, ::-1].astype(int), atol=10)
    up, down = (int(one[:, 40].argmax()) for one in slanted)
    assert up < 20
    assert down > 26


def test_occlusion_covers_the_share_in_places_that_differ() -> None:
    white = np.full((20, 48, 48), 200, np.uint8)
    white[:, ::2] = 100
    covered = disturbances.occlude(white, 25) != white
    assert (covered.sum(axis=(1, 2)) == 24 * 24).all()
    assert len({tuple(np.argwhere(one)[0]) for one in covered}) > 10


def test_jpeg_is_as_coarse_as_its_quality(pictures: np.ndarray) -> None:
    assert distance(disturbances.compress(pictures, 95), pictures) < 2
    assert distance(disturbances.compress(pictures, 5), pictures) > 4


def test_robustness_measures_every_head_under_every_disturbance(pictures: np.ndarray) -> None:
    """A model that sees only whether it is bright or not: darkness takes it all, blur nothing."""

    def predict(pixels: np.ndarray) -> dict[str, np.ndarray]:
        bright = pixels.mean(axis=(1, 2)) > 80
        return {"fer2013": np.where(bright[:, None], np.eye(7)[3], np.eye(7)[0]).astype(np.float32)}

    faces = FaceSet(pictures, np.full(6, 3), np.zeros((6, 7), np.float32), np.full(6, -1))
    subject = Subject("bright", "0" * 64, "int8", predict, {})
    rows = robustness(subject, faces, Bootstrap(resamples=50), (*named("darkening"), *named("blur")))
    accuracy = {row["strength"]: row["heads"]["fer2013"]["accuracy"] for row in rows}
    assert rows[0]["kind"] == "none"
    assert accuracy["as it is"] == accuracy["2 px sigma"] == accuracy["75 % of the light"] == 1
    assert accuracy["25 % of the light"] == accuracy["10 % of the light"] == 0
    assert rows[0]["heads"]["fer2013"]["interval"]["accuracy"] == [1, 1]
    assert plot(rows, "title").startswith(PNG)
