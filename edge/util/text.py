"""Escaping of untrusted text in log lines, JSON and CSV cells."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\uff1d", "\uff0b", "\uff0d", "\uff20")
"""Characters that begin a formula in a spreadsheet, including full-width forms."""


def in_one_line(text: str) -> str:
    """Return ``text`` for use in a message or log: without line breaks and terminal control characters."""
    return "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in text)


def json_text(value: Any, *, indent: int | None = None) -> str:
    """Return ``value`` as printable JSON: letters stay readable, unprintable characters are escaped."""
    text = json.dumps(value, indent=indent, ensure_ascii=False)
    return "".join(one if one.isprintable() or one == "\n" else json.dumps(one)[1:-1] for one in text)


def cell(text: str) -> str:
    """Return ``text`` as a cell of a CSV file that a spreadsheet reads as text, never as a formula.

    A leading apostrophe is the spreadsheets' own mark for text; other readers show it.
    """
    return "'" + text if text.startswith(_FORMULA) or text.lstrip().startswith(_FORMULA) else text


def cells(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return a row of a CSV file with :func:`cell` applied to each text; numbers stay unchanged."""
    return {name: cell(value) if isinstance(value, str) else value for name, value in row.items()}
