from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import click
import pytest

from edge import __version__
from edge.cli import main
from edge.cli.app import COMMANDS, cli
from edge.cli.settings import Settings
from edge.core.errors import AlreadyRunning, ConfigError, EdgeError, HardwareUnavailable, InputError, ModelError

if TYPE_CHECKING:
    from pathlib import Path

HEAVY = ("cv2", "numpy", "ai_edge_litert", "tflite_runtime", "av", "gpiozero", "paho")


@pytest.fixture
def failing(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Makes ``face-edge fail`` raise what the test asks for."""

    def install(error: BaseException) -> None:
        @click.command()
        def fail() -> None:
            raise error

        monkeypatch.setitem(cli.commands, "fail", fail)

    return install


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (EdgeError("x"), 1),
        (InputError("x"), 4),
        (ModelError("x"), 6),
        (HardwareUnavailable("x"), 8),
        (AlreadyRunning("x"), 9),
    ],
)
def test_each_error_is_one_line_with_its_own_exit_code(
    failing: Any, capsys: pytest.CaptureFixture[str], error: EdgeError, code: int
) -> None:
    failing(error)
    assert main(["fail"]) == code
    assert capsys.readouterr().err == "face-edge: error: x\n"


def test_a_message_of_several_lines_becomes_one(failing: Any, capsys: pytest.CaptureFixture[str]) -> None:
    failing(InputError("first\nsecond"))
    main(["fail"])
    assert capsys.readouterr().err == "face-edge: error: first second\n"


def test_every_configuration_problem_gets_a_line(failing: Any, capsys: pytest.CaptureFixture[str]) -> None:
    failing(ConfigError("one", "two"))
    assert main(["fail"]) == 3
    assert capsys.readouterr().err == "face-edge: error: one\nface-edge: error: two\n"


def test_debug_adds_the_traceback(failing: Any, capsys: pytest.CaptureFixture[str]) -> None:
    failing(InputError("x"))
    assert main(["--debug", "fail"]) == 4
    message = capsys.readouterr().err
    assert "Traceback" in message
    assert message.endswith("face-edge: error: x\n")


def test_interruption_is_130_and_silent(failing: Any, capsys: pytest.CaptureFixture[str]) -> None:
    failing(KeyboardInterrupt())
    assert main(["fail"]) == 130
    assert capsys.readouterr().err.strip() == ""


def test_wrong_usage_is_2(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["nonsense"]) == 2
    assert main(["--set", "no-equals-sign", "config", "show"]) == 2
    assert "expected KEY=VALUE" in capsys.readouterr().err


def test_a_reader_that_goes_away_is_no_error() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        [sys.executable, "-m", "edge", "config", "show"],
        stdout=writing,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
        env={**os.environ, "FACE_EDGE_CONFIG": ""},
    )
    os.close(writing)
    assert done.stderr == ""
    assert done.returncode == 141


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"face-edge {__version__}\n"


@pytest.mark.parametrize("arguments", [["--help"], ["config", "show"]])
def test_light_commands_load_no_heavy_library(arguments: list[str]) -> None:
    code = (
        f"import sys\nfrom edge.cli import main\nmain({arguments!r})\nprint([m for m in {HEAVY!r} if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_help_names_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    text = capsys.readouterr().out
    listed = {name: entry for name, entry in COMMANDS.items() if entry.summary}
    assert all(name in text and entry.summary in text for name, entry in listed.items())
    assert set(COMMANDS) - set(listed) == {"drill", "simulate"}
    assert "drill" not in text


def test_a_command_that_moved_works_in_a_checkout_and_is_refused_elsewhere(
    face_edge: Any, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    forwarded = face_edge("drill", "--help")
    assert forwarded.returncode == 0
    assert "python -m tests.lab drill [OPTIONS]" in forwarded.stdout
    assert forwarded.stderr.splitlines() == [
        "face-edge: drill has moved to `python -m tests.lab drill`; this name will be removed"
    ]
    monkeypatch.setattr("edge.cli.moved._CHECKOUT", tmp_path)
    assert main(["drill", "kill"]) == 8
    assert capsys.readouterr().err == (
        "face-edge: error: drill needs a checkout of the sources: run `python -m tests.lab drill` there\n"
    )


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_in_the_table_exists(name: str) -> None:
    command = COMMANDS[name].load()
    assert isinstance(command, click.Command)
    assert command.name == name


def test_overrides_reach_the_configuration_and_a_commands_own_options_win() -> None:
    settings = Settings(overrides={"mqtt.broker": "embedded", "display": '[{kind="terminal"}]'})
    config = settings.load({"mqtt.broker": "off"})
    assert config.mqtt.broker == "off"
    assert [display.kind for display in config.display] == ["terminal"]
