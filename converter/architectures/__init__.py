"""Networks by name: each takes ``(n, 1, 48, 48)`` float32 in 0..1 and gives logits ``(n, 7)`` per head."""

from __future__ import annotations

from typing import TYPE_CHECKING

from converter.architectures.plain import LOCATED, PLAIN, PlainNet, spelled
from edge.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import nn

ARCHITECTURES: dict[str, Callable[[], nn.Module]] = {
    "plain": PlainNet,
    "plain-narrow": lambda: PlainNet(((16, 16), (32, 32), (64, 64), (128, 128))),
}


def build(name: str) -> nn.Module:
    """The network called ``name``, freshly initialised.

    Raises:
        InputError: no network has that name.
    """
    if name.partition(":")[0] in {PLAIN, LOCATED} and ":" in name:
        return spelled(name)
    if name not in ARCHITECTURES:
        known = ", ".join(sorted(ARCHITECTURES))
        msg = f"unknown architecture {name!r}: expected one of {known}, or plain:WIDTH,WIDTH/WIDTH,..."
        raise InputError(msg)
    return ARCHITECTURES[name]()
