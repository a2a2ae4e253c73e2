"""Marks in machine code by which an external meter recognises the end of a stage.

A meter counts instructions: Valgrind's callgrind on x86-64, a plug-in of QEMU on arm64. A mark assigns the thread's
instructions since the previous mark to NAME. Without a meter a mark has no effect.
"""

from __future__ import annotations

import ctypes
import mmap
import platform
from functools import partial
from typing import TYPE_CHECKING

from edge.core.errors import HardwareUnavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_REQUEST = bytes.fromhex(
    "4889f8"  # mov rax, rdi: the request's six words are where the first argument points
    "31d2"  # xor edx, edx: the answer where nobody listens
    "48c1c703 48c1c70d 48c1c73d 48c1c733"  # rol rdi, 3, 13, 61, 51: 128 in all, which leaves it as it was
    "4887db"  # xchg rbx, rbx
    "4889d0 c3"  # mov rax, rdx; ret
)
"""Valgrind's client request for x86-64, a published interface that does not change (valgrind.h)."""
_CALLGRIND = ord("C") << 24 | ord("T") << 16
_TOGGLE_COLLECT, _DUMP_STATS_AT, _START_INSTRUMENTATION = (_CALLGRIND + number for number in (2, 3, 4))
"""Numbers of callgrind's requests (callgrind.h)."""
_MOVZ_XZR, _RET = 0xD280001F, 0xD65F03C0
"""A64: ``movz xzr, #n``, which loads a number into nothing, with the number in bits 5 to 20; ``ret``."""


class Marks:
    """Marks for ``names``; in QEMU's figures a name is its place among them.

    Raises:
        HardwareUnavailable: this is neither x86-64 nor arm64.
    """

    def __init__(self, names: Sequence[str], machine: str = "") -> None:
        machine = machine or platform.machine()
        self._begin: Callable[[], object] = int
        if machine == "x86_64":
            self._valgrind(names)
        elif machine == "aarch64":
            self._qemu(names)
        else:
            msg = f"instructions are counted on x86_64 and aarch64, this is {machine}"
            raise HardwareUnavailable(msg)

    def begin(self) -> None:
        """Start counting this thread."""
        self._begin()

    def mark(self, name: str) -> None:
        """Assign this thread's instructions since the previous mark to ``name``."""
        self._marks[name]()

    def _valgrind(self, names: Sequence[str]) -> None:
        request = _functions(_REQUEST, [0], ctypes.c_void_p)[0]
        self._texts = [
            ctypes.create_string_buffer(name.encode()) for name in names
        ]  # the requests hold their addresses

        def prepared(number: int, argument: int = 0) -> Callable[[], object]:
            return partial(request, (ctypes.c_uint64 * 6)(number, argument))

        texts = zip(names, map(ctypes.addressof, self._texts), strict=True)
        self._marks = {name: prepared(_DUMP_STATS_AT, text) for name, text in texts}
        first = prepared(_START_INSTRUMENTATION), prepared(_TOGGLE_COLLECT)
        self._begin = lambda: [call() for call in first]

    def _qemu(self, names: Sequence[str]) -> None:
        code = a64_marks(len(names))
        self._marks = dict(zip(names, _functions(code, [8 * number for number in range(len(names))]), strict=True))


def a64_marks(count: int) -> bytes:
    """Return ``count`` functions of eight bytes, one per mark."""
    words = (word for place in range(count) for word in (_MOVZ_XZR | place << 5, _RET))
    return b"".join(word.to_bytes(4, "little") for word in words)


def _functions(code: bytes, entries: Sequence[int], *arguments: type) -> list[Callable[..., object]]:
    """Return callables for the offsets ``entries`` in ``code``, which stays in memory until the process ends."""
    memory = mmap.mmap(-1, max(mmap.PAGESIZE, len(code)), prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
    memory.write(code)
    start = ctypes.addressof(ctypes.c_char.from_buffer(memory))
    _KEPT.append(memory)
    made = ctypes.PYFUNCTYPE(ctypes.c_uint64, *arguments)  # keeps the lock, so that no other thread comes between
    return [made(start + entry) for entry in entries]


_KEPT: list[mmap.mmap] = []
