"""Targets that fail on purpose for one in four inputs, to test the fuzzer itself."""

from __future__ import annotations

import ctypes
from typing import TYPE_CHECKING

from edge.core.errors import HardwareUnavailable
from tests.fuzz.target import FuzzTarget, expect

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_CORPUS = (b"abcdefgh", bytes(64), b'{"a": 1}')
_SHARE = 4


def _planted(fail: Callable[[], object]) -> Callable[[Path], FuzzTarget]:
    def attempt(data: bytes) -> None:
        if sum(data) % _SHARE == 1:
            fail()

    return lambda _folder: FuzzTarget(_CORPUS, attempt)


def _eat() -> None:
    eaten = []
    while True:
        eaten.append(bytearray(1 << 24))


def _spin() -> None:
    while True:
        pass


error = _planted(lambda: expect(condition=False, what="planted"))
crash = _planted(lambda: ctypes.string_at(8))
memory = _planted(_eat)
endless = _planted(_spin)
harmless = _planted(lambda: None)


def missing(_folder: Path) -> FuzzTarget:
    """Require a package that does not exist.

    Raises:
        HardwareUnavailable: always.
    """
    msg = "planted: pip install nothing"
    raise HardwareUnavailable(msg)
