"""Random views of faces: mirror, rotate, scale, shift, light, blur, low resolution, occlusion.

What a view is, is drawn apart from how it is made: the same :class:`View` gives the same picture to every network,
so that a student sees what its teachers saw.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from math import pi
from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

if TYPE_CHECKING:
    from collections.abc import Callable

_BLUR_SIDE = 5
_COARSE = (2, 3)
"""Far faces: how many times fewer pixels a side."""


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

    def draw(self, n: int, seed: int) -> View:
        """Views for ``n`` pictures; the same for the same ``seed``."""
        source = torch.Generator().manual_seed(seed)

        def uniform(low: float, high: float) -> Tensor:
            return low + (high - low) * torch.rand(n, generator=source)

        chance = uniform(0, 1)
        blurred = (chance < self.blur_p).long()
        coarse = torch.randint(0, len(_COARSE), (n,), generator=source)
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
            kind=torch.where(is_coarse, torch.tensor(_COARSE)[coarse], blurred),
            erase_height=height * hidden,
            erase_width=width * hidden,
            erase_top=uniform(0, 1) * (1 - height),
            erase_left=uniform(0, 1) * (1 - width),
            erase_grey=uniform(0, 1),
        )


def apply(pictures: Tensor, view: View) -> Tensor:
    """Show ``(n, 1, h, w)`` float32 in 0..1 as ``view`` says; the result keeps shape and range."""
    return _erase(_light(_soften(_warp(pictures, view), view), view), view)


def _warp(x: Tensor, view: View) -> Tensor:
    cos, sin = torch.cos(view.angle) * view.scale, torch.sin(view.angle) * view.scale
    theta = torch.stack(
        [
            torch.stack([cos * view.mirror, -sin, view.across], dim=1),
            torch.stack([sin * view.mirror, cos, view.down], dim=1),
        ],
        dim=1,
    )
    grid = functional.affine_grid(theta, list(x.shape), align_corners=False)
    return functional.grid_sample(x, grid, padding_mode="border", align_corners=False)


def _soften(x: Tensor, view: View) -> Tensor:
    """Blurred by a small Gaussian (out of focus), or at a fraction of the resolution and back (a far face)."""
    x = _where(view.kind == 1, x, _blur)
    for factor in _COARSE:
        x = _where(view.kind == factor, x, partial(_coarsen, factor=factor))
    return x


def _where(chosen: Tensor, x: Tensor, change: Callable[[Tensor], Tensor]) -> Tensor:
    rows = chosen.nonzero().flatten()
    return x.index_copy(0, rows, change(x[rows])) if len(rows) else x


def _blur(x: Tensor) -> Tensor:
    line = torch.exp(-0.5 * (torch.arange(_BLUR_SIDE, device=x.device) - _BLUR_SIDE // 2) ** 2 / 1.2**2)
    line = line / line.sum()
    padded = functional.pad(x, [_BLUR_SIDE // 2] * 4, mode="replicate")
    return functional.conv2d(functional.conv2d(padded, line.view(1, 1, 1, -1)), line.view(1, 1, -1, 1))


def _coarsen(x: Tensor, factor: int) -> Tensor:
    small = functional.interpolate(x, scale_factor=1 / factor, mode="area")
    return functional.interpolate(small, size=x.shape[2:], mode="bilinear", align_corners=False)


def _light(x: Tensor, view: View) -> Tensor:
    mean = x.mean(dim=(1, 2, 3), keepdim=True)
    contrast, brightness, gamma = (v.view(-1, 1, 1, 1) for v in (view.contrast, view.brightness, view.gamma))
    return ((x - mean) * contrast + mean + brightness).clamp(1e-4, 1).pow(gamma)


def _erase(x: Tensor, view: View) -> Tensor:
    height, width = x.shape[2:]
    rows = torch.arange(height, device=x.device).view(1, height, 1) / height
    columns = torch.arange(width, device=x.device).view(1, 1, width) / width
    top, left = view.erase_top.view(-1, 1, 1), view.erase_left.view(-1, 1, 1)
    inside = (rows >= top) & (rows < top + view.erase_height.view(-1, 1, 1))
    inside = inside & (columns >= left) & (columns < left + view.erase_width.view(-1, 1, 1))
    return torch.where(inside.unsqueeze(1), view.erase_grey.view(-1, 1, 1, 1), x)
