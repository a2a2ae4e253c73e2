"""Documentation as the tests see it, and the device that its examples speak to."""

from __future__ import annotations

import re
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from edge import config as configuration
from edge.runtime import build
from edge.sinks.display.simulated import simulated_pins

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

DOCS = Path(__file__).parents[2] / "docs"
BLOCK = re.compile(r"^```(\w+) (\S+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


class Page:
    """One page: its text, and its code blocks by language and name."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.text = path.read_text(encoding="utf-8")
        self.blocks = [found.groups() for found in BLOCK.finditer(self.text)]

    def block(self, language: str, name: str) -> str:
        (text,) = [text for kind, title, text in self.blocks if (kind, title) == (language, name)]
        return str(text)

    def names(self, language: str) -> list[str]:
        return [title for kind, title, _ in self.blocks if kind == language]


@pytest.fixture
def page() -> Callable[[str], Page]:
    """``page("mqtt.md")``."""
    return lambda name: Page(DOCS / name)


@pytest.fixture
def docs() -> Path:
    return DOCS


@pytest.fixture
def hall(tmp_path: Path) -> Iterator[Callable[[str], Any]]:
    """``hall(broker)``: a device called ``hall``, at work on a drawn scene."""
    running: list[tuple[Any, Any, threading.Thread]] = []

    def start(broker: str) -> None:
        flags = {
            "node.id": "hall",
            "node.state_dir": tmp_path / "state",
            "source.uri": "virtual:portrait",
            "mqtt.broker": broker,
            "display": [{"kind": "rgb_led", "red": 17, "green": 27, "blue": 22, "min_hold_s": 0}],
        }
        wiring = build.device(configuration.load(environment={}, flags=flags))
        thread = threading.Thread(target=wiring.device.run)
        thread.start()
        running.append((wiring.device, wiring.resources, thread))

    with simulated_pins():
        yield start
        for device, resources, thread in running:
            device.stop()
            thread.join(60)
            assert not thread.is_alive()
            resources.close()
