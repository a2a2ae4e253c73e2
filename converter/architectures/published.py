"""Networks that earlier systems published for FER2013, rebuilt from their descriptions, for comparison.

All take ``(n, 1, 48, 48)`` and have only the ``fer2013`` head: they used only the original labels. If a description
leaves something open (most omit the dropout rates), the network's docstring states the choice.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from torch import Tensor, nn

from edge.core.types import EMOTIONS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

_CLASSES = len(EMOTIONS)


class PublishedNetwork(nn.Module):
    """A stack of layers that ends in seven logits."""

    head_names = ("fer2013",)

    def __init__(self, layers: Iterable[nn.Module]) -> None:
        super().__init__()
        self.layers = nn.Sequential(*layers)

    def forward(self, pictures: Tensor) -> tuple[Tensor, ...]:
        """Return the logits ``(n, 7)`` of the one head for ``(n, 1, 48, 48)`` in 0..1."""
        return (self.layers(pictures),)


def face2021() -> PublishedNetwork:
    """Create FACE (2021): four valid convolutions, one wide dense layer."""
    return PublishedNetwork(
        [
            *_conv(1, 32, norm=False, padding=0),
            *_conv(32, 64, norm=False, padding=0),
            nn.MaxPool2d(2),
            nn.Dropout(0.25),
            *_conv(64, 128, norm=False, padding=0),
            nn.MaxPool2d(2),
            *_conv(128, 128, norm=False, padding=0),
            nn.MaxPool2d(2),
            nn.Dropout(0.25),
            nn.Flatten(),
            nn.Linear(128 * 4 * 4, 1024),
            nn.ReLU(inplace=True),
            nn.Dropout(0.5),
            nn.Linear(1024, _CLASSES),
        ]
    )


def four_conv() -> PublishedNetwork:
    """Create the network of Live class monitor: four convolutions, two dense layers before the output.

    Only the numbers of layers are described. Chosen: widths 64 to 256, normalised, a pool and dropout .25 after each.
    """
    widths = (1, 64, 128, 256, 256)
    layers: list[nn.Module] = []
    for before, after in pairwise(widths):
        layers += [*_conv(before, after), nn.MaxPool2d(2), nn.Dropout(0.25)]
    return PublishedNetwork([*layers, nn.Flatten(), *_dense((256 * 3 * 3, 256, 512), 0.25, norm=True)])


def thespis() -> PublishedNetwork:
    """Create one of Thespis.AI's seven (2023): nine convolutions, three dense layers, dropout .25 and .5 (chosen)."""
    layers: list[nn.Module] = [*_conv(1, 64, norm=False, padding=0), *_conv(64, 64), nn.MaxPool2d(2), nn.Dropout(0.25)]
    for before, after in ((64, 128), (128, 256), (256, 512)):
        layers += [*_conv(before, after), *_conv(after, after), nn.MaxPool2d(2), nn.Dropout(0.25)]
    return PublishedNetwork([*layers, nn.Flatten(), *_dense((512 * 2 * 2, 512, 256, 128), 0.5)])


def baseline_2023() -> PublishedNetwork:
    """Create Thespis.AI's baseline: eight narrow convolutions between four pools, one dense layer after dropout .5."""
    layers: list[nn.Module] = []
    for before in (1, 32, 32, 32):
        layers += [*_conv(before, 32), *_conv(32, 32), nn.MaxPool2d(2)]
    return PublishedNetwork([*layers, nn.Flatten(), nn.Dropout(0.5), nn.Linear(32 * 3 * 3, _CLASSES)])


def five_layer() -> PublishedNetwork:
    """Create Thespis.AI's five layers: three convolutions under overlapping pools, dense 1024.

    Widths are not described: 32, 64 and 128 come nearest to the published cost.
    """
    layers: list[nn.Module] = []
    for before, after in ((1, 32), (32, 64), (64, 128)):
        layers += [*_conv(before, after), nn.MaxPool2d(3, stride=2)]
    return PublishedNetwork([*layers, nn.Flatten(), *_dense((128 * 5 * 5, 1024), 0.3, norm=True)])


def nus2022() -> PublishedNetwork:
    """Create the NUS system (2022) for advertisements: eight convolutions, three normalised dense layers.

    Chosen: dropout .25 after convolutions and .5 after dense layers.
    """
    return PublishedNetwork(
        [
            *_conv(1, 32),
            *_conv(32, 32, norm=False),
            nn.MaxPool2d(2),
            *_conv(32, 32),
            nn.Dropout(0.25),
            *_conv(32, 64),
            *_conv(64, 64),
            nn.MaxPool2d(2),
            nn.Dropout(0.25),
            *_conv(64, 96),
            *_conv(96, 96),
            nn.Dropout(0.25),
            *_conv(96, 128),
            *_conv(128, 128),
            nn.MaxPool2d(2),
            nn.Dropout(0.25),
            nn.Flatten(),
            *_dense((128 * 6 * 6, 512, 256, 128), 0.5, norm=True),
        ]
    )


PUBLISHED: dict[str, Callable[[], PublishedNetwork]] = {
    build.__name__: build for build in (face2021, four_conv, thespis, baseline_2023, five_layer, nus2022)
}


def _conv(before: int, after: int, *, norm: bool = True, padding: int = 1) -> list[nn.Module]:
    """Return a 3x3 convolution with bias, optional batch normalisation, ReLU."""
    normalised = [nn.BatchNorm2d(after)] if norm else []
    return [nn.Conv2d(before, after, 3, padding=padding), *normalised, nn.ReLU(inplace=True)]


def _dense(widths: tuple[int, ...], dropout: float, *, norm: bool = False) -> list[nn.Module]:
    """Return dense layers of ``widths``, beginning with the input's, and the seven logits."""
    layers: list[nn.Module] = []
    for before, after in pairwise(widths):
        normalised = [nn.BatchNorm1d(after)] if norm else []
        layers += [nn.Linear(before, after), *normalised, nn.ReLU(inplace=True), nn.Dropout(dropout)]
    return [*layers, nn.Linear(widths[-1], _CLASSES)]
