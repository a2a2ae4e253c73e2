"""Configuration to display, and what importing costs."""

from __future__ import annotations

import subprocess
import sys

import pytest

from edge.config import DisplayConfig, LedsConfig, MatrixConfig, OledConfig, RgbLedConfig, TerminalConfig
from edge.core.errors import ConfigError
from edge.core.types import Emotion
from edge.sinks.display.factory import create


@pytest.mark.parametrize(
    ("config", "kind"),
    [
        (RgbLedConfig(kind="rgb_led", red=17, green=27, blue=22), "RgbLed"),
        (LedsConfig(kind="leds", leds={Emotion.HAPPY: 5}), "Leds"),
        (MatrixConfig(kind="matrix"), "Matrix"),
        (OledConfig(kind="oled"), "Oled"),
        (TerminalConfig(kind="terminal"), "Terminal"),
    ],
)
def test_each_configuration_gives_its_display(config: DisplayConfig, kind: str) -> None:
    sink = create(config)
    assert type(sink.display).__name__ == kind
    assert sink.name == f"display {config.kind}"


def test_an_unknown_emulator_is_refused_at_once() -> None:
    with pytest.raises(ConfigError, match=r"8x8 matrix on /dev/spidev0\.0: unknown emulator"):
        create(MatrixConfig(kind="matrix", emulate="x"))


def test_no_hardware_library_is_imported_before_it_is_needed() -> None:
    program = """
import sys
from edge.config import MatrixConfig, OledConfig, RgbLedConfig
from edge.sinks.display.factory import create
create(MatrixConfig(kind="matrix")); create(OledConfig(kind="oled"))
create(RgbLedConfig(kind="rgb_led", red=17, green=27, blue=22))
print([name for name in ("gpiozero", "luma", "PIL", "pygame", "lgpio") if name in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
