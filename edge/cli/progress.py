"""Progress bar on standard error, only on terminals and only for work that takes a while."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Any, Self

import click

if TYPE_CHECKING:
    from types import TracebackType

_PATIENCE_S = 2.0
_STEPS = 1000


class Progress:
    """Shows how much of ``length`` units is done, beginning two seconds after the start.

    Nothing is shown where standard error is no terminal.
    """

    def __init__(self, length: int, *, hidden: bool = False, label: str = "analyzing") -> None:
        self._length = max(length, 1)
        self._label = label
        self._hidden = hidden or not sys.stderr.isatty()
        self._started_s = time.monotonic()
        self._bar: Any = None
        self._shown = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.__exit__(kind, error, trace)

    def update(self, units: float) -> None:
        """Say that ``units`` of the whole are done."""
        if self._bar is None:
            if self._hidden or time.monotonic() - self._started_s < _PATIENCE_S:
                return
            self._bar = click.progressbar(length=_STEPS, file=sys.stderr, label=self._label).__enter__()
        steps = min(_STEPS, int(units / self._length * _STEPS))
        if steps > self._shown:
            self._bar.update(steps - self._shown)
            self._shown = steps

    def print(self, text: str, *, err: bool = False) -> None:
        """Write a line without running into the bar."""
        if self._bar is not None:
            click.echo("\r\x1b[K", nl=False, err=True)
        click.echo(text, err=err)
