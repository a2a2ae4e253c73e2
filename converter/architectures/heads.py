"""Networks that answer some of the questions alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import Tensor, nn

from edge.core.errors import InputError
from edge.core.types import EMOTIONS

if TYPE_CHECKING:
    from collections.abc import Collection


def with_heads(network: nn.Module, heads: Collection[str]) -> nn.Module:
    """``network`` with those of its heads alone that are among ``heads``, in its own order.

    Layers of its own for each head, ``heads``, are taken out where the network has them in a list that it goes through
    (``has_separate_heads``); of any other network the outputs are chosen.

    Raises:
        InputError: it has none of them.
    """
    names = tuple(network.head_names)
    kept = tuple(name for name in names if name in heads)
    if not kept:
        msg = f"the network answers {', '.join(names)}, for which the data has no labels or votes"
        raise InputError(msg)
    if kept == names:
        return network
    if not getattr(network, "has_separate_heads", False):
        return Chosen(network, kept)
    layers = dict(zip(names, network.heads, strict=True))
    network.heads = nn.ModuleList(layers[name] for name in kept)
    network.head_names = kept
    return network


def with_classes(network: nn.Module, number: int) -> nn.Module:
    """``network`` with heads for ``number`` classes in place of the seven; where it had others, they begin anew.

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


class Chosen(nn.Module):
    """A network that gives some of its outputs alone."""

    def __init__(self, network: nn.Module, head_names: tuple[str, ...]) -> None:
        super().__init__()
        self.head_names = head_names
        self.network = network
        self._outputs = tuple(tuple(network.head_names).index(name) for name in head_names)

    def forward(self, pictures: Tensor) -> tuple[Tensor, ...]:
        """Logits ``(n, 7)`` of each chosen head, for ``(n, 1, 48, 48)`` in 0..1."""
        found = self.network(pictures)
        return tuple(found[index] for index in self._outputs)
