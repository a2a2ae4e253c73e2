"""Choices that determine a trained network, stored in its checkpoint and in the manifest of the converted model."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

from converter.heads import HEADS
from edge.core.types import EMOTIONS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from converter.datasets.mapping import LabelMapping


OPTIMIZERS = ("sgd", "adam")
_KINDS: dict[type, Any] = {float: float | int, type(None): float | int}


@dataclass(frozen=True, slots=True)
class Recipe:
    """Choices of one run; the same recipe on the same data gives the same network.

    ``optimizer`` is ``sgd``, with Nesterov momentum .9, or ``adam``, with decoupled weight decay (AdamW). ``label_mix``
    is the share of the votes in the target of the ``fer2013`` head; the original label has the rest. ``class_weights``
    increases the weight of rare emotions: 0 not at all, 1 until every emotion counts the same (the weight is the
    inverse frequency to that power). ``mixup`` is the parameter of the beta distribution that blends pairs of faces
    (Zhang et al., 2018), 0 for none. ``camera`` is the share of faces that are shown small, dark or noisy
    (:class:`converter.camera.CameraSimulation`). With ``teachers``, ``distill_share`` is the weight of their vote in
    the target and the labels have the rest; both sides are softened by ``distill_temperature``. ``start`` is the run
    that provided the initial weights.

    ``dropout`` is ``None`` to use the network's own. ``gradient_clip`` bounds the norm of the gradient, 0 for no bound.
    ``augmentation`` multiplies the ranges of random views. With a ``patience`` above 0 a run ends after that many
    epochs without improvement. In a run that was made longer, ``earlier`` lists its previous lengths, each with the
    number of epochs completed under it. ``heads`` are those that the data has targets for. ``labels`` is the mapping to
    custom classes (:meth:`converter.datasets.mapping.LabelMapping.to_json`), empty for the usual seven.
    """

    architecture: str = "plain"
    epochs: int = 45
    batch_size: int = 128
    optimizer: str = "sgd"
    learning_rate: float = 0.1
    weight_decay: float = 5e-4
    warmup_epochs: int = 2
    label_smoothing: float = 0.05
    label_mix: float = 0.0
    class_weights: float = 0.0
    mixup: float = 0.0
    camera: float = 0.0
    ema_decay: float = 0.998
    seed: int = 1
    teachers: tuple[str, ...] = ()
    distill_share: float = 0.0
    distill_temperature: float = 1.0
    start: str = ""
    dropout: float | None = None
    gradient_clip: float = 5.0
    augmentation: float = 1.0
    patience: int = 0
    earlier: tuple[tuple[int, int], ...] = ()
    heads: tuple[str, ...] = HEADS
    labels: str = ""

    @property
    def mapping(self) -> LabelMapping | None:
        """Return the mapping from the data's classes to custom ones, or ``None`` for the usual seven.

        Raises:
            InputError: ``labels`` is not a valid mapping.
        """
        from converter.datasets.mapping import from_json  # brings numpy, which the command line's help does without

        return from_json(self.labels) if self.labels else None

    @property
    def classes(self) -> tuple[str, ...]:
        """Return the names of the classes in the order of the outputs."""
        mapping = self.mapping
        return EMOTIONS if mapping is None else mapping.names


DISTILL_DEFAULTS = Recipe(epochs=130, distill_share=0.6, class_weights=0.2, mixup=0.2)
"""Defaults of ``face-convert distill``."""


def from_checkpoint(values: Mapping[str, Any]) -> Recipe:
    """Return the recipe stored in a checkpoint; options added since then have their defaults.

    Raises:
        TypeError: ``values`` has an unknown option or a value of another type.
    """
    recipe = Recipe(**with_tuples(values))
    for field in fields(Recipe):
        value, kind = getattr(recipe, field.name), _KINDS.get(type(field.default), type(field.default))
        if not (isinstance(value, kind) or value == field.default):
            msg = f"{field.name}: expected {type(field.default).__name__}, found {value!r:.40}"
            raise TypeError(msg)
    return recipe


def with_tuples(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return ``values`` with lists, which JSON makes of tuples, converted back to tuples."""
    return {name: _as_tuple(value) for name, value in values.items()}


def _as_tuple(value: Any) -> Any:
    return tuple(_as_tuple(part) for part in value) if isinstance(value, list | tuple) else value


def differences(first: Recipe, second: Recipe) -> list[str]:
    """Return the names of the options in which two recipes differ, in order."""
    return [field.name for field in fields(Recipe) if getattr(first, field.name) != getattr(second, field.name)]
