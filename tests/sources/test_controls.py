from __future__ import annotations

import contextlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.core.errors import ConfigError
from edge.sources.controls import Control, Kind, check

LISTED = {
    control.name: control
    for control in (
        Control("AfMode", Kind.INTEGER, 0, 2),
        Control("Saturation", Kind.NUMBER, 0.0, 32.0),
        Control("AeEnable", Kind.FLAG),
        Control("ColourGains", Kind.NUMBER, 0.0, 32.0, length=2),
        Control("AfWindows", Kind.RECTANGLE, length=0),
        Control("backlight", Kind.INTEGER, 0, 8, step=2),
        Control("exposure", Kind.INTEGER, 0, 3, choices={1: "Manual Mode", 3: "Aperture Priority Mode"}),
        Control("privacy", Kind.FLAG, read_only=True),
        Control("mask", Kind.INTEGER),
    )
}


@pytest.mark.parametrize(
    ("name", "value", "taken"),
    [
        ("AfMode", 2, 2),
        ("afmode", "2", 2),
        ("Saturation", 1, 1.0),
        ("Saturation", "0.5", 0.5),
        ("AeEnable", False, False),
        ("AeEnable", "true", True),
        ("AeEnable", 1, True),
        ("ColourGains", [1, 2.5], (1.0, 2.5)),
        ("AfWindows", [[0, 0, 10, 20]], ((0, 0, 10, 20),)),
        ("backlight", 4, 4),
        ("exposure", 3, 3),
        ("exposure", "manual mode", 1),
        ("mask", -7, -7),
    ],
)
def test_values_are_taken_in_the_types_of_the_camera(name: str, value: Any, taken: Any) -> None:
    (found,) = check({name: value}, LISTED, "usb:0").values()
    assert found == taken
    assert type(found) is type(taken)


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("AfMod", 2, "usb:0 has no such control; did you mean 'AfMode'?"),
        ("telepathy", 2, r"no such control \(it has AeEnable, AfMode"),
        ("AfMode", 3, "expected a whole number 0 to 2, found 3"),
        ("AfMode", True, "expected a whole number 0 to 2, found True"),
        ("AfMode", 1.5, "expected a whole number 0 to 2, found 1.5"),
        ("AfMode", "two", "expected a whole number 0 to 2, found 'two'"),
        ("Saturation", -0.1, "expected a number 0 to 32, found -0.1"),
        ("Saturation", "nan", "expected a number 0 to 32, found 'nan'"),
        ("Saturation", False, "expected a number"),
        ("AeEnable", "maybe", "expected true or false, found 'maybe'"),
        ("AeEnable", 2, "expected true or false, found 2"),
        ("ColourGains", 2.0, r"expected a list of 2, each a number 0 to 32, found 2\.0"),
        ("ColourGains", [1.0], "expected a list of 2"),
        ("AfWindows", [], r"expected a list of some, each a rectangle \[x, y, width, height\], found"),
        ("AfWindows", [[0, 0, 10]], "expected a list of some"),
        ("backlight", 3, "expected a whole number 0 to 8 in steps of 2, found 3"),
        ("exposure", 2, r"expected one of 1 \(Manual Mode\), 3 \(Aperture Priority Mode\), found 2"),
        ("exposure", "Auto", "expected one of"),
        ("privacy", True, "does not allow changing it; remove the setting"),
    ],
)
def test_what_is_not_allowed_is_one_line_that_says_where_and_what_is(name: str, value: Any, says: str) -> None:
    with pytest.raises(ConfigError, match=says) as caught:
        check({name: value}, LISTED, "usb:0")
    assert caught.value.problems[0].startswith(f"source.controls.{name}: ")
    assert len(caught.value.problems) == 1


def test_all_mistakes_are_told_at_once_and_a_camera_may_have_no_controls() -> None:
    with pytest.raises(ConfigError) as caught:
        check({"AfMod": 2, "AfMode": 9}, LISTED, "usb:0")
    assert len(caught.value.problems) == 2
    with pytest.raises(ConfigError, match="usb:0 has no such control; remove the setting"):
        check({"AfMode": 2}, {}, "usb:0")


plain = st.none() | st.booleans() | st.integers() | st.floats() | st.text()


@given(st.sampled_from(sorted(LISTED)), plain | st.lists(plain | st.lists(plain)))
def test_whatever_is_written_there_it_is_taken_or_named(name: str, value: Any) -> None:
    with contextlib.suppress(ConfigError):
        assert list(check({name: value}, LISTED, "picamera:0")) == [name]
