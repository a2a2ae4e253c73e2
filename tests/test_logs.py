from __future__ import annotations

import json
import logging
import socket
from typing import TYPE_CHECKING

import pytest

from edge import logs
from edge.config import LogConfig

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def root_as_it_was() -> Iterator[None]:
    root, ours = logging.getLogger(), logging.getLogger("edge")
    before = (root.handlers[:], root.level, ours.level)
    yield
    for handler in set(root.handlers) - set(before[0]):
        handler.close()
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


@pytest.fixture
def journal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[socket.socket]:
    """What listens where the journal does."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as made:
        made.bind(str(tmp_path / "socket"))
        made.settimeout(5)
        monkeypatch.setattr(logs, "JOURNAL", str(tmp_path / "socket"))
        yield made


def fields(datagram: bytes) -> dict[str, str]:
    """Of journald's native protocol, each with its length."""
    found = {}
    while datagram:
        name, _, rest = datagram.partition(b"\n")
        length = int.from_bytes(rest[:8], "little")
        found[name.decode()] = rest[8 : 8 + length].decode()
        assert rest[8 + length : 9 + length] == b"\n"
        datagram = rest[9 + length :]
    return found


@pytest.mark.usefixtures("root_as_it_was")
def test_the_journal_gets_fields_and_line_ends(journal: socket.socket, capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure(LogConfig(format="journal"))
    try:
        _ = 1 / 0
    except ZeroDivisionError:
        logging.getLogger("edge.x").exception("it broke:\nä")
    found = fields(journal.recv(65536))
    assert (found["MESSAGE"], found["PRIORITY"], found["LOGGER"]) == ("it broke:\nä", "3", "edge.x")
    assert found["CODE_FUNC"] == "test_the_journal_gets_fields_and_line_ends"
    assert "ZeroDivisionError" in found["TRACEBACK"]
    logging.getLogger("edge").info("fine")
    assert fields(journal.recv(65536))["PRIORITY"] == "6"
    journal.close()
    logging.getLogger("edge").warning("still told")
    assert "still told" in capsys.readouterr().err


@pytest.mark.usefixtures("root_as_it_was")
def test_without_a_journal_there_is_text(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(logs, "JOURNAL", str(tmp_path / "none"))
    logs.configure(LogConfig(format="journal"))
    logging.getLogger("edge").warning("told")
    assert capsys.readouterr().err.endswith("WARNING edge: told\n")
