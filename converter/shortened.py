"""Other packages' errors, in our own lines."""

from __future__ import annotations


def shortened(error: Exception, most: int = 160) -> str:
    """Return what ``error`` says in one line of at most ``most`` characters."""
    return " ".join(str(error).split())[:most]
