"""Networks by name: each takes ``(n, 1, 48, 48)`` float32 in 0..1 and gives logits ``(n, 7)`` per head."""

from __future__ import annotations

from typing import TYPE_CHECKING

from converter.architectures.plain import PlainNet
from edge.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import nn

    from converter.architectures.plain import Stages

ARCHITECTURES: dict[str, Callable[[], nn.Module]] = {
    "plain": PlainNet,
    "plain-narrow": lambda: PlainNet(((16, 16), (32, 32), (64, 64), (128, 128))),
}
SHAPED = "plain:"
"""Begins a name that spells a plain network out, as in ``plain:32,32/64,64/128,128/256,256``."""


def build(name: str) -> nn.Module:
    """The network called ``name``, freshly initialised.

    Raises:
        InputError: no network has that name.
    """
    if name.startswith(SHAPED):
        return PlainNet(_stages(name))
    if name not in ARCHITECTURES:
        known = ", ".join(sorted(ARCHITECTURES))
        msg = f"unknown architecture {name!r}: expected one of {known}, or plain:WIDTH,WIDTH/WIDTH,..."
        raise InputError(msg)
    return ARCHITECTURES[name]()


def _stages(name: str) -> Stages:
    try:
        stages = tuple(
            tuple(int(width) for width in stage.split(",")) for stage in name.removeprefix(SHAPED).split("/")
        )
    except ValueError:
        stages = ()
    if not stages or any(width < 1 for stage in stages for width in stage):
        msg = f"architecture {name!r}: expected widths above 0, as in plain:32,32/64,64/128,128/256,256"
        raise InputError(msg)
    return stages
