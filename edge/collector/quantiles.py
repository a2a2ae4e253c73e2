"""Quantiles of measured times."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


def quantile(ordered: Sequence[float], share: float) -> float | None:
    """Return the nearest-rank quantile of sorted numbers; ``None`` if there are none."""
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else None
