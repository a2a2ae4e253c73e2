"""Controls set when a USB camera is opened: automatic values, overridden by configured ones."""

from __future__ import annotations

import errno
import fcntl
import logging
from typing import TYPE_CHECKING, Any

from edge.core.errors import ConfigError, SourceError
from edge.sources import v4l2
from edge.sources.controls import check

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from edge.config import SourceConfig
    from edge.sources.v4l2 import Device, DeviceControl, Ioctl

_LOG = logging.getLogger(__name__)
_POWER_LINE = {"off": 0, "50": 1, "60": 2, "auto": 3}
"""Values of the kernel's ``enum v4l2_power_line_frequency``."""
_NOT_NOW = {errno.EACCES, errno.EBUSY}
_REFUSED = {errno.EINVAL, errno.ERANGE, *_NOT_NOW}
_OVERRULED_BY = {
    v4l2.FOCUS_AUTO: {v4l2.FOCUS_AUTO, v4l2.FOCUS_ABSOLUTE},
    v4l2.EXPOSURE_AUTO_PRIORITY: {v4l2.EXPOSURE_AUTO_PRIORITY, v4l2.EXPOSURE_AUTO, v4l2.EXPOSURE_ABSOLUTE},
    v4l2.POWER_LINE_FREQUENCY: {v4l2.POWER_LINE_FREQUENCY},
}
"""Automatic settings, and the configured controls that disable each of them."""


def adjust(path: Path, config: SourceConfig, uri: str, ioctl: Ioctl = fcntl.ioctl) -> None:
    """Set the controls of the camera at ``path``.

    Raises:
        ConfigError: a configured control is unknown, its value not allowed, or refused by the camera.
        SourceError: the camera does not answer.
    """
    try:
        with v4l2.Device(path, ioctl) as device:
            listed = device.controls()
            chosen = chosen_values(listed, config, uri)
            for number, value in automatic_values(listed, config, chosen).items():
                _try(device, number, value)
            _set(device, listed, chosen, uri)
    except OSError as error:
        msg = f"{uri}: its controls cannot be set ({error.strerror or error}); unplug the camera and plug it in again"
        raise SourceError(msg) from error


def chosen_values(listed: Mapping[str, DeviceControl], config: SourceConfig, uri: str) -> dict[str, Any]:
    """Return the configured values by the driver's names.

    Raises:
        ConfigError: a control is unknown or its value not allowed.
    """
    values = check(config.controls, {name: found.control for name, found in listed.items()}, uri)
    if config.power_line in {"50", "60", "off"}:
        name = next((name for name, found in listed.items() if found.id == v4l2.POWER_LINE_FREQUENCY), None)
        if name is None or _POWER_LINE[config.power_line] not in listed[name].control.choices:
            msg = f"source.power_line: {uri} cannot be set to {config.power_line!r}; use 'auto', which changes nothing"
            raise ConfigError(msg)
        values.setdefault(name, _POWER_LINE[config.power_line])
    return values


def automatic_values(
    listed: Mapping[str, DeviceControl], config: SourceConfig, chosen: Mapping[str, Any] | None = None
) -> dict[int, int]:
    """Return the automatic settings by control number, for controls that exist and are not in ``chosen``."""
    by_number = {found.id: found.control for found in listed.values()}
    values = {v4l2.FOCUS_AUTO: 1, v4l2.EXPOSURE_AUTO_PRIORITY: int(config.min_fps < config.fps)}
    power_line = by_number.get(v4l2.POWER_LINE_FREQUENCY)
    if config.power_line == "auto" and power_line is not None and _POWER_LINE["auto"] in power_line.choices:
        values[v4l2.POWER_LINE_FREQUENCY] = _POWER_LINE["auto"]
    by_hand = {listed[name].id for name in chosen or {}}
    return {
        number: value
        for number, value in values.items()
        if number in by_number and not by_number[number].read_only and not by_hand & _OVERRULED_BY[number]
    }


def _try(device: Device, number: int, value: int) -> None:
    try:
        device.set(number, value)
    except OSError as error:
        if error.errno not in _REFUSED:
            raise
        _LOG.debug("the camera refuses control 0x%x = %d: %s", number, value, error.strerror)


def _set(device: Device, listed: Mapping[str, DeviceControl], values: Mapping[str, Any], uri: str) -> None:
    """Set all ``values``, and dependent ones, such as exposure on its mode, in a second round."""
    waiting = dict(values)
    for _ in range(2):
        refused: dict[str, OSError] = {}
        for name in list(waiting):
            try:
                device.set(listed[name].id, int(waiting[name]))
                del waiting[name]
            except OSError as error:
                if error.errno not in _REFUSED:
                    raise
                refused[name] = error
        if not refused:
            return
    raise ConfigError(*(_refusal(name, values[name], error, uri) for name, error in refused.items()))


def _refusal(name: str, value: Any, error: OSError, uri: str) -> str:
    why = error.strerror or str(error)
    if error.errno in _NOT_NOW:
        why = "an automatic mode or another program has it; switch that off, such as with auto_exposure = 1"
    return f"source.controls.{name}: {uri} refuses {int(value)}: {why}"
