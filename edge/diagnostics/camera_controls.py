"""Description of a camera's focus and exposure control."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from edge.sources import picamera_controls, usb_controls, v4l2
from edge.sources.bounded import BoundedCalls

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from edge.config import SourceConfig
    from edge.sources.v4l2 import DeviceControl, Ioctl

_TIMEOUT_S = 5.0
_MICROSECONDS = 1_000_000


def picamera_words(limits: Mapping[str, list[Any]], source: SourceConfig) -> str:
    """One line for ``limits``, which are picamera2's ``camera_controls`` as JSON.

    Raises:
        ConfigError: a configured control is unknown or its value not allowed.
    """
    controls = picamera_controls.listed({name: _rectangles(values) for name, values in limits.items()})
    values = picamera_controls.starting_values(controls, source, source.uri)
    focus = {None: "no autofocus", picamera_controls.AF_CONTINUOUS: "continuous autofocus"}
    parts = [focus.get(values.get("AfMode"), "focus set by hand")]
    if "FrameDurationLimits" in values:
        shortest, longest = values["FrameDurationLimits"]
        if "AeExposureMode" in values:
            longest = max(shortest, min(longest, picamera_controls.LONG_LIMIT_US))
        parts.append(_rate(_MICROSECONDS / shortest, _MICROSECONDS / longest))
    if picamera_controls.exposes_for_faces(controls, source.controls):
        parts.append("exposure follows faces")
    return "; ".join([*parts, *_by_hand(source)])


def usb_words(path: Path, source: SourceConfig, ioctl: Ioctl | None = None) -> str:
    """One line for the camera at ``path``.

    Raises:
        ConfigError: a configured control is unknown or its value not allowed.
        OSError: the device is gone, or its driver does not answer (``TimeoutError``).
    """
    listed = _bounded(lambda: _list(path, ioctl))
    chosen = usb_controls.chosen_values(listed, source, source.uri)
    automatic = usb_controls.automatic_values(listed, source, chosen)
    numbers = {found.id for found in listed.values()}
    parts = []
    if v4l2.FOCUS_AUTO in automatic:
        parts.append("continuous autofocus")
    else:
        parts.append("focus set by hand" if v4l2.FOCUS_AUTO in numbers else "no autofocus")
    if automatic.get(v4l2.EXPOSURE_AUTO_PRIORITY):
        parts.append("its rate may fall in the dark")
    if v4l2.POWER_LINE_FREQUENCY in automatic:
        parts.append("finds out the mains frequency")
    return "; ".join([*parts, *_by_hand(source)])


def _rate(fps: float, lowest: float) -> str:
    if round(lowest, 1) >= round(fps, 1):
        return f"{fps:.3g} frames a second"
    return f"{fps:.3g} frames a second, in the dark down to {lowest:.3g}"


def _by_hand(source: SourceConfig) -> list[str]:
    mains = [f"power_line {source.power_line}"] if source.power_line not in {"auto", "unset"} else []
    names = [*source.controls, *mains]
    return [f"set: {', '.join(names)}"] if names else []


def _rectangles(values: list[Any]) -> tuple[Any, Any, Any]:
    """Convert lists back to picamera2's tuples, which JSON does not have."""
    minimum, maximum, default = (tuple(value) if isinstance(value, list) else value for value in values)
    return minimum, maximum, default


def _list(path: Path, ioctl: Ioctl | None) -> dict[str, DeviceControl]:
    with v4l2.Device(path) if ioctl is None else v4l2.Device(path, ioctl) as device:
        return device.controls()


def _bounded(call: Callable[[], dict[str, DeviceControl]]) -> dict[str, DeviceControl]:
    calls = BoundedCalls("a camera's driver")
    try:
        return calls.call(call, _TIMEOUT_S)
    finally:
        calls.finish(lambda: None, 0)
