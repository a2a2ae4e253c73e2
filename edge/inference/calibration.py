"""Parameters that turn a head's logits into probabilities, as a model's manifest holds them.

The module holds only numbers, so that a manifest can be read without NumPy; :mod:`edge.inference.postprocess` applies
them.
"""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import ConfigDict, Field, model_validator
from pydantic.dataclasses import dataclass

_STRICT = ConfigDict(extra="forbid", allow_inf_nan=False)
_SUM_OFF = 0.01
WEB, AUDIENCE, EVEN = "web", "audience", "even"
"""Names of priors: label frequencies of the training data, of audiences, and equal frequencies."""
MIN_CONFIDENCE = 0.4
"""Confidence below which a face is shown as uncertain; default of `smoothing.min_confidence`."""
ENERGY, ENTROPY = "energy", "entropy"
"""Signs of a head besides its logits, see :func:`edge.inference.postprocess.signs`."""
FACE = "face"
"""Name of the network's face output, and of its sign."""
_Positive = Annotated[float, Field(gt=0, le=1)]


@dataclass(frozen=True, slots=True, kw_only=True, config=_STRICT)
class PriorScore:
    """Figures of one strength of the adjustment on the split that :class:`Prior` names."""

    strength: float = Field(ge=0, le=1)
    n: int = Field(ge=1)
    accuracy: float = Field(ge=0, le=1)
    balanced_accuracy: float = Field(ge=0, le=1)
    ece: float = Field(ge=0, le=1, description="expected calibration error")
    recall: dict[str, float | None]


@dataclass(frozen=True, slots=True, kw_only=True, config=_STRICT)
class Prior:
    """Frequency of each label in training, and the strength with which it is removed from the head's output.

    The adjustment subtracts ``strength * log(shares)`` from the logits after the temperature (Menon et al., 2021): 0
    keeps the label frequencies of the training data, 1 makes all labels equally likely a priori.
    """

    shares: tuple[_Positive, ...] = Field(description="share of each label in the training data, in label order")
    audience: float = Field(ge=0, le=1, description="strength of `audience`, chosen on `split`")
    split: str
    scores: tuple[PriorScore, ...] = ()

    @model_validator(mode="after")
    def _shares_sum_to_one(self) -> Self:
        if abs(sum(self.shares) - 1) > _SUM_OFF:
            msg = f"shares must sum to 1, found {sum(self.shares):.3f}"
            raise ValueError(msg)
        return self

    def strength(self, wanted: str | float) -> float:
        """Return the strength of a prior by its name, or a number as it is."""
        return {WEB: 0.0, AUDIENCE: self.audience, EVEN: 1.0}[wanted] if isinstance(wanted, str) else wanted


@dataclass(frozen=True, slots=True, kw_only=True, config=_STRICT)
class Certainty:
    """Parameters of the temperature by face, which lowers the confidence for faces that are hard to read.

    The temperature is ``temperature`` times the exponential of a sum of three signs, none of which is negative:
    ``spread`` times the entropy in nats of another head, ``detail`` times the crop's shortfall from ``usual_detail``,
    and ``tilt`` times the crop's tilt (:mod:`edge.inference.postprocess` defines all three). The factor is at most
    ``most``.
    """

    temperature: float = Field(gt=0, description="of a face without any of the signs")
    head: str | None = Field(default=None, description="head whose entropy is used; null: none")
    spread: float = Field(default=0.0, ge=0, le=5)
    detail: float = Field(default=0.0, ge=0, le=5)
    usual_detail: float = Field(default=0.0, ge=-20, le=20, description="below this value a crop lacks detail")
    tilt: float = Field(default=0.0, ge=0, le=5)
    most: float = Field(default=4.0, ge=1, le=20, description="largest factor of the temperature")
    split: str = ""
    errors: dict[str, tuple[float, float]] = Field(
        default_factory=dict,
        description="by view of `split`: expected calibration error with the plain temperature, and with this",
    )


@dataclass(frozen=True, slots=True, kw_only=True, config=_STRICT)
class Refusal:
    """Rule that rejects detections that are not faces: their evidence is below ``least``.

    The evidence is a log-odds of being a face: ``bias`` plus the sum of ``weights`` times the values of
    :func:`edge.inference.postprocess.signs` by name. Values are clipped to ``bounds`` first, so that none outweighs all
    others.
    """

    bias: float
    weights: dict[str, float] = Field(min_length=1)
    bounds: dict[str, tuple[float, float]]
    least: float = Field(description="evidence below which a detection is rejected")
    figures: dict[str, float] = Field(default_factory=dict, description="conditions and results of the measurement")

    @model_validator(mode="after")
    def _every_weight_has_its_bounds(self) -> Self:
        if set(self.weights) != set(self.bounds):
            msg = "weights and bounds must name the same signs"
            raise ValueError(msg)
        return self
