"""A broker's answer to a message."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Receipt:
    """Of message ``number``; ``problem`` is empty where the broker took it, else the name of reason ``code``."""

    number: int
    problem: str = ""
    code: int = 0
