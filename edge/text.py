"""Text from strangers, in our own lines."""

from __future__ import annotations


def in_one_line(text: str) -> str:
    """``text`` as it may stand in a message or a log, in which nobody else shall begin lines or steer a terminal."""
    return "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in text)
