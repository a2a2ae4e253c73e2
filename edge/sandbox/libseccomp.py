"""System call filter based on the system's libseccomp.

Debian and Raspberry Pi OS always have the library, since apt depends on it. Its functions are called through ctypes.
"""

from __future__ import annotations

import ctypes
import os
from functools import cache
from typing import NamedTuple

_LIBRARY = "libseccomp.so.2"
_ALLOW, _NOTIFY, _ERRNO = 0x7FFF0000, 0x7FC00000, 0x00050000
_TSYNC = 4
_LEAST_API = 6
"""Notifications for a filter that covers all threads: libseccomp 2.5 on Linux 5.7."""


class Unavailable(OSError):
    """This system cannot filter system calls; the message gives the reason."""


class Match(NamedTuple):
    """A condition on an argument: ``argument & mask == value``."""

    argument: int
    value: int
    mask: int = (1 << 64) - 1


class _Comparison(ctypes.Structure):
    _fields_ = (
        ("argument", ctypes.c_uint),
        ("operator", ctypes.c_int),
        ("mask", ctypes.c_uint64),
        ("value", ctypes.c_uint64),
    )


_MASKED_EQUAL = 7


@cache
def library() -> ctypes.CDLL:
    """Load libseccomp.

    Raises:
        Unavailable: the library is not installed, or it or the kernel is too old.
    """
    try:
        found = ctypes.CDLL(_LIBRARY)
    except OSError:
        msg = f"{_LIBRARY} is not installed"
        raise Unavailable(msg) from None
    found.seccomp_init.restype = ctypes.c_void_p
    found.seccomp_init.argtypes = (ctypes.c_uint32,)
    found.seccomp_release.argtypes = (ctypes.c_void_p,)
    found.seccomp_attr_set.argtypes = (ctypes.c_void_p, ctypes.c_int, ctypes.c_uint32)
    comparisons = ctypes.POINTER(_Comparison)
    found.seccomp_rule_add_array.argtypes = (
        ctypes.c_void_p,
        ctypes.c_uint32,
        ctypes.c_int,
        ctypes.c_uint,
        comparisons,
    )
    found.seccomp_load.argtypes = found.seccomp_notify_fd.argtypes = (ctypes.c_void_p,)
    if found.seccomp_api_get() < _LEAST_API:
        msg = "the kernel or libseccomp cannot hand system calls over: Linux 5.14 and libseccomp 2.5 can"
        raise Unavailable(msg)
    return found


def number(name: str) -> int:
    """Return the number of a system call on this machine, negative if there is none of that name."""
    return int(library().seccomp_syscall_resolve_name(name.encode()))


class Filter:
    """Refuse every system call with ``refusal`` (an errno) except for those that rules name."""

    def __init__(self, refusal: int) -> None:
        self._library = library()
        self._filter = self._library.seccomp_init(_ERRNO | refusal)
        if not self._filter:
            msg = "libseccomp makes no filter"
            raise Unavailable(msg)
        _checked(self._library.seccomp_attr_set(self._filter, _TSYNC, 1))

    def allow(self, name: str, *matches: Match) -> None:
        """Let the call through, where ``matches`` are given only with such arguments."""
        self._add(_ALLOW, name, matches)

    def hand_over(self, name: str) -> None:
        """Have the call answered by whoever holds the descriptor that :meth:`load` returns."""
        self._add(_NOTIFY, name, ())

    def refuse(self, name: str, error: int) -> None:
        """Refuse the call with another errno."""
        self._add(_ERRNO | error, name, ())

    def load(self) -> int:
        """Install the filter in all threads for good; return the descriptor of calls that are handed over.

        Raises:
            Unavailable: the kernel does not take the filter.
        """
        _checked(self._library.seccomp_load(self._filter))
        descriptor = int(self._library.seccomp_notify_fd(self._filter))
        _checked(descriptor)
        return descriptor

    def _add(self, action: int, name: str, matches: tuple[Match, ...]) -> None:
        call = number(name)
        if call < 0:  # of another architecture, or newer than the library
            return
        array = (_Comparison * max(1, len(matches)))(
            *(_Comparison(match.argument, _MASKED_EQUAL, match.mask, match.value) for match in matches)
        )
        _checked(self._library.seccomp_rule_add_array(self._filter, action, call, len(matches), array))


def _checked(result: int) -> None:
    if result < 0:
        raise Unavailable(-result, os.strerror(-result))
