"""Subjects of pictures, derived from their names."""

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
    """Return the pattern of :data:`KNOWN` that finds the subject of most ``names``, or an empty text."""
    for pattern in KNOWN:
        subjects = [subject for subject in subjects_of(names, pattern) if subject]
        if len(subjects) > _ENOUGH * len(names) and len(set(subjects)) > 1:
            return pattern
    return ""


def subjects_of(names: Sequence[str], pattern: str) -> list[str]:
    """Return the subject of each name: the first group of ``pattern``, its whole match, or an empty text.

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
