"""Grey levels as decimal numbers, the form of pictures in Kaggle's CSV files."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from converter.datasets.faces import SIZE
from edge.core.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

_AREA = SIZE * SIZE
_BLANK, _ZERO = 32, 48


def parse(texts: Sequence[bytes], places: Sequence[str]) -> NDArray[np.uint8]:
    """Parse pictures ``(n, 48, 48)`` from texts of 2,304 numbers 0..255 each, separated by blanks.

    All texts are parsed at once, in a third of the time of parsing numbers one by one; unusual input is parsed text by
    text.

    Raises:
        InputError: a text holds something else; the message begins with its place.
    """
    stripped = [text.strip() for text in texts]
    pictures = _parse_plain(stripped)
    if pictures is None:
        pairs = zip(stripped, places, strict=True)
        pictures = np.array([_parse_any(text, place) for text, place in pairs], np.uint8).reshape(-1, _AREA)
    return pictures.reshape(-1, SIZE, SIZE)


def _parse_plain(texts: Sequence[bytes]) -> NDArray[np.uint8] | None:
    """Return pictures ``(n, 2304)``, or ``None`` unless all numbers have at most three digits and one blank between."""
    buffer = np.frombuffer(b"".join((b"   ", b" ".join(texts), b" ")), np.uint8)
    digits = buffer - np.uint8(_ZERO)
    blank = buffer == _BLANK
    ends = np.flatnonzero(blank)[3:]
    last = 2 + np.cumsum([len(text) + 1 for text in texts])
    if len(ends) != _AREA * len(texts) or not (ends[_AREA - 1 :: _AREA] == last).all():
        return None
    widths = np.diff(ends, prepend=2) - 1
    if widths.min(initial=1) < 1 or widths.max(initial=1) > 3 or not (blank | (digits < 10)).all():
        return None
    values = digits[ends - 1].astype(np.int16)
    values += np.where(widths > 1, digits[ends - 2], 0).astype(np.int16) * 10
    values += np.where(widths > 2, digits[ends - 3], 0).astype(np.int16) * 100
    return values.astype(np.uint8).reshape(-1, _AREA) if values.max(initial=0) <= 255 else None


def _parse_any(text: bytes, place: str) -> list[int]:
    words = text.split()
    try:
        numbers = [int(word) for word in words]
    except ValueError:
        invalid = next(word for word in words if not word.isdigit())
        msg = f"{place}: expected {_AREA} grey levels 0..255, found {invalid[:20].decode(errors='replace')!r}"
        raise InputError(msg) from None
    if len(numbers) != _AREA:
        msg = f"{place}: expected {_AREA} grey levels 0..255, found {len(numbers)} numbers"
        raise InputError(msg)
    if not 0 <= min(numbers) <= max(numbers) <= 255:
        msg = f"{place}: expected {_AREA} grey levels 0..255, found {min(numbers)}..{max(numbers)}"
        raise InputError(msg)
    return numbers
