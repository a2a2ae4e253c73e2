"""Tables and numbers as Markdown."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

NOTHING = "-"


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table with the first column aligned left and the others right."""
    lines = [header, ["---", *["--:"] * (len(header) - 1)], *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def percent(share: float | None, digits: int = 1) -> str:
    """Return a share of 1 in percent."""
    return NOTHING if share is None else f"{100 * share:.{digits}f} %"


def bracketed(share: float | None, bounds: Sequence[float] | None, digits: int = 1) -> str:
    """Return a share in percent with its interval, as ``69.1 [67.7, 70.6]``."""
    if share is None:
        return NOTHING
    if bounds is None:
        return f"{100 * share:.{digits}f}"
    low, high = bounds
    return f"{100 * share:.{digits}f} [{100 * low:.{digits}f}, {100 * high:.{digits}f}]"


def points(difference: float) -> str:
    """Return a difference of shares in percentage points, with its sign."""
    return f"{round(100 * difference, 1) + 0.0:+.1f}"  # converts -0.0 to 0.0


def count(number: int) -> str:
    """Return a whole number with thousands separators."""
    return f"{number:,}"


def code(text: str) -> str:
    """Return the text formatted as code."""
    return f"`{text}`"
