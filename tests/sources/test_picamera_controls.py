from __future__ import annotations

from typing import Any

import pytest

from edge.config import SourceConfig
from edge.core.errors import ConfigError, SourceError
from edge.core.types import Box
from edge.sources.factory import create
from tests.fixtures.media import CAMERA_MODULE_3

WITHOUT_FOCUS = {name: limits for name, limits in CAMERA_MODULE_3.items() if not name.startswith(("Af", "Lens"))}


def opened(picamera2: Any, **settings: Any) -> tuple[Any, Any]:
    """The source and the camera behind it."""
    source = create(SourceConfig(uri="picamera", width=640, height=360, **settings))
    source.open()
    return source, picamera2.instances[-1]


def test_focus_and_long_exposures_are_set_before_the_camera_starts(picamera2: Any) -> None:
    _, camera = opened(picamera2)
    assert camera.controls == [{"AfMode": 2, "FrameDurationLimits": (66_666, 200_000), "AeExposureMode": 2}]


def test_a_module_without_autofocus_or_with_few_controls_is_used_as_it_is(picamera2: Any) -> None:
    picamera2.listed = WITHOUT_FOCUS
    _, camera = opened(picamera2)
    assert "AfMode" not in camera.controls[0]
    picamera2.listed = {"Saturation": (0.0, 32.0, 1.0)}
    _, camera = opened(picamera2)
    assert camera.controls == [{}]


def test_a_rate_that_must_not_fall_is_fixed(picamera2: Any) -> None:
    _, camera = opened(picamera2, fps=15, min_fps=30)
    assert camera.controls[0]["FrameDurationLimits"] == (66_666, 66_666)
    assert "AeExposureMode" not in camera.controls[0]


def test_durations_are_kept_within_what_the_sensor_can_do(picamera2: Any) -> None:
    picamera2.listed = {"FrameDurationLimits": (20_000, 120_000, None)}
    _, camera = opened(picamera2, fps=200)
    assert camera.controls[0]["FrameDurationLimits"] == (20_000, 120_000)


@pytest.mark.parametrize(
    ("setting", "values"),
    [
        ("auto", {}),
        ("unset", {}),
        ("off", {"AeFlickerMode": 0}),
        (50, {"AeFlickerMode": 1, "AeFlickerPeriod": 10_000}),
        ("60", {"AeFlickerMode": 1, "AeFlickerPeriod": 8_333}),
    ],
)
def test_the_mains_frequency_is_a_flicker_period(picamera2: Any, setting: Any, values: dict[str, int]) -> None:
    _, camera = opened(picamera2, power_line=setting)
    assert {name: value for name, value in camera.controls[0].items() if "Flicker" in name} == values


def test_a_mains_frequency_that_the_camera_cannot_take_is_one_line(picamera2: Any) -> None:
    picamera2.listed = {}
    with pytest.raises(ConfigError, match=r"source\.power_line: picamera:0 cannot be set to '50'"):
        opened(picamera2, power_line="50")


@pytest.mark.parametrize(
    ("chosen", "values"),
    [
        ({"AfMode": 1}, {"AfMode": 1}),
        ({"LensPosition": 2}, {"AfMode": 0, "LensPosition": 2.0}),
        ({"AfRange": 2}, {"AfMode": 2, "AfRange": 2}),
        ({"FrameRate": 10}, {"FrameRate": 10.0, "FrameDurationLimits": None, "AeExposureMode": None}),
        ({"FrameDurationLimits": [33333, 50000]}, {"FrameDurationLimits": (33333, 50000), "AeExposureMode": None}),
        (
            {"ExposureTime": 500_000},
            {"ExposureTime": 500_000, "AeExposureMode": None, "FrameDurationLimits": (66_666, 500_000)},
        ),
        ({"AeExposureMode": 1}, {"AeExposureMode": 1}),
        ({"aeflickermode": "1"}, {"AeFlickerMode": 1, "AeFlickerPeriod": None}),
        ({"ColourGains": [1.5, 2]}, {"ColourGains": (1.5, 2.0)}),
        ({"ScalerCrop": [0, 0, 2304, 1296]}, {"ScalerCrop": (0, 0, 2304, 1296)}),
    ],
)
def test_what_is_configured_wins(picamera2: Any, chosen: dict[str, Any], values: dict[str, Any]) -> None:
    _, camera = opened(picamera2, controls=chosen, power_line="60" if "aeflickermode" in chosen else "auto")
    (started,) = camera.controls
    assert {name: started.get(name) for name in values} == values


