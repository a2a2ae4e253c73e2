"""Networks restricted to some of their heads."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import Tensor, nn

from edge.core.errors import InputError
from edge.core.types import EMOTIONS

if TYPE_CHECKING:
    from collections.abc import Collection


def with_heads(network: nn.Module, heads: Collection[str]) -> nn.Module:
    """Return ``network`` with only those of its heads that are among ``heads``, in its own order.

    Separate layers for each head, ``heads``, are removed if the network lists them (``has_separate_heads``); for any
    other network the outputs are selected.

    Raises:
        InputError: it has none of them.
    """
    names = tuple(network.head_names)
    selected = tuple(name for name in names if name in heads)
    if not selected:
        msg = f"the network answers {', '.join(names)}, for which the data has no labels or votes"
        raise InputError(msg)
    if selected == names:
        return network
    if not getattr(network, "has_separate_heads", False):
        return SelectedHeads(network, selected)
    layers = dict(zip(names, network.heads, strict=True))
    network.heads = nn.ModuleList(layers[name] for name in selected)
    network.head_names = selected
    return network


def with_classes(network: nn.Module, number: int) -> nn.Module:
    """Return ``network`` with heads for ``number`` classes instead of seven; replaced heads are newly initialised.

    Raises:
        InputError: its heads cannot be exchanged.
    """
    if number == len(EMOTIONS):
        return network
    if not getattr(network, "has_separate_heads", False):
        msg = "--labels: this network answers the usual seven alone: choose a plain:..., gdconv:... or pretrained one"
        raise InputError(msg)
    network.heads = nn.ModuleList(nn.Linear(head.in_features, number) for head in network.heads)
    return network


class SelectedHeads(nn.Module):
    """A network that returns only some of its outputs."""

    def __init__(self, network: nn.Module, head_names: tuple[str, ...]) -> None:
        super().__init__()
        self.head_names = head_names
        self.network = network
        self._outputs = tuple(tuple(network.head_names).index(name) for name in head_names)

    def forward(self, pictures: Tensor) -> tuple[Tensor, ...]:
        """Return the logits ``(n, 7)`` of each selected head for ``(n, 1, 48, 48)`` in 0..1."""
        found = self.network(pictures)
        return tuple(found[index] for index in self._outputs)
