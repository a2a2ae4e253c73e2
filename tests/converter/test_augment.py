"""Views: drawn once, shown the same way every time, and doing what their fields say."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

torch = pytest.importorskip("torch", reason="torch is missing: pip install -e '.[converter]'")

from converter.training.augment import apply
from converter.training.views import Augmentation, FaceView, Views

if TYPE_CHECKING:
    from torch import Tensor

STILL = Augmentation(
    mirror_p=0,
    rotate_degrees=0,
    scale=0,
    shift=0,
    contrast=0,
    brightness=0,
    gamma=0,
    blur_p=0,
    coarse_p=0,
    erase_p=0,
    noise_p=0,
    jpeg_p=0,
)


@pytest.fixture
def pictures() -> Tensor:
    return torch.rand(64, 1, 48, 48, generator=torch.Generator().manual_seed(3)) * 0.8 + 0.1


def test_without_any_change_a_view_is_the_picture(pictures: Tensor) -> None:
    shown = apply(pictures, STILL.draw(64, seed=1))
    assert torch.allclose(shown, pictures, atol=2e-3)


def test_a_seed_gives_the_same_views_and_another_seed_others(pictures: Tensor) -> None:
    first, again, other = (apply(pictures, Augmentation().draw(64, seed)) for seed in (1, 1, 2))
    assert torch.equal(first, again)
    assert (first - other).abs().mean() > 0.05


def test_a_part_of_the_rows_is_shown_as_in_the_whole(pictures: Tensor) -> None:
    view = Augmentation().draw(64, seed=4)
    rows = torch.tensor([40, 3, 17])
    assert torch.allclose(apply(pictures[rows], view.take(rows)), apply(pictures, view)[rows], atol=1e-5)


def test_a_view_keeps_shape_and_range(pictures: Tensor) -> None:
    shown = apply(pictures, Augmentation(brightness=0.9, contrast=2.0).draw(64, seed=5))
    assert shown.shape == pictures.shape
    assert shown.min() >= 0
    assert shown.max() <= 1


def test_mirroring_turns_left_and_right_round(pictures: Tensor) -> None:
    shown = apply(pictures, replace(STILL, mirror_p=1.0).draw(64, seed=1))
    assert torch.allclose(shown, pictures.flip(3), atol=2e-3)


def test_occlusion_hides_a_rectangle_of_one_grey(pictures: Tensor) -> None:
    view = replace(STILL, erase_p=1.0).draw(64, seed=1)
    changed = (apply(pictures, view) - pictures).abs() > 5e-3
    share = changed.float().mean(dim=(1, 2, 3))
    assert share.min() > 0.15**2 / 2
    assert share.max() < 0.42**2
    rows, columns = changed[0, 0].any(dim=1).sum(), changed[0, 0].any(dim=0).sum()
    assert rows * columns - changed[0].sum() <= rows + columns  # hardly any hole in it


@pytest.mark.parametrize(("kind", "at_most"), [(1, 0.6), (2, 0.6), (3, 0.4)])
def test_softened_pictures_lose_detail(pictures: Tensor, kind: int, at_most: float) -> None:
    def detail(x: Tensor) -> float:
        return float((x[..., 1:] - x[..., :-1]).std())

    view = STILL.draw(64, seed=1)._replace(kind=torch.full((64,), kind))
    assert detail(apply(pictures, view)) < at_most * detail(pictures)


def test_noise_is_of_the_strength_asked_and_each_pictures_own() -> None:
    grey = torch.full((64, 1, 48, 48), 0.5)
    view = STILL.draw(64, seed=1)._replace(noise=torch.full((64,), 0.05), noise_place=torch.arange(64) * 2000)
    added = apply(grey, view) - 0.5
    assert added.std() == pytest.approx(0.05, rel=0.05)
    assert torch.equal(added[3:4], apply(grey[3:4], view.take(torch.tensor([3]))) - 0.5)
    assert torch.corrcoef(added.flatten(1))[0, 1].abs() < 0.1


@pytest.mark.parametrize("quality", [20, 50, 90])
def test_compression_is_what_a_jpeg_encoder_does(quality: int) -> None:
    cv2 = pytest.importorskip("cv2")
    rows = torch.arange(48).float()
    smooth = (torch.sin(rows / 5).view(1, -1) * torch.cos(rows / 7).view(-1, 1) * 0.4 + 0.5).view(1, 1, 48, 48)
    picture = (smooth * 255).round() / 255
    view = STILL.draw(1, seed=1)._replace(jpeg_quality=torch.tensor([float(quality)]))
    shown = apply(picture, view)[0, 0] * 255
    coded = cv2.imencode(".jpg", (picture[0, 0] * 255).byte().numpy(), [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
    decoded = torch.from_numpy(cv2.imdecode(coded, cv2.IMREAD_GRAYSCALE)).float()
    assert (shown - decoded).abs().mean() < 0.8
    assert (shown - decoded).abs().max() < 12  # a coefficient between two steps may go either way


def test_of_the_pictures_as_many_are_softened_as_asked() -> None:
    kinds = Augmentation(blur_p=0.2, coarse_p=0.3).draw(20_000, seed=1).kind
    assert (kinds == 1).float().mean() == pytest.approx(0.2, abs=0.02)
    assert (kinds >= 2).float().mean() == pytest.approx(0.3, abs=0.02)


def test_views_come_round_only_where_they_are_counted() -> None:
    assert [Views(1, 3).index(epoch) for epoch in range(5)] == [0, 1, 2, 0, 1]
    assert Views(1).index(99) == 99


def test_views_that_come_round_are_mirrored_whole_for_half_of_the_faces(pictures: Tensor) -> None:
    views = Views(1, 2)
    first, third = (apply(pictures, views.of_epoch(64, epoch)) for epoch in (0, 2))
    same = (first == third).flatten(1).all(dim=1)
    mirrored = (first == third.flip(3)).flatten(1).all(dim=1)
    assert (same | mirrored).all()
    assert 15 < mirrored.sum() < 49
    assert torch.equal(third, apply(pictures, views.of_epoch(64, 2)))


def test_every_epoch_has_views_of_its_own() -> None:
    first, second = Views(1).draw(8, 0), Views(1).draw(8, 1)
    assert isinstance(first, FaceView)
    assert not torch.equal(first.angle, second.angle)
