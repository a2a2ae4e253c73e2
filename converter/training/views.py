"""Parameters of random views of a face, drawn apart from the picture so that every network can see the same view."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from math import pi
from typing import NamedTuple

import torch
from torch import Tensor

COARSE = (2, 3)
"""Factors by which a distant face has fewer pixels a side."""
NOISE_FIELD = 509
"""Number of offsets per side in the shared noise field."""


class FaceView(NamedTuple):
    """Parameters of the views of ``n`` pictures; every field ``(n,)`` float32 except ``kind``, ``(n,)`` int64."""

    angle: Tensor
    """Radians."""
    scale: Tensor
    mirror: Tensor
    """-1 mirrored, 1 not."""
    across: Tensor
    """Horizontal shift, in half widths."""
    down: Tensor
    contrast: Tensor
    brightness: Tensor
    gamma: Tensor
    kind: Tensor
    """Sharpness: 0 unchanged, 1 blurred, 2 and 3 reduced in resolution by that factor."""
    erase_height: Tensor
    """Share of the picture's height; 0 without occlusion."""
    erase_width: Tensor
    erase_top: Tensor
    erase_left: Tensor
    erase_grey: Tensor
    noise: Tensor
    """Standard deviation; 0 without noise."""
    noise_place: Tensor
    """Offset of the picture's noise in the shared field, int64."""
    jpeg_quality: Tensor
    """1 to 100; 0 without compression."""
    turned: Tensor
    """-1 if the whole view is mirrored at the end, else 1."""

    def take(self, rows: Tensor) -> FaceView:
        """Return the views of the pictures at ``rows``."""
        return FaceView(*(field[rows] for field in self))

    def to(self, device: torch.device) -> FaceView:
        """Return a copy on another device."""
        return FaceView(*(field.to(device) for field in self))


@dataclass(frozen=True, slots=True)
class Augmentation:
    """Ranges of the random views; ``*_p`` are probabilities, ``shift`` is a share of the picture's side."""

    mirror_p: float = 0.5
    rotate_degrees: float = 12.0
    scale: float = 0.15
    shift: float = 0.10
    contrast: float = 0.25
    brightness: float = 0.15
    gamma: float = 0.4
    blur_p: float = 0.06
    coarse_p: float = 0.08
    erase_p: float = 0.35
    erase_share: tuple[float, float] = (0.15, 0.4)
    noise_p: float = 0.08
    noise: float = 0.08
    jpeg_p: float = 0.08
    jpeg_quality: tuple[float, float] = (20.0, 90.0)

    def scaled(self, strength: float) -> Augmentation:
        """Return a copy with all ranges and probabilities multiplied by ``strength``; 0 gives the plain picture.

        Probabilities are limited to 1, and that of mirroring to 0.5; the size of occlusions and the compression quality
        are unchanged.
        """
        limits = {"mirror_p": 0.5}
        ranges = ("rotate_degrees", "scale", "shift", "contrast", "brightness", "gamma", "noise")
        probabilities = ("mirror_p", "blur_p", "coarse_p", "erase_p", "noise_p", "jpeg_p")
        return replace(
            self,
            **{name: strength * getattr(self, name) for name in ranges},
            **{name: min(limits.get(name, 1.0), strength * getattr(self, name)) for name in probabilities},
        )

    def draw(self, n: int, seed: int) -> FaceView:
        """Draw views for ``n`` pictures, determined by ``seed``."""
        source = torch.Generator().manual_seed(seed)

        def uniform(low: float, high: float) -> Tensor:
            return low + (high - low) * torch.rand(n, generator=source)

        chance = uniform(0, 1)
        blurred = (chance < self.blur_p).long()
        coarse = torch.randint(0, len(COARSE), (n,), generator=source)
        is_coarse = (chance >= self.blur_p) & (chance < self.blur_p + self.coarse_p)
        hidden = (uniform(0, 1) < self.erase_p).float()
        height, width = uniform(*self.erase_share), uniform(*self.erase_share)
        return FaceView(
            angle=uniform(-self.rotate_degrees, self.rotate_degrees) * pi / 180,
            scale=torch.exp(uniform(-self.scale, self.scale)),
            mirror=torch.where(uniform(0, 1) < self.mirror_p, -1.0, 1.0),
            across=uniform(-2 * self.shift, 2 * self.shift),
            down=uniform(-2 * self.shift, 2 * self.shift),
            contrast=torch.exp(uniform(-self.contrast, self.contrast)),
            brightness=uniform(-self.brightness, self.brightness),
            gamma=torch.exp(uniform(-self.gamma, self.gamma)),
            kind=torch.where(is_coarse, torch.tensor(COARSE)[coarse], blurred),
            erase_height=height * hidden,
            erase_width=width * hidden,
            erase_top=uniform(0, 1) * (1 - height),
            erase_left=uniform(0, 1) * (1 - width),
            erase_grey=uniform(0, 1),
            noise=uniform(0, self.noise) * (uniform(0, 1) < self.noise_p),
            noise_place=torch.randint(0, NOISE_FIELD**2, (n,), generator=source),
            jpeg_quality=uniform(*self.jpeg_quality) * (uniform(0, 1) < self.jpeg_p),
            turned=torch.ones(n),
        )


@dataclass(frozen=True, slots=True)
class Views:
    """One random view of every picture for each epoch; with a ``count`` the views repeat."""

    seed: int
    count: int | None = None
    augmentation: Augmentation = field(default_factory=Augmentation)

    def index(self, epoch: int) -> int:
        """Return the index of the view of ``epoch``."""
        return epoch if self.count is None else epoch % self.count

    def draw(self, n: int, index: int) -> FaceView:
        """Draw view ``index`` of ``n`` pictures."""
        return self.augmentation.draw(n, mix(self.seed, index))

    def of_epoch(self, n: int, epoch: int) -> FaceView:
        """Return the view of ``n`` pictures in ``epoch``; repeated views are mirrored at random in each epoch.

        A face and its mirror image have the same expression, so the teachers' answers for a view hold for both.
        """
        view = self.draw(n, self.index(epoch))
        if self.count is None:
            return view
        coins = torch.rand(n, generator=torch.Generator().manual_seed(mix(self.seed + 1, epoch)))
        return view._replace(turned=torch.where(coins < 0.5, -1.0, 1.0))


def mix(seed: int, count: int) -> int:
    """Return the seed of one epoch, view or step of a run."""
    return seed * 1_000_003 + count
