"""A plain stack of dense 3x3 convolutions, which int8 XNNPACK runs fastest per MAC on small Arm cores."""

from __future__ import annotations

from itertools import pairwise

from torch import Tensor, nn

from converter.datasets.faces import SIZE
from converter.heads import HEADS
from edge.core.errors import InputError
from edge.core.types import EMOTIONS

Stages = tuple[tuple[int, ...], ...]
"""Widths of the convolutions of each stage, with a 2x2 pool between stages."""

PLAIN, LOCATED = "plain", "gdconv"
"""Families of names that :func:`spelled` accepts."""
_MOST_STAGES = 5
_MOST_LAYERS, _MOST_WEIGHTS = 64, 100_000_000

PAIRS: Stages = ((32, 32), (64, 64), (128, 128), (256, 256))


class PlainNet(nn.Module):
    """Stages of conv-BN-ReLU with 2x2 max pooling between, one value per channel, dropout, two linear heads.

    A channel becomes one value by its mean or, with ``located``, by a global depthwise convolution (GDConv; Chen et
    al., 2018, MobileFaceNets), which weights each position separately: on aligned faces a mouth's corner is not an
    eyebrow. :data:`PAIRS` cost 117 million multiply-accumulates and 1.2 million parameters for a 48x48 grey picture.
    """

    head_names = HEADS
    has_separate_heads = True

    def __init__(self, stages: Stages = PAIRS, *, located: bool = False, dropout: float = 0.3) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        channels = 1
        for index, stage in enumerate(stages):
            if index:
                layers.append(nn.MaxPool2d(2))
            for width in stage:
                layers += [
                    nn.Conv2d(channels, width, 3, padding=1, bias=False),
                    nn.BatchNorm2d(width),
                    nn.ReLU(inplace=True),
                ]
                channels = width
        self.trunk = nn.Sequential(*layers)
        self.place: nn.Module | None = _placed(channels, SIZE // 2 ** (len(stages) - 1)) if located else None
        self.dropout = nn.Dropout(dropout)
        self.heads = nn.ModuleList(nn.Linear(channels, len(EMOTIONS)) for _ in HEADS)

    def forward(self, pictures: Tensor) -> tuple[Tensor, ...]:
        """Return the logits ``(n, 7)`` of each head in the order of :data:`HEADS`, for ``(n, 1, 48, 48)`` in 0..1."""
        maps = self.trunk(pictures)
        # channels last, so that the exported graph needs no transposition before the mean
        features = maps.permute(0, 2, 3, 1).mean(dim=(1, 2)) if self.place is None else self.place(maps).flatten(1)
        features = self.dropout(features)
        return tuple(head(features) for head in self.heads)


def _placed(channels: int, side: int) -> nn.Module:
    """Return one weight per position and channel, initialised as the mean."""
    convolution = nn.Conv2d(channels, channels, side, groups=channels, bias=False)
    nn.init.constant_(convolution.weight, 1 / side**2)
    return nn.Sequential(convolution, nn.BatchNorm2d(channels))


def spelled(name: str) -> PlainNet:
    """Create the network of ``plain:WIDTH,WIDTH/WIDTH,...`` or ``gdconv:WIDTH,...``, with slashes between stages.

    Raises:
        InputError: the widths are no whole numbers above 0, or there are more stages than the picture can be
            halved.
    """
    family, _, shape = name.partition(":")
    try:
        stages = tuple(tuple(int(width) for width in stage.split(",")) for stage in shape.split("/"))
    except ValueError:
        stages = ()
    widths = [width for stage in stages for width in stage]
    if not 0 < len(stages) <= _MOST_STAGES or min(widths) < 1:
        msg = f"architecture {name!r}: expected widths above 0, as in plain:32,32/64,64/128,128/256,256"
        raise InputError(msg)
    weights = sum(9 * before * after for before, after in pairwise([1, *widths]))
    if len(widths) > _MOST_LAYERS or weights > _MOST_WEIGHTS:
        msg = f"architecture {name[:60]!r}: expected at most {_MOST_LAYERS} layers and {_MOST_WEIGHTS:,} weights"
        raise InputError(msg)
    return PlainNet(stages, located=family == LOCATED)