def test_a_crop_holds_for_both_streams_of_a_pi_5(picamera2: Any) -> None:
    picamera2.listed = CAMERA_MODULE_3 | {"ScalerCrops": ((0, 0, 0, 0), (65535, 65535, 65535, 65535), (0, 0, 0, 0))}
    _, camera = opened(picamera2, controls={"ScalerCrop": [0, 0, 2304, 1296]})
    assert camera.controls[0]["ScalerCrops"] == ((0, 0, 2304, 1296),) * 2
    _, camera = opened(picamera2)
    assert "ScalerCrops" not in camera.controls[0]


def test_a_wrong_control_is_one_line_and_the_camera_is_let_go(picamera2: Any) -> None:
    with pytest.raises(
        ConfigError, match=r"source\.controls\.AfMod: picamera:0 has no such control; did you mean"
    ) as caught:
        opened(picamera2, controls={"AfMod": 2, "AfMode": 7})
    assert "source.controls.AfMode: expected a whole number 0 to 2, found 7" in caught.value.problems
    assert picamera2.instances[-1].calls == ["stop", "close"]


def test_faces_become_focus_windows_in_pixels_of_the_sensor(picamera2: Any) -> None:
    source, camera = opened(picamera2)
    source.aim([Box(64, 36, 128, 72)], 120.0)
    assert len(camera.controls) == 1, "not before the picture that says what part of the sensor is seen"
    source.read()
    assert camera.controls[1:] == [{"AfMetering": 1, "AfWindows": [(461, 259, 922, 518)]}]
    picamera2.crop = (1000, 500, 640, 360)
    source.aim([Box(300, 100, 64, 64)], 120.0)
    source.read()
    assert camera.controls[2] == {"AfMetering": 1, "AfWindows": [(1300, 600, 64, 64)]}
    source.aim([Box(302, 101, 64, 64)], 120.0)
    source.read()
    assert len(camera.controls) == 3, "it has hardly moved"
    assert camera.held == 0


def test_dark_faces_raise_the_exposure_where_it_is_automatic(picamera2: Any) -> None:
    picamera2.listed = WITHOUT_FOCUS
    source, camera = opened(picamera2)
    source.aim([Box(64, 36, 128, 72)], 30.0)
    source.read()
    assert camera.controls[1:] == [{"ExposureValue": pytest.approx(1 / 3)}]


@pytest.mark.parametrize("chosen", [{"ExposureValue": 0.5}, {"exposuretime": 20000}, {"AeEnable": False}])
def test_an_exposure_set_by_hand_is_not_biased(picamera2: Any, chosen: dict[str, Any]) -> None:
    picamera2.listed = WITHOUT_FOCUS
    source, camera = opened(picamera2, controls=chosen)
    source.aim([Box(64, 36, 128, 72)], 30.0)
    source.read()
    assert len(camera.controls) == 1


@pytest.mark.parametrize("chosen", [{"AfMode": 1}, {"lensposition": 1}, {"AfWindows": [[0, 0, 9, 9]]}])
def test_a_focus_set_by_hand_is_not_moved(picamera2: Any, chosen: dict[str, Any]) -> None:
    source, camera = opened(picamera2, controls=chosen)
    source.aim([Box(64, 36, 128, 72)], 120.0)
    source.read()
    assert len(camera.controls) == 1


def test_a_camera_that_refuses_to_follow_faces_goes_on_without(
    picamera2: Any, caplog: pytest.LogCaptureFixture
) -> None:
    source, camera = opened(picamera2)
    picamera2.listed = {}
    for _ in range(2):
        source.aim([Box(64, 36, 128, 72)], 120.0)
        source.read()
    assert len(camera.controls) == 1
    assert [record.message for record in caplog.records] == ["picamera:0: focus and exposure cannot follow faces"]


def test_a_grey_picture_comes_from_the_camera_without_colour(picamera2: Any) -> None:
    source, camera = opened(picamera2, grey=True)
    assert camera.configuration["main"]["format"] == "YUV420"
    frame = source.read()
    assert frame.image.shape == (360, 640)
    assert (frame.image == 55).all(), "chroma or padding got in"


def test_aiming_at_a_closed_camera_is_harmless(picamera2: Any) -> None:
    source, _ = opened(picamera2)
    source.close()
    source.aim([Box(0, 0, 10, 10)], 10.0)
    with pytest.raises(SourceError, match="not open"):
        source.read()
