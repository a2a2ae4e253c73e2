"""Parameters of the correction of dark crops, as a model's manifest holds them.

The module holds only numbers, so that a manifest can be read without OpenCV;
:func:`edge.inference.preprocess.stretch` applies them.
"""

from __future__ import annotations

from typing import Self

from pydantic import ConfigDict, Field, model_validator
from pydantic.dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True, config=ConfigDict(extra="forbid", allow_inf_nan=False))
class Contrast:
    """Correct a dark crop: map its percentiles ``low`` and ``high`` to 0 and ``target`` grey levels.

    It applies only if the percentile ``high`` is below ``below``, so that a well-lit crop stays unchanged. The stretch
    amplifies the sensor's noise, which a Gaussian of ``blur`` pixels per grey level of noise smooths. The defaults were
    tuned on PublicTest (docs/training.md, "In the dark and from afar").
    """

    low: float = Field(default=1.0, ge=0, lt=100, description="percentile of the crop that becomes grey level 0")
    high: float = Field(default=99.0, gt=0, le=100, description="percentile of the crop that becomes `target`")
    below: float = Field(
        default=100.0, ge=0, le=255, description="grey level: crops whose percentile `high` is lower are dark"
    )
    target: float = Field(
        default=220.0, gt=0, le=255, description="grey level of the percentile `high` after correction"
    )
    blur: float = Field(
        default=0.05,
        ge=0,
        le=1,
        description="Gaussian's standard deviation, pixels for each grey level of noise; 0: none",
    )
    least_blur: float = Field(default=0.3, ge=0, le=10, description="pixels; a smaller Gaussian is left out")
    most_blur: float = Field(default=2.0, ge=0, le=10, description="pixels; the Gaussian is never larger")

    @model_validator(mode="after")
    def _percentiles_are_in_order(self) -> Self:
        if self.low >= self.high:
            msg = f"low must be less than high, found {self.low:g} and {self.high:g}"
            raise ValueError(msg)
        return self
