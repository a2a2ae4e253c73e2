"""Mutations of valid input (pure): of bytes, and of JSON with its structure kept.

The mutations are the usual ones of fuzzers: flipped bits, interesting numbers, removed, copied and spliced ranges (as
in AFL, https://lcamtuf.coredump.cx/afl/technical_details.txt, section 6).
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from random import Random

LONGEST = 1 << 20
"""Maximum bytes of an input."""
_STEPS = 6
_NUMBERS = (0, 1, 2, 0x7F, 0x80, 0xFF, 0x100, 0x7FFF, 0x8000, 0xFFFF, 0x10000, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)
_RAW_AS_WELL = 0.3
_LARGE = 1e300
_ORDERS: tuple[Literal["little", "big"], ...] = ("little", "big")
ODD: tuple[Any, ...] = (
    None, True, False, 0, -1, 1, 255, 256, 2**31, 2**53 + 1, 2**63, -(2**63) - 1, 10**30, 10**400, 0.1, -0.0, 1e308,
    5e-324, float("nan"), float("inf"), float("-inf"), "", " ", "x", "x" * 300, "x" * 5000, "\0", "\n", "\x1b[2J",
    "\ud800", "\u202e", "😀" * 60, "ﷺ", "null", "NaN", "1e999", "-1", "0x10", "../../etc/passwd", "/dev/zero",
    "~nobody-here/x", "1970-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "0001-01-01T00:00:00+23:59",
    "99999999999999999999", "2026-02-30", "%s%n", "${HOME}", "mqtt://[::1", "mqtt://host:99999", "http://[", "a/b/+/#",
    "$SYS/x", [], {}, [None], [[[[]]]],
    {"": None}, {"a": {"a": {"a": {}}}}, [0] * 200,
)  # fmt: skip
"""Values that often cause errors."""


def raw(random: Random, corpus: Sequence[bytes]) -> bytes:
    """Return one of ``corpus`` after a few random mutations."""
    data = bytearray(random.choice(corpus))
    for _ in range(random.randint(1, _STEPS)):
        random.choice(_WAYS)(random, data, corpus)
        del data[LONGEST:]
    return bytes(data)


def text(random: Random, corpus: Sequence[bytes]) -> bytes:
    """Return one of the JSON objects in ``corpus`` with some values, keys or bytes changed."""
    value = json.loads(random.choice(corpus))
    for _ in range(random.randint(1, _STEPS)):
        value = changed(random, value)
    data = json.dumps(value, ensure_ascii=random.random() < 0.5).encode("utf-8", "surrogatepass")
    return raw(random, [data]) if random.random() < _RAW_AS_WELL else data[:LONGEST]


def changed(random: Random, value: Any) -> Any:
    """Return ``value`` with one part, at any depth, changed."""
    if isinstance(value, dict) and value and random.random() < 0.85:
        copy, key = dict(value), random.choice(list(value))
        match random.randrange(8):
            case 0:
                del copy[key]
            case 1:
                copy[str(random.choice(ODD))[:400]] = random.choice(ODD)
            case 2:
                copy[random.choice(list(value))] = copy[key]
            case _:
                copy[key] = changed(random, copy[key])
        return copy
    if isinstance(value, list) and value and random.random() < 0.85:
        index = random.randrange(len(value))
        return [*value[:index], changed(random, value[index]), *value[index + random.randint(0, 2) :]]
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) < _LARGE
    if is_number and random.random() < 0.3:
        return value * random.choice((-1, 0.5, 2, 1000, 1e-9)) + random.choice((0, 1, -1, 0.1))
    return random.choice(ODD)


def _flip(random: Random, data: bytearray, _corpus: Sequence[bytes]) -> None:
    if data:
        data[random.randrange(len(data))] ^= 1 << random.randrange(8)


def _set_number(random: Random, data: bytearray, _corpus: Sequence[bytes]) -> None:
    width = random.choice((1, 2, 4))
    if len(data) >= width:
        at, order = random.randrange(len(data) - width + 1), random.choice(_ORDERS)
        data[at : at + width] = (random.choice(_NUMBERS) % (1 << 8 * width)).to_bytes(width, order)


def _add(random: Random, data: bytearray, _corpus: Sequence[bytes]) -> None:
    if data:
        at = random.randrange(len(data))
        data[at] = (data[at] + random.randint(-35, 35)) % 256


def _cut_out(random: Random, data: bytearray, _corpus: Sequence[bytes]) -> None:
    first, last = _stretch(random, data)
    del data[first:last]


def _truncate(random: Random, data: bytearray, _corpus: Sequence[bytes]) -> None:
    del data[random.randint(0, len(data)) :]


def _copy(random: Random, data: bytearray, _corpus: Sequence[bytes]) -> None:
    first, last = _stretch(random, data)
    piece = bytes(data[first:last]) * random.choice((1, 1, 1, 2, 16))
    at = random.randint(0, len(data))
    data[at : at + (len(piece) if random.random() < 0.5 else 0)] = piece[:65536]


def _insert(random: Random, data: bytearray, _corpus: Sequence[bytes]) -> None:
    at = random.randint(0, len(data))
    data[at:at] = random.randbytes(random.randint(1, 32))


def _splice(random: Random, data: bytearray, corpus: Sequence[bytes]) -> None:
    other = random.choice(corpus)
    data[random.randint(0, len(data)) :] = other[random.randint(0, len(other)) :]


def _stretch(random: Random, data: bytearray) -> tuple[int, int]:
    first = random.randint(0, len(data))
    return first, min(len(data), first + random.choice((1, 2, 8, 64, 512, 4096)))


_WAYS: tuple[Callable[[Random, bytearray, Sequence[bytes]], None], ...] = (
    _flip, _flip, _set_number, _set_number, _add, _cut_out, _truncate, _copy, _insert, _splice,
)  # fmt: skip
