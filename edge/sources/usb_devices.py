"""Video4Linux cameras as described by the kernel, found by number, name or path, and again after reconnecting.

A camera that is reconnected while a program still has its old device file open gets another number. Its name, vendor,
product and serial number stay the same, and usually the port.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from edge.core.errors import SourceError

if TYPE_CHECKING:
    from collections.abc import Iterable

_LOG = logging.getLogger(__name__)
DEVICES = Path("/dev")
SYSTEM = Path("/sys/class/video4linux")
"""The kernel's list of Video4Linux devices."""
_LEVELS_TO_USB = 4
"""Number of sysfs parent folders that may contain a device's USB data."""


@dataclass(frozen=True, slots=True)
class Camera:
    """A device file and its description by the kernel.

    ``index`` counts the files of one device: the first delivers pictures, others metadata. ``place`` is
    the device's folder in sysfs, which names the port. ``model`` is ``vendor:product`` in hexadecimal.
    """

    node: Path
    name: str
    index: int
    place: str
    model: str = ""
    serial: str = ""

    @property
    def number(self) -> str:
        """Number of the device: ``0`` for ``/dev/video0``."""
        return self.node.name.removeprefix("video")

    @property
    def title(self) -> str:
        """Suffix `` (Name)`` for messages if the name is known."""
        return f" ({self.name})" if self.name else ""

    def is_like(self, other: Camera) -> bool:
        """Return whether both cameras are the same model, with the same serial number if they have one."""
        return (self.name, self.model, self.serial, self.index) == (other.name, other.model, other.serial, other.index)


def cameras(devices: Path = DEVICES, system: Path = SYSTEM) -> list[Camera]:
    """Return the existing device files by number, including those that the kernel does not describe."""
    nodes = sorted(devices.glob("video[0-9]*"), key=lambda node: (len(node.name), node.name))
    return [_camera(system / node.name, node) for node in nodes]


def words(found: Iterable[Camera]) -> str:
    """Return ``connected: usb:0 (Name), usb:2 (Name)`` for messages, with the capture file of each camera."""
    names = ", ".join(f"usb:{camera.number}{camera.title}" for camera in found if camera.index == 0)
    return f"connected: {names}" if names else "none is connected"


class CameraFinder:
    """Finder of the camera for a URI: ``usb:0``, ``usb:NAME``, ``/dev/video0`` or ``/dev/v4l/by-id/NAME``.

    A number means the camera that had it when first opened: :meth:`opened` remembers that camera, which is followed
    from then on. Names and the links of udev (``by-id``, ``by-path``) are looked up each time.
    """

    def __init__(self, uri: str, devices: Path = DEVICES, system: Path = SYSTEM) -> None:
        self.uri = uri
        self._wanted = uri.removeprefix("usb").removeprefix(":") or "0"
        self._devices = devices
        self._system = system
        self._known: Camera | None = None
        self._others: frozenset[str] = frozenset()

    def find(self) -> Path:
        """Return the device file.

        Raises:
            SourceError: no camera is there, or several have the name.
        """
        found = cameras(self._devices, self._system)
        wanted = self._wanted
        if wanted.startswith("/"):
            path = Path(wanted)
            return self._followed(path, found) if path.parent == self._devices else self._linked(path, found)
        if wanted.isdecimal():
            return self._followed(self._devices / f"video{int(wanted)}", found)
        return self._named(wanted, found)

    def opened(self, node: Path) -> None:
        """Store the camera at ``node`` and which others are connected."""
        found = cameras(self._devices, self._system)
        now = next((camera for camera in found if camera.node == node.resolve() or camera.node == node), None)
        if now is not None and self._known is not None and now.node != self._known.node:
            _LOG.info("%s: %s is now at %s", self.uri, now.name or "it", now.node)
        self._known = now
        self._others = frozenset(camera.place for camera in found if now is not None and camera.place != now.place)

    def _again(self, found: list[Camera]) -> Camera | None:
        """Return the camera opened before: at its port, or the only new one of its kind."""
        known = self._known
        if known is None:
            return None
        alike = [camera for camera in found if camera.is_like(known) and camera.place not in self._others]
        at_port = [camera for camera in alike if camera.place == known.place]
        return at_port[0] if at_port else alike[0] if len(alike) == 1 else None

    def _followed(self, node: Path, found: list[Camera]) -> Path:
        again = self._again(found)
        if again is not None:
            return again.node
        if node.exists() and not any(camera.node == node and camera.place in self._others for camera in found):
            return node
        usb = [camera for camera in found if camera.model and camera.index == 0]
        if self._known is None and node.name == "video0" and len(usb) == 1:
            return usb[0].node
        name = "" if self._known is None else self._known.name
        what = f"{name} is not connected" if name else f"{node} does not exist"
        msg = f"{self.uri}: {what}; plug the camera in, or set source.uri ({words(found)})"
        raise SourceError(msg)

    def _linked(self, link: Path, found: list[Camera]) -> Path:
        if link.exists():
            return link
        msg = f"{self.uri}: {link} does not exist; plug the camera in, or see `ls {link.parent}` ({words(found)})"
        raise SourceError(msg)

    def _named(self, wanted: str, found: list[Camera]) -> Path:
        low = wanted.lower()
        first = [camera for camera in found if camera.index == 0]
        same = [camera for camera in first if low in {camera.name.lower(), camera.model, camera.serial.lower()}]
        same = same or [camera for camera in first if low in camera.name.lower()]
        again = self._again(same)
        if again is not None:
            return again.node
        same = [camera for camera in same if camera.place not in self._others]
        if len(same) == 1:
            return same[0].node
        if same:
            msg = f"{self.uri}: several cameras have this name; name one by its /dev/v4l/by-path/… ({words(same)})"
        else:
            msg = f"{self.uri}: no camera has this name; plug the camera in, or set source.uri ({words(found)})"
        raise SourceError(msg)


def _camera(entry: Path, node: Path) -> Camera:
    place = (entry / "device").resolve() if entry.exists() else node
    usb = next((folder for folder in (place, *place.parents[:_LEVELS_TO_USB]) if (folder / "idVendor").exists()), None)
    index = _read(entry / "index")
    return Camera(
        node=node,
        name=_read(entry / "name"),
        index=int(index) if index.isdecimal() else 0,
        place=str(place),
        model="" if usb is None else f"{_read(usb / 'idVendor')}:{_read(usb / 'idProduct')}",
        serial="" if usb is None else _read(usb / "serial"),
    )


def _read(file: Path) -> str:
    """Return the text of a sysfs file; empty if the device lacks it or is being removed."""
    try:
        return file.read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""
