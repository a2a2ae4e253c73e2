"""Command-line type for lengths of time."""

from __future__ import annotations

import re
from typing import Any

import click

_UNITS = {"": 1.0, "s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0}


class Length(click.ParamType):  # type: ignore[type-arg]  # generic in newer clicks only
    """Length of time such as ``90``, ``90s``, ``45m``, ``1.5h``, ``1:30`` or ``1:30:00``, in seconds."""

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Convert the text to seconds."""
        if isinstance(value, int | float):
            return float(value)
        text = str(value).strip().lower()
        if clock := re.fullmatch(r"(?:(\d+):)?(\d{1,3}):(\d{2})", text):
            hours, minutes, seconds = (int(part or 0) for part in clock.groups())
            return hours * 3600.0 + minutes * 60 + seconds
        if plain := re.fullmatch(r"(\d+(?:\.\d+)?)\s*([a-z]*)", text):
            number, unit = plain.groups()
            if unit in _UNITS:
                return float(number) * _UNITS[unit]
        msg = f"expected a time such as 90s, 45m, 1.5h or 1:30:00, found {value!r}"
        raise click.BadParameter(msg, ctx=ctx, param=param)
