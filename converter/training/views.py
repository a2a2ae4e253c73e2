"""Which random view of a face is shown: drawn apart from the picture, so that every network can be shown the same."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from math import pi
from typing import NamedTuple

import torch
from torch import Tensor

COARSE = (2, 3)
"""Far faces: how many times fewer pixels a side."""
NOISE_FIELD = 509
"""Side of the choice of places in the one field of noise."""


class View(NamedTuple):
    """What happens to each of ``n`` pictures; every field ``(n,)`` float32 but ``kind``, ``(n,)`` int64."""

    angle: Tensor
    """Radians."""
    scale: Tensor
    mirror: Tensor
    """-1 mirrored, 1 not."""
    across: Tensor
    """Shift to the side, in half widths."""
    down: Tensor
    contrast: Tensor
    brightness: Tensor
    gamma: Tensor
    kind: Tensor
    """Sharpness: 0 as it is, 1 blurred, 2 and 3 at that fraction of the resolution."""
    erase_height: Tensor
    """Share of the picture's height; 0 where nothing is hidden."""
    erase_width: Tensor
    erase_top: Tensor
    erase_left: Tensor
    erase_grey: Tensor
    noise: Tensor
    """Standard deviation, 0 where there is none."""
    noise_place: Tensor
    """Where in one field of noise the picture's own is found, int64."""
    jpeg_quality: Tensor
    """1 to 100; 0 where the picture is not compressed."""
    turned: Tensor
    """-1 where the whole view is mirrored in the end, 1 where not."""

    def take(self, rows: Tensor) -> View:
        """The views of the pictures at ``rows``."""
        return View(*(field[rows] for field in self))

    def to(self, device: torch.device) -> View:
        """The same on another device."""
        return View(*(field.to(device) for field in self))


@dataclass(frozen=True, slots=True)
class Augmentation:
    """How far a view may stray; ``*_p`` are probabilities, shift is a share of the picture's side."""

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
        """The same with all that a view may stray by multiplied by ``strength``: 0 is the plain picture.

        Probabilities end at 1 and that of a mirror image at a half; the size of what is hidden and the quality of what
        is compressed stay.
        """
        ends = {"mirror_p": 0.5}
        ranges = ("rotate_degrees", "scale", "shift", "contrast", "brightness", "gamma", "noise")
        chances = ("mirror_p", "blur_p", "coarse_p", "erase_p", "noise_p", "jpeg_p")
        return replace(
            self,
            **{name: strength * getattr(self, name) for name in ranges},
            **{name: min(ends.get(name, 1.0), strength * getattr(self, name)) for name in chances},
        )

    def draw(self, n: int, seed: int) -> View:
        """Views for ``n`` pictures; the same for the same ``seed``."""
        source = torch.Generator().manual_seed(seed)

        def uniform(low: float, high: float) -> Tensor:
            return low + (high - low) * torch.rand(n, generator=source)

        chance = uniform(0, 1)
        blurred = (chance < self.blur_p).long()
        coarse = torch.randint(0, len(COARSE), (n,), generator=source)
        is_coarse = (chance >= self.blur_p) & (chance < self.blur_p + self.coarse_p)
        hidden = (uniform(0, 1) < self.erase_p).float()
        height, width = uniform(*self.erase_share), uniform(*self.erase_share)
        return View(
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
    """One random view of every picture for each epoch; with a ``count`` they come round again."""

    seed: int
    count: int | None = None
    augmentation: Augmentation = field(default_factory=Augmentation)

    def index(self, epoch: int) -> int:
        """Which view the pictures are shown in."""
        return epoch if self.count is None else epoch % self.count

    def draw(self, n: int, index: int) -> View:
        """View ``index`` of ``n`` pictures."""
        return self.augmentation.draw(n, mix(self.seed, index))

    def of_epoch(self, n: int, epoch: int) -> View:
        """What ``n`` pictures are shown in; views that come round again are mirrored as a coin falls in each epoch.

        A face and its mirror image have the same expression, so what teachers said of a view holds for both.
        """
        view = self.draw(n, self.index(epoch))
        if self.count is None:
            return view
        coins = torch.rand(n, generator=torch.Generator().manual_seed(mix(self.seed + 1, epoch)))
        return view._replace(turned=torch.where(coins < 0.5, -1.0, 1.0))


def mix(seed: int, count: int) -> int:
    """A seed for one epoch, view or step of a run."""
    return seed * 1_000_003 + count
