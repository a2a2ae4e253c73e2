"""Progress bars for long work, and output beside them."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, TypeVar, cast

import click

if TYPE_CHECKING:
    from collections.abc import Iterable

T = TypeVar("T")


def bar(items: Iterable[T], what: str, total: int | None = None, unit: str = "it") -> Iterable[T]:
    """Yield ``items`` under a progress bar on standard error if that is a terminal; remove it at the end."""
    from tqdm import tqdm

    return cast("Iterable[T]", tqdm(items, desc=what, total=total, unit=unit, disable=None, leave=False, delay=1))


def say(text: str, *, err: bool = False) -> None:
    """Print once, even if each device has its own process that runs the whole command."""
    if os.environ.get("LOCAL_RANK", "0") == "0":
        click.echo(text, err=err)
