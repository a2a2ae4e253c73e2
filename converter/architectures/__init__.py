"""Networks by name: each takes ``(n, 1, 48, 48)`` float32 in 0..1 and returns logits ``(n, 7)`` per head.

A network lists its heads, in the order of its outputs, in ``head_names``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from converter.architectures.backbones import backbone, is_backbone
from converter.architectures.heads import with_classes, with_heads
from converter.architectures.own import is_own, own
from converter.architectures.plain import LOCATED, PLAIN, PlainNet, spelled
from converter.architectures.published import PUBLISHED
from converter.heads import HEADS
from edge.core.errors import InputError
from edge.core.types import EMOTIONS

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from torch import nn

ARCHITECTURES: dict[str, Callable[[], nn.Module]] = {
    "plain": PlainNet,
    "plain-narrow": lambda: PlainNet(((16, 16), (32, 32), (64, 64), (128, 128))),
    **PUBLISHED,
}


def build(name: str, *, bare: bool = False, heads: Collection[str] = HEADS, classes: int = len(EMOTIONS)) -> nn.Module:
    """Create the network called ``name``, freshly initialised; ``bare`` leaves out pretrained weights.

    It has those of its heads that are among ``heads``, each for ``classes`` classes.

    A name is one of :data:`ARCHITECTURES`, or defines a plain network (``plain:32,32/64,64/128,128/256,256``,
    ``gdconv:...``), or names a backbone (``pretrained:vgg16``, ``scratch:mobilenetv2``, ``FILE.weights.h5:vgg16``), or
    is a custom network, ``module:callable`` (:mod:`converter.architectures.own`).

    Raises:
        InputError: no network has that name, it has none of the heads, or its weights are not available.
    """
    return with_classes(with_heads(_whole(name, bare=bare), heads), classes)


def _whole(name: str, *, bare: bool) -> nn.Module:
    if name in ARCHITECTURES:
        return ARCHITECTURES[name]()
    family, colon, _ = name.partition(":")
    if family in {PLAIN, LOCATED} and colon:
        return spelled(name)
    if is_own(name) and not is_backbone(name):
        return own(name)
    if colon:
        return backbone(name, bare=bare)
    known = ", ".join(
        [*sorted(ARCHITECTURES), "plain:WIDTH,...", "gdconv:WIDTH,...", "pretrained:MODEL", "module:callable"]
    )
    msg = f"unknown architecture {name!r}: expected one of {known}"
    raise InputError(msg)
