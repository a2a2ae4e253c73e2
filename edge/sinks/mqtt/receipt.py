"""A broker's answer to a message."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Receipt:
    """Answer to message ``number``; ``problem`` is the name of reason ``code``, empty if the broker accepted it."""

    number: int
    problem: str = ""
    code: int = 0
