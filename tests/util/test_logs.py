from __future__ import annotations

import json
import logging
import socket
from typing import TYPE_CHECKING, Literal

import pytest

from edge.config import LogConfig
from edge.util import logs

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
def test_the_journal_gets_fields_and_no_line_ends(journal: socket.socket, capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure(LogConfig(format="journal"))
    try:
        _ = 1 / 0
    except ZeroDivisionError:
        logging.getLogger("edge.x").exception("it broke:\nä")
    found = fields(journal.recv(65536))
    assert (found["MESSAGE"], found["PRIORITY"], found["LOGGER"]) == (
        "it broke:\N{REPLACEMENT CHARACTER}ä",
        "3",
        "edge.x",
    )
    assert found["CODE_FUNC"] == "test_the_journal_gets_fields_and_no_line_ends"
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


FORGED = "x\n12:30:01 WARNING edge: forged\x1b[2J\x9b2J\u2028y\u202ez\x7f"


@pytest.mark.usefixtures("root_as_it_was")
@pytest.mark.parametrize("form", ["text", "json"])
def test_what_strangers_chose_begins_no_line_and_controls_no_terminal(
    capsys: pytest.CaptureFixture[str], form: Literal["text", "json"]
) -> None:
    logs.configure(LogConfig(format=form))
    try:
        raise ValueError(FORGED)  # noqa: TRY301 - what a library raises
    except ValueError:
        logging.getLogger("edge.x").exception("a client %s", FORGED)
    logging.getLogger(FORGED).warning("of a library")
    written = capsys.readouterr().err
    assert all(letter.isprintable() or letter == "\n" for letter in written)
    assert "forged" in written
    assert not [line for line in written.splitlines() if line.startswith("12:30:01 WARNING edge")]


@pytest.mark.usefixtures("root_as_it_was")
def test_no_place_in_the_program_floods_the_log(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    now_s = 1000.0
    monkeypatch.setattr("edge.util.logs.time.monotonic", lambda: now_s)
    logs.configure(LogConfig())
    ours = logging.getLogger("edge.x")

    def flood(count: int) -> list[str]:
        for number in range(count):
            ours.warning("the key %d is refused", number)
        return capsys.readouterr().err.splitlines()

    assert len(flood(10_000)) == 50
    ours.warning("another place still writes")
    assert "another place" in capsys.readouterr().err
    now_s += 2.1
    (line,) = flood(10_000)
    assert line.endswith("the key 0 is refused (and 9950 more like this)")
    now_s += 600
    assert len(flood(10_000)) == 50


def test_keys_that_a_sender_chooses_are_bounded_together(monkeypatch: pytest.MonkeyPatch) -> None:
    now_s = 1000.0
    monkeypatch.setattr("edge.util.logs.time.monotonic", lambda: now_s)
    rarely = logs.LogThrottle(60.0)
    assert sum(rarely.due(f"key {number}") for number in range(10_000)) == 32
    assert not rarely.due("key 0")
    now_s += 61
    assert rarely.due("key 0")
    assert not rarely.due("key 0")
    assert sum(rarely.due(number) for number in range(10_000)) == 31
