"""Times within a recording as text."""

from __future__ import annotations

_HOUR, _MINUTE = 3600, 60


def timecode(seconds: float) -> str:
    """``4:05``, ``1:04:05``; ``-0:30`` before the start of what is shown."""
    whole = round(seconds)
    sign, whole = ("-" if whole < 0 else ""), abs(whole)
    hours, rest = divmod(whole, _HOUR)
    minutes, rest = divmod(rest, _MINUTE)
    return f"{sign}{hours}:{minutes:02}:{rest:02}" if hours else f"{sign}{minutes}:{rest:02}"
