"""Shortening of other packages' errors."""

from __future__ import annotations


def shortened(error: Exception, most: int = 160) -> str:
    """Return the message of ``error`` as one line of at most ``most`` characters."""
    return " ".join(str(error).split())[:most]
