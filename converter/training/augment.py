"""Random views of faces: mirror, rotate, scale, shift, light, blur, low resolution, noise, compression, occlusion.

:mod:`converter.training.views` draws the parameters of a view; this module applies them to pictures.
"""

from __future__ import annotations

from functools import cache, partial
from math import pi
from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.nn import functional

from converter.training.views import COARSE, NOISE_FIELD

if TYPE_CHECKING:
    from collections.abc import Callable

    from converter.training.views import FaceView

_BLUR_SIDE = 5
# fmt: off
_JPEG_TABLE = (
    16.0, 11, 10, 16, 24, 40, 51, 61, 12, 12, 14, 19, 26, 58, 60, 55, 14, 13, 16, 24, 40, 57, 69, 56,
    14, 17, 22, 29, 51, 87, 80, 62, 18, 22, 37, 56, 68, 109, 103, 77, 24, 35, 55, 64, 81, 104, 113, 92,
    49, 64, 78, 87, 103, 121, 120, 101, 72, 92, 95, 98, 112, 100, 103, 99,
)
# fmt: on


def apply(pictures: Tensor, view: FaceView) -> Tensor:
    """Apply ``view`` to pictures ``(n, 1, h, w)`` float32 in 0..1; the result has the same shape and range.

    The computation is in float32 even if the network around it computes in bfloat16, so that a view is the same on
    every device and for teachers and students. CUDA also cannot copy rows of bfloat16 back among rows of float32.
    """
    with torch.autocast(pictures.device.type, enabled=False):
        lit = _light(_soften(_warp(pictures, view), view), view)
        shown = _erase(_compress(_disturb(lit, view), view), view)
        return torch.where(view.turned.view(-1, 1, 1, 1) < 0, shown.flip(3), shown)


def _warp(x: Tensor, view: FaceView) -> Tensor:
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


def _soften(x: Tensor, view: FaceView) -> Tensor:
    """Blur with a small Gaussian (out of focus), or reduce the resolution and scale back up (a distant face)."""
    x = _where(view.kind == 1, x, _blur)
    for factor in COARSE:
        x = _where(view.kind == factor, x, partial(_coarsen, factor=factor))
    return x


def _where(selected: Tensor, x: Tensor, change: Callable[[Tensor], Tensor]) -> Tensor:
    rows = selected.nonzero().flatten()
    return x.index_copy(0, rows, change(x[rows])) if len(rows) else x


def _blur(x: Tensor) -> Tensor:
    line = torch.exp(-0.5 * (torch.arange(_BLUR_SIDE, device=x.device) - _BLUR_SIDE // 2) ** 2 / 1.2**2)
    line = line / line.sum()
    padded = functional.pad(x, [_BLUR_SIDE // 2] * 4, mode="replicate")
    return functional.conv2d(functional.conv2d(padded, line.view(1, 1, 1, -1)), line.view(1, 1, -1, 1))


def _coarsen(x: Tensor, factor: int) -> Tensor:
    small = functional.interpolate(x, scale_factor=1 / factor, mode="area")
    return functional.interpolate(small, size=x.shape[2:], mode="bilinear", align_corners=False)


def _light(x: Tensor, view: FaceView) -> Tensor:
    mean = x.mean(dim=(1, 2, 3), keepdim=True)
    contrast, brightness, gamma = (v.view(-1, 1, 1, 1) for v in (view.contrast, view.brightness, view.gamma))
    return ((x - mean) * contrast + mean + brightness).clamp(1e-4, 1).pow(gamma)


def _disturb(x: Tensor, view: FaceView) -> Tensor:
    """Add the noise of a dark room, cut from one shared field so that a picture has the same noise in every batch."""
    rows = view.noise.nonzero().flatten()
    if not len(rows):
        return x
    height, width = x.shape[2:]
    field = _noise_field(height, width, x.device)
    place = view.noise_place[rows]
    down = (place // NOISE_FIELD).view(-1, 1, 1) + torch.arange(height, device=x.device).view(1, -1, 1)
    across = (place % NOISE_FIELD).view(-1, 1, 1) + torch.arange(width, device=x.device).view(1, 1, -1)
    noisy = x[rows] + (field[down, across] * view.noise[rows].view(-1, 1, 1)).unsqueeze(1)
    return x.index_copy(0, rows, noisy.clamp(0, 1))


@cache
def _noise_field(height: int, width: int, device: torch.device) -> Tensor:
    """Return the noise field with a margin for a picture at each place; drawing it costs as much as 100 pictures."""
    with torch.inference_mode(mode=False):  # teachers and students share it
        source = torch.Generator().manual_seed(NOISE_FIELD)
        return torch.randn(NOISE_FIELD + height, NOISE_FIELD + width, generator=source).to(device)


def _compress(x: Tensor, view: FaceView) -> Tensor:
    """Apply the loss of grey JPEG (ITU-T T.81: cosine transform of 8x8 blocks, example table K.1, rounding)."""
    rows = view.jpeg_quality.nonzero().flatten()
    if not len(rows):
        return x
    quality = view.jpeg_quality[rows]
    percent = torch.where(quality < 50, 5000 / quality, 200 - 2 * quality)
    table = torch.tensor(_JPEG_TABLE, device=x.device).view(8, 8)
    steps = ((table * percent.view(-1, 1, 1, 1, 1) + 50) / 100).floor().clamp_min(1)
    height, width = x.shape[2:]
    cosine = _cosine(x.device)
    blocks = (x[rows] * 255 - 128).view(-1, height // 8, 8, width // 8, 8).transpose(2, 3)
    kept = (cosine @ blocks @ cosine.T / steps).round() * steps
    back = (cosine.T @ kept @ cosine).transpose(2, 3).reshape(-1, 1, height, width)
    return x.index_copy(0, rows, ((back + 128) / 255).clamp(0, 1))


def _cosine(device: torch.device) -> Tensor:
    """Return the orthonormal cosine transform of eight values, ``(8, 8)``."""
    order, place = torch.arange(8, device=device).view(8, 1), torch.arange(8, device=device).view(1, 8)
    transform = torch.cos((2 * place + 1) * order * pi / 16) / 2
    transform[0] /= 2**0.5
    return transform


def _erase(x: Tensor, view: FaceView) -> Tensor:
    height, width = x.shape[2:]
    rows = torch.arange(height, device=x.device).view(1, height, 1) / height
    columns = torch.arange(width, device=x.device).view(1, 1, width) / width
    top, left = view.erase_top.view(-1, 1, 1), view.erase_left.view(-1, 1, 1)
    inside = (rows >= top) & (rows < top + view.erase_height.view(-1, 1, 1))
    inside = inside & (columns >= left) & (columns < left + view.erase_width.view(-1, 1, 1))
    return torch.where(inside.unsqueeze(1), view.erase_grey.view(-1, 1, 1, 1), x)
