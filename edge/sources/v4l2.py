"""Listing and setting of the controls of Video4Linux devices.

Struct layouts and numbers are those of the kernel's ``linux/videodev2.h`` and ``linux/v4l2-controls.h``. They are the
same on all Linux machines. A second handle may set controls while another program streams.
"""

from __future__ import annotations

import errno
import fcntl
import os
import re
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from edge.sources.controls import Control, Kind

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    Ioctl = Callable[[int, int, bytearray], object]

POWER_LINE_FREQUENCY = 0x980918
EXPOSURE_AUTO = 0x9A0901
EXPOSURE_ABSOLUTE = 0x9A0902
EXPOSURE_AUTO_PRIORITY = 0x9A0903
"""A flag: automatic exposure may lower the frame rate."""
FOCUS_ABSOLUTE = 0x9A090A
FOCUS_AUTO = 0x9A090C
"""A flag: continuous autofocus."""

_QUERYCTRL = 0xC0445624
_QUERYMENU = 0xC02C5625
_S_CTRL = 0xC008561C
_CONTROL = struct.Struct("=II32siiiiI8x")  # id, type, name, minimum, maximum, step, default, flags
_MENU = struct.Struct("=II32s4x")  # id, index, name or a 64-bit value
_VALUE = struct.Struct("=Ii")  # id, value
_NEXT = 0x80000000
_DISABLED, _READ_ONLY = 0x0001, 0x0004
_INTEGER, _BOOLEAN, _MENU_TYPE, _BUTTON, _BITMASK, _INTEGER_MENU = 1, 2, 3, 4, 8, 9
_MOST_CONTROLS = 1024
_MOST_CHOICES = 256


@dataclass(frozen=True, slots=True)
class DeviceControl:
    """A control and its number in the driver."""

    id: int
    control: Control


class Device:
    """An open ``/dev/videoN``, for its controls only; a context manager.

    ``ioctl`` is injectable for tests without a device.
    """

    def __init__(self, path: Path, ioctl: Ioctl = fcntl.ioctl) -> None:
        self._ioctl = ioctl
        self._file = os.open(path, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._file)

    def controls(self) -> dict[str, DeviceControl]:
        """Return the driver's controls by the names that ``v4l2-ctl -l`` prints; empty if it has none.

        Raises:
            OSError: the device is gone.
        """
        return {found.control.name: found for found in self._list()}

    def _list(self) -> Iterator[DeviceControl]:
        number = 0
        for _ in range(_MOST_CONTROLS):
            query = bytearray(_CONTROL.pack(number | _NEXT, 0, b"", 0, 0, 0, 0, 0))
            if not self._ask(_QUERYCTRL, query):
                return
            number, type_, name, minimum, maximum, step, _, flags = _CONTROL.unpack(query)
            kind = Kind.FLAG if type_ == _BOOLEAN else Kind.INTEGER
            if flags & _DISABLED or type_ not in {_INTEGER, _BOOLEAN, _MENU_TYPE, _BUTTON, _BITMASK, _INTEGER_MENU}:
                continue
            has_menu = type_ in {_MENU_TYPE, _INTEGER_MENU}
            limited = type_ in {_INTEGER, _MENU_TYPE, _INTEGER_MENU}
            yield DeviceControl(
                number,
                Control(
                    name=variable_name(name),
                    kind=kind,
                    minimum=minimum if limited else None,
                    maximum=maximum if limited else None,
                    step=step if type_ == _INTEGER else 1,
                    choices=dict(self._choices(number, minimum, maximum, type_)) if has_menu else {},
                    read_only=bool(flags & _READ_ONLY),
                ),
            )

    def _choices(self, number: int, minimum: int, maximum: int, type_: int) -> Iterator[tuple[int, str]]:
        for index in range(minimum, min(maximum + 1, minimum + _MOST_CHOICES)):
            query = bytearray(_MENU.pack(number, index, b""))
            if self._ask(_QUERYMENU, query):  # a menu may have gaps
                raw = _MENU.unpack(query)[2]
                whole = str(int.from_bytes(raw[:8], "little", signed=True))
                yield index, whole if type_ == _INTEGER_MENU else _text(raw)

    def _ask(self, request: int, query: bytearray) -> bool:
        """Query the driver; return False if it has no such entry."""
        try:
            self._ioctl(self._file, request, query)
        except OSError as error:
            if error.errno in {errno.EINVAL, errno.ENOTTY}:
                return False
            raise
        return True

    def set(self, number: int, value: int) -> None:
        """Set the control with this number.

        Raises:
            OSError: the driver refuses the value (EINVAL, ERANGE), does not allow it now (EACCES, EBUSY), or is gone.
        """
        self._ioctl(self._file, _S_CTRL, bytearray(_VALUE.pack(number, value)))


def variable_name(name: bytes) -> str:
    """Return a name as ``v4l2-ctl`` prints it: ``Exposure, Dynamic Framerate`` is ``exposure_dynamic_framerate``."""
    return re.sub(r"[^a-z0-9]+", "_", _text(name).lower()).strip("_")


def _text(raw: bytes) -> str:
    return raw.split(b"\0")[0].decode("utf-8", "replace")
