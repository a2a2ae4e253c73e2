"""Controls of Raspberry Pi cameras by libcamera's names, and their automatic values (pure).

The values are those of libcamera's ``control_ids_core.yaml``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from edge.core.errors import ConfigError
from edge.sources.controls import Control, Kind, check

if TYPE_CHECKING:
    from collections.abc import Mapping

    from edge.config import SourceConfig

AF_CONTINUOUS = 2
AF_MANUAL = 0
EXPOSURE_LONG = 2
FLICKER_OFF, FLICKER_MANUAL, FLICKER_AUTO = 0, 1, 2
_FLICKER_PERIOD_US = {"50": 10_000, "60": 8_333}
"""Number of light flickers per period of the mains."""
_NORMAL_LIMIT_US = 66_666
LONG_LIMIT_US = 120_000
"""Longest automatic exposure in Raspberry Pi's tuning files (imx219, imx477, imx708, ov5647), beyond mode Normal."""
_LENGTHS = {"FrameDurationLimits": 2, "ColourGains": 2, "ColourCorrectionMatrix": 9, "AfWindows": 0, "ScalerCrops": 0}
"""Controls that take several values, which libcamera's list does not state; 0: any number."""
_BY_HAND = {"ExposureTime", "AeEnable", "ExposureTimeMode"}
"""Controls that, if configured, disable automatic exposure steering."""


def listed(camera_controls: Mapping[str, tuple[Any, Any, Any]]) -> dict[str, Control]:
    """Convert picamera2's ``camera_controls`` (minimum, maximum, default by name) for checking settings."""
    controls = {name: _control(name, *limits) for name, limits in camera_controls.items()}
    if "FrameDurationLimits" in controls:  # picamera2 derives FrameRate from it
        controls["FrameRate"] = Control("FrameRate", Kind.NUMBER, minimum=0.001, maximum=1000.0)
    return controls


def _control(name: str, minimum: Any, maximum: Any, default: Any) -> Control:
    sample = next((value for value in (minimum, maximum, default) if value is not None), None)
    if isinstance(sample, list) and sample:
        sample = sample[0]
    length = _LENGTHS.get(name, 1)
    if isinstance(sample, tuple):
        return Control(name, Kind.RECTANGLE, length=length)
    kind = Kind.FLAG if isinstance(sample, bool) else Kind.INTEGER if isinstance(sample, int) else Kind.NUMBER
    numbers = [value if isinstance(value, int | float) else None for value in (minimum, maximum)]
    return Control(name, kind, minimum=numbers[0], maximum=numbers[1], length=length)


def starting_values(controls: Mapping[str, Control], config: SourceConfig, uri: str) -> dict[str, Any]:
    """Return all controls to set before the camera starts: automatic values, overridden by configured ones.

    Raises:
        ConfigError: a configured control is unknown or its value not allowed.
    """
    chosen = check(config.controls, controls, uri)
    automatic = _focus(chosen) | _exposure(controls, config, chosen) | _flicker(controls, config, chosen, uri)
    if "ScalerCrop" in chosen:
        # on a Pi 5 picamera2 sets one per stream, which would override the common one
        automatic["ScalerCrops"] = (chosen["ScalerCrop"], chosen["ScalerCrop"])
    return {name: value for name, value in automatic.items() if name in controls} | chosen


def _focus(chosen: Mapping[str, Any]) -> dict[str, Any]:
    if "LensPosition" in chosen:
        return {"AfMode": AF_MANUAL}  # required for the lens to move there
    return {"AfMode": AF_CONTINUOUS}


def _exposure(controls: Mapping[str, Control], config: SourceConfig, chosen: Mapping[str, Any]) -> dict[str, Any]:
    """Return frame durations from the requested rate to the lowest, and the exposure mode that uses them."""
    if "FrameRate" in chosen or "FrameDurationLimits" in chosen:
        return {}
    shortest = 1_000_000 / config.fps
    longest = max(shortest, 1_000_000 / config.min_fps, chosen.get("ExposureTime", 0))
    limits = controls.get("FrameDurationLimits")
    if limits is not None and limits.minimum is not None and limits.maximum is not None:
        shortest, longest = (min(max(value, limits.minimum), limits.maximum) for value in (shortest, longest))
    values: dict[str, Any] = {"FrameDurationLimits": (int(shortest), int(longest))}
    if longest > _NORMAL_LIMIT_US and config.min_fps < config.fps and not _BY_HAND & chosen.keys():
        values["AeExposureMode"] = EXPOSURE_LONG
    return values


def _flicker(
    controls: Mapping[str, Control], config: SourceConfig, chosen: Mapping[str, Any], uri: str
) -> dict[str, Any]:
    wanted = config.power_line
    if wanted == "unset" or {"AeFlickerMode", "AeFlickerPeriod"} & chosen.keys():
        return {}
    mode = controls.get("AeFlickerMode")
    if wanted == "auto":
        return {"AeFlickerMode": FLICKER_AUTO} if mode is not None and (mode.maximum or 0) >= FLICKER_AUTO else {}
    if mode is None:
        msg = f"source.power_line: {uri} cannot be set to {wanted!r}; use 'auto', which changes nothing"
        raise ConfigError(msg)
    if wanted == "off":
        return {"AeFlickerMode": FLICKER_OFF}
    return {"AeFlickerMode": FLICKER_MANUAL, "AeFlickerPeriod": _FLICKER_PERIOD_US[wanted]}


def focuses_on_faces(controls: Mapping[str, Control], chosen: Mapping[str, Any]) -> bool:
    """Return whether autofocus may be aimed at faces."""
    by_hand = {"AfMode", "AfMetering", "AfWindows", "LensPosition"}
    return {"AfMode", "AfMetering", "AfWindows"} <= controls.keys() and not by_hand & _names(chosen)


def exposes_for_faces(controls: Mapping[str, Control], chosen: Mapping[str, Any]) -> bool:
    """Return whether automatic exposure may get a bias for faces."""
    return "ExposureValue" in controls and not (_BY_HAND | {"ExposureValue"}) & _names(chosen)


def _names(chosen: Mapping[str, Any]) -> set[str]:
    """Convert names to libcamera's spelling; settings may differ in letter case."""
    known = {"AfMode", "AfMetering", "AfWindows", "LensPosition", "ExposureValue", *_BY_HAND}
    written = {name.casefold() for name in chosen}
    return {name for name in known if name.casefold() in written}
