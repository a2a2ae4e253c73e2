"""Times within a recording as text."""

from __future__ import annotations

_HOUR, _MINUTE = 3600, 60


def timecode(seconds: float) -> str:
    """Format seconds as ``4:05`` or ``1:04:05``; negative times, before the start, as ``-0:30``."""
    whole = round(seconds)
    sign, whole = ("-" if whole < 0 else ""), abs(whole)
    hours, rest = divmod(whole, _HOUR)
    minutes, rest = divmod(rest, _MINUTE)
    return f"{sign}{hours}:{minutes:02}:{rest:02}" if hours else f"{sign}{minutes}:{rest:02}"
