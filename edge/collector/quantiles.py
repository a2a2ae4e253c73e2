"""Quantiles of measured times."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


def quantile(ordered: Sequence[float], share: float) -> float | None:
    """The nearest-rank quantile of sorted numbers; ``None`` of none."""
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else None
