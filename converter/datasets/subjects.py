"""Who is in a picture, as far as its name tells."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from edge.core.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

CK = r"(?:^|[/_])(S\d{3})(?=[_.-])"
"""CK+: ``S005`` of ``anger/S005_001_00000011.png``."""
JAFFE = r"(?:^|/)([A-Z]{2})\.[A-Z]{2}\d+\.\d+"
"""JAFFE: ``KA`` of ``KA.AN1.39.tiff``."""
KNOWN = (CK, JAFFE)
_ENOUGH = 0.5


def known_pattern(names: Sequence[str]) -> str:
    """The pattern of :data:`KNOWN` that tells the subject of most ``names``; empty where none does."""
    for pattern in KNOWN:
        found = [subject for subject in subjects_of(names, pattern) if subject]
        if len(found) > _ENOUGH * len(names) and len(set(found)) > 1:
            return pattern
    return ""


def subjects_of(names: Sequence[str], pattern: str) -> list[str]:
    """The subject of each name, empty where ``pattern`` finds none: its first group, or all that it matches.

    Raises:
        InputError: ``pattern`` is no regular expression.
    """
    try:
        expression = re.compile(pattern)
    except re.error as error:
        msg = f"--subjects: {pattern!r} is no regular expression: {error}; give one such as '^([A-Z]+)_'"
        raise InputError(msg) from error
    matches = (expression.search(name) for name in names)
    return [(match[1 if expression.groups else 0] or "") if match else "" for match in matches]
