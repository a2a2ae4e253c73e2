"""What does not go together in a configuration is said in one go, also beside mistakes of other kinds."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from edge.config import Layers, check, checking, examine
from edge.core.errors import ConfigError


def problems(text: str) -> list[str]:
    """Lines without the file's name."""
    found = examine(Layers(tomllib.loads(text), {}, Path("x"))).problems
    return [line.removeprefix("x: ") for line in found]


PIN_TAKEN = "panel.light: pin GPIO7 is already used by display.0.blue"
RGB = '[[display]]\nkind = "rgb_led"\nred = 5\ngreen = 6\nblue = 7\n'


@pytest.mark.parametrize(
    "other",
    [
        "[source]\nfps = 'fast'",
        "[mqtt]\nbrokr = 'off'",
        "[mqtt.tls]\nkey = 'x.pem'",
        "[kiosk]\nport = -1",
        "[privacy]\nk = 0\n[nod]",
    ],
)
def test_a_pin_that_is_used_twice_is_said_beside_other_mistakes(other: str) -> None:
    found = problems(f"{other}\n[panel]\nlight = 7\n{RGB}")
    assert PIN_TAKEN in found
    assert len(found) > 1


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ("brightness = 7", "display.0.brightness: input should be less than or equal to 1, found 7"),
        ("colour = 'red'", "display.0.colour: unknown setting"),
    ],
)
def test_a_pin_that_is_used_twice_is_said_where_its_own_display_has_mistakes(wrong: str, message: str) -> None:
    assert problems(f"[panel]\nlight = 7\n{RGB}{wrong}\n") == [message, PIN_TAKEN]


def test_a_mistyped_pin_does_not_hide_the_others() -> None:
    found = problems("[panel]\nlight = 6\n" + RGB.replace("blue", "bleu"))
    assert found == [
        "display.0.blue: field required",
        "display.0.bleu: unknown setting; did you mean 'blue'?",
        "panel.light: pin GPIO6 is already used by display.0.green",
    ]


def test_displays_keep_their_numbers_behind_a_wrong_one() -> None:
    found = problems(f'[[display]]\nkind = "laser"\n{RGB}[[display]]\nkind = "leds"\nleds = {{ sad = 5, mad = 6 }}\n')
    assert found[-1] == "display.2.leds.sad: pin GPIO5 is already used by display.1.red"
    assert len(found) == 3


PAGE = "[kiosk]\nenabled = true\n"
METRICS = "[metrics]\nenabled = true\n"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"{PAGE}port = 9464\n{METRICS}", ["metrics.port: port 9464 is already used by the page (kiosk.port)"]),
        (
            f'[mqtt]\nbroker = "embedded"\n{PAGE}port = 1883\n{METRICS}port = 1883',
            [
                "kiosk.port: port 1883 is already used by the embedded broker (mqtt.broker)",
                "metrics.port: port 1883 is already used by the embedded broker (mqtt.broker)",
            ],
        ),
        (
            f'[mqtt]\nbroker = "mqtt://localhost:8080"\n{PAGE}',
            ["kiosk.port: port 8080 is already used by the broker on this machine (mqtt.broker)"],
        ),
        (f"{PAGE}host = '0.0.0.0'\nport = 9464\n{METRICS}", ["metrics.port: port 9464 is already used by the page"]),
        (f"{PAGE}host = '::'\nport = 9464\n{METRICS}", ["metrics.port: port 9464 is already used by the page"]),
        (f"{PAGE}host = '::1'\nport = 9464\n{METRICS}", []),
        (f"{PAGE}host = '127.0.0.2'\nport = 9464\n{METRICS}", []),
        (f"{PAGE}port = 0\n{METRICS}port = 0", []),
        (f"[kiosk]\nport = 9464\n{METRICS}", []),
        (f'[mqtt]\nbroker = "mqtt://broker.local:8080"\n{PAGE}', []),
    ],
)
def test_a_port_is_served_once(text: str, expected: list[str]) -> None:
    found = problems(text)
    assert len(found) == len(expected)
    assert all(line.startswith(start) for line, start in zip(found, expected, strict=True))


def test_a_port_that_is_wrong_itself_clashes_with_nothing() -> None:
    [line] = problems(f"{PAGE}port = 99999\n{METRICS}port = 8080\n")
    assert line.startswith("kiosk.port: input should be less than or equal to 65535")


def test_every_mistake_names_its_own_layer() -> None:
    layers = Layers(
        tomllib.loads(f"{PAGE}port = 9464\n{METRICS}"), {"metrics.port": "environment variable X"}, Path("x")
    )
    with pytest.raises(ConfigError, match=r"environment variable X: metrics\.port: port 9464"):
        check(layers)


def test_a_mistake_whose_place_is_not_in_the_file_ends_no_check() -> None:
    tree: dict[str, object] = {"kiosk": {"port": 8080}}
    checking._remove(tree, ("gone", "deeper"))
    assert tree == {}
