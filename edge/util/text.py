"""Text from strangers, in our own lines and cells."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\uff1d", "\uff0b", "\uff0d", "\uff20")
"""What begins a formula in a spreadsheet, full-width forms included."""


def in_one_line(text: str) -> str:
    """Return ``text`` as it may stand in a message or a log: it begins no line and controls no terminal."""
    return "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in text)


def json_text(value: Any, *, indent: int | None = None) -> str:
    """Return ``value`` as JSON to print: letters stay readable, what cannot be printed is escaped."""
    text = json.dumps(value, indent=indent, ensure_ascii=False)
    return "".join(one if one.isprintable() or one == "\n" else json.dumps(one)[1:-1] for one in text)


def cell(text: str) -> str:
    """Return ``text`` as a cell of a CSV file: a spreadsheet takes it for text, never for a formula.

    An apostrophe in front is what spreadsheets themselves mark text with; other readers see it.
    """
    return "'" + text if text.startswith(_FORMULA) or text.lstrip().startswith(_FORMULA) else text


def cells(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return a row of a CSV file with each text as :func:`cell` gives it; numbers stay as they are."""
    return {name: cell(value) if isinstance(value, str) else value for name, value in row.items()}
