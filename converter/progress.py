"""One way to show that long work goes on, and one to say something beside it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, TypeVar, cast

import click

if TYPE_CHECKING:
    from collections.abc import Iterable

T = TypeVar("T")


def bar(items: Iterable[T], what: str, total: int | None = None, unit: str = "it") -> Iterable[T]:
    """``items``, under a progress bar on standard error where that is a terminal; it leaves nothing behind."""
    from tqdm import tqdm

    return cast("Iterable[T]", tqdm(items, desc=what, total=total, unit=unit, disable=None, leave=False, delay=1))


def say(text: str, *, err: bool = False) -> None:
    """Print once, though each device has a process of its own that runs the whole command."""
    if os.environ.get("LOCAL_RANK", "0") == "0":
        click.echo(text, err=err)
