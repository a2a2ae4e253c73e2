"""One way to show that long work goes on."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar, cast

if TYPE_CHECKING:
    from collections.abc import Iterable

T = TypeVar("T")


def bar(items: Iterable[T], what: str, total: int | None = None, unit: str = "it") -> Iterable[T]:
    """``items``, under a progress bar on standard error where that is a terminal; it leaves nothing behind."""
    from tqdm import tqdm

    return cast("Iterable[T]", tqdm(items, desc=what, total=total, unit=unit, disable=None, leave=False, delay=1))
