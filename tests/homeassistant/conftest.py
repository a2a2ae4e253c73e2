"""A real Home Assistant in a process of its own, driven over a pipe."""

from __future__ import annotations

import importlib.util
import json
import os
import shlex
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


class HomeAssistant:
    """Home Assistant's core and its MQTT integration; see ``driver.py``."""

    def __init__(self, python: list[str], port: int, log: Path, automations: Path | None) -> None:
        self._log = log
        script = Path(__file__).parent / "driver.py"
        command = [*python, str(script), str(port), *([] if automations is None else [str(automations)])]
        environment = {key: value for key, value in os.environ.items() if not key.startswith(("PYTHON", "COV"))}
        with log.open("wb") as errors:
            self._process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, env=environment, text=True
            )
        self._await_ready()

    def _await_ready(self) -> None:
        assert self._process.stdout is not None
        while (line := self._process.stdout.readline()) != "ready\n":
            assert line, self._log.read_text()

    def ask(self, do: str, **details: Any) -> Any:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps({"do": do, **details}) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        assert line, self._log.read_text()
        return json.loads(line)

    def states(self) -> dict[str, str]:
        return {entity: state for entity, (state, _) in self.ask("states").items()}

    def attributes(self, entity: str) -> dict[str, Any]:
        found: dict[str, Any] = self.ask("states")[entity][1]
        return found

    def complaints(self) -> str:
        """What it logged at the level of a warning or above, a line each, since it has started."""
        return "\n".join(self.ask("complaints"))

    def press(self, button: str) -> None:
        self.ask("call", domain="button", service="press", data={"entity_id": button})

    def wait_for(self, condition: Callable[[], Any], timeout_s: float = 120.0) -> None:
        """Until ``condition``, which asks for the states, holds."""
        deadline = time.monotonic() + timeout_s
        while not condition():
            assert time.monotonic() < deadline, (self.states(), self.ask("complaints"))
            time.sleep(0.1)

    def wait(self, expected: dict[str, str | None], timeout_s: float = 120.0) -> None:
        """Until these entities have these states; ``None``: until there is no such entity."""
        deadline = time.monotonic() + timeout_s
        while True:
            states = self.states()
            found = {entity: states.get(entity) for entity in expected}
            if found == expected:
                return
            assert time.monotonic() < deadline, (found, self.ask("complaints"))
            time.sleep(0.1)

    def close(self) -> None:
        self._process.kill()
        self._process.communicate()


@pytest.fixture(scope="session")
def home_assistant_python() -> list[str]:
    """The command of a Python that has Home Assistant's package: ``$HOME_ASSISTANT_PYTHON``, or this one."""
    python = shlex.split(os.environ.get("HOME_ASSISTANT_PYTHON", ""))
    if not python and importlib.util.find_spec("homeassistant") is not None:
        python = [sys.executable]
    if not python:
        pytest.skip("needs Home Assistant's package: make test-homeassistant installs and uses it")
    return python


@pytest.fixture
def home_assistant(home_assistant_python: list[str], tmp_path: Path) -> Iterator[Callable[..., HomeAssistant]]:
    """``home_assistant(port, automations=None)``: connected to the broker on ``port``."""
    made: list[HomeAssistant] = []

    def make(port: int, automations: Path | None = None) -> HomeAssistant:
        made.append(HomeAssistant(home_assistant_python, port, tmp_path / "home-assistant.log", automations))
        return made[-1]

    yield make
    for instance in made:
        instance.close()
