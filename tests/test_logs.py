from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING

import pytest

from edge import logs
from edge.config import LogConfig

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def root_as_it_was() -> Iterator[None]:
    root, ours = logging.getLogger(), logging.getLogger("edge")
    before = (root.handlers[:], root.level, ours.level)
    yield
    root.handlers[:], root.level, ours.level = before


@pytest.mark.usefixtures("root_as_it_was")
def test_text_is_one_line_an_event(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure(LogConfig())
    logging.getLogger("edge.sinks.mqtt").warning("broker %s refused", "x")
    logging.getLogger("edge").debug("not shown")
    logging.getLogger("somelibrary").info("not shown")
    (line,) = capsys.readouterr().err.splitlines()
    assert line.endswith("WARNING sinks.mqtt: broker x refused")


@pytest.mark.usefixtures("root_as_it_was")
def test_json_is_one_object_an_event_with_its_traceback(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure(LogConfig(format="json", level="debug"))
    try:
        _ = 1 / 0
    except ZeroDivisionError:
        logging.getLogger("edge.x").exception("it broke: ä")
    (line,) = capsys.readouterr().err.splitlines()
    record = json.loads(line)
    assert (record["level"], record["logger"], record["message"]) == ("error", "edge.x", "it broke: ä")
    assert "ZeroDivisionError" in record["traceback"]
