"""Full disks, lost and damaged files, clocks that step: events go on, and are written again when they can be."""

from __future__ import annotations

import logging
import os
import resource
import shutil
import sqlite3
import time
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest

from edge.sinks.mqtt.outbox.file import Bounds, OutboxFile, Row
from edge.sinks.mqtt.outbox.stream_queue import READ_AHEAD
from edge.sinks.mqtt.topics import Publication, Topics
from edge.util.sqlite import FileDamaged

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

TOPICS = Topics.of("face-edge", "n1")


def event(number: int) -> Publication:
    return Publication(TOPICS.event, f'{{"seq":{number}}}', seq=number)


def take_all(outbox: Any, count: int, eventually: Any) -> list[int]:
    """The numbers of the next ``count`` messages, each acknowledged at once."""
    numbers: list[int] = []

    def more() -> bool:
        while (entry := outbox.take()) is not None:
            outbox.acknowledged(entry)
            numbers.append(entry.publication.seq)
        return len(numbers) >= count

    assert eventually(more), numbers
    return numbers


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "outbox-n1.sqlite3"


@pytest.fixture
def said(caplog: pytest.LogCaptureFixture) -> Callable[[], list[str]]:
    caplog.set_level(logging.INFO, "edge")
    return lambda: [record.message for record in caplog.records if record.name.startswith("edge")]


@pytest.fixture
def full_disk(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[bool], None]]:
    """``full_disk(True)``: no file of this process may grow beyond a few bytes."""
    monkeypatch.setattr("edge.sinks.mqtt.outbox.writer._FIRST_RETRY_S", 0.02)
    monkeypatch.setattr("edge.sinks.mqtt.outbox.writer._RETRY_MAX_S", 0.02)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)

    def fill(full: bool) -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (16 if full else soft, hard))

    yield fill
    fill(False)


def test_what_was_not_acknowledged_is_there_after_a_restart_and_numbers_go_on(
    make_outbox: Any, path: Path, eventually: Any, said: Any
) -> None:
    outbox = make_outbox(path)
    assert outbox.next_seq() == {"event": 0, "aggregate": 0}
    for number in range(10):
        outbox.put(event(number))
    outbox.put(Publication(TOPICS.aggregate, "{}", seq=4))
    assert take_all(outbox, 3, eventually)[:3] == [0, 1, 2]
    rest = outbox.depth
    outbox.close()
    again = make_outbox(path)
    assert again.next_seq() == {"event": 10, "aggregate": 5}
    assert again.depth == rest
    assert said()[0:1] == ([f"{rest} events wait in {path} for the next start"] if rest else [])


def test_nothing_may_be_sent_before_it_is_committed(make_outbox: Any, path: Path, eventually: Any) -> None:
    outbox = make_outbox(path, commit_interval_s=3600)
    assert eventually(lambda: outbox._writer._written_s > 0)  # the counters
    outbox.put(event(0))  # within the interval: it waits
    time.sleep(0.1)
    assert outbox.take() is None
    outbox.hurry()
    assert take_all(outbox, 1, eventually) == [0]


def test_a_long_backlog_is_not_held_in_memory(make_outbox: Any, path: Path, eventually: Any) -> None:
    count = 3 * READ_AHEAD + 7
    outbox = make_outbox(path)
    for number in range(count):
        outbox.put(event(number))
    assert eventually(lambda: not outbox._state.unsaved)
    queue = outbox._state.queues["event"]
    assert (len(queue.ready), outbox.depth) == (READ_AHEAD, count)
    outbox.close()
    assert take_all(make_outbox(path), count, eventually) == list(range(count))


def test_on_disk_the_oldest_are_dropped_beyond_the_bound_counted_and_said_once(
    make_outbox: Any, path: Path, eventually: Any, said: Any
) -> None:
    outbox = make_outbox(path, max_messages=10)
    for number in range(15):
        outbox.put(event(number))
    assert eventually(lambda: outbox.drops == 5)
    for number in range(15, 40):
        outbox.put(event(number))
    assert eventually(lambda: (outbox.depth, outbox.drops) == (10, 30))
    assert take_all(outbox, 10, eventually) == list(range(30, 40))
    (line,) = said()
    assert line.startswith("the outbox is full (10 messages, or older than 7 days): the oldest are dropped")


def test_what_is_too_old_is_dropped(
    make_outbox: Any, path: Path, eventually: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    outbox = make_outbox(path)
    outbox.put(event(0))
    outbox.close()
    true_time = time.time
    monkeypatch.setattr(time, "time", lambda: true_time() + 8 * 86_400)
    again = make_outbox(path)
    again.put(event(1))
    assert eventually(lambda: again.drops == 1)
    assert take_all(again, 1, eventually) == [1]


def test_a_clock_that_is_set_late_makes_nothing_old(
    make_outbox: Any, path: Path, eventually: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    true_time = time.time
    monkeypatch.setattr(time, "time", lambda: true_time() - 30 * 86_400)
    outbox = make_outbox(path)
    outbox.put(event(0))
    assert eventually(lambda: not outbox._state.unsaved)
    monkeypatch.setattr(time, "time", true_time)
    outbox.put(event(1))
    assert eventually(lambda: not outbox._state.unsaved)
    outbox.close()
    again = make_outbox(path)
    again.put(event(2))
    assert take_all(again, 3, eventually) == [0, 1, 2]
    assert again.drops == 0


def test_a_full_disk_is_said_once_events_are_sent_and_written_again_when_there_is_room(  # noqa: PLR0917
    make_outbox: Any, path: Path, eventually: Any, said: Any, full_disk: Any, monkeypatch: Any
) -> None:
    monkeypatch.setattr("edge.sinks.mqtt.outbox.outbox.UNSAVED_MAX", 6)
    outbox = make_outbox(path)
    outbox.put(event(0))
    assert eventually(lambda: not outbox._state.unsaved)
    full_disk(True)
    for number in range(1, 4):
        outbox.put(event(number))
    assert eventually(lambda: outbox._state.allow_unsaved)
    assert not outbox.lasting
    assert take_all(outbox, 4, eventually) == [0, 1, 2, 3]
    for number in range(4, 14):
        outbox.put(event(number))
    assert (outbox.depth, outbox.drops) == (6, 4)  # bounded
    full_disk(False)
    assert eventually(lambda: outbox.lasting)
    assert eventually(lambda: f"{path} can be written again" in said())
    lines = said()
    assert lines[0].startswith(f"{path} cannot be used: ")
    assert lines[0].endswith("; events are kept in memory until it can")
    assert [line for line in lines if "cannot be used" in line] == lines[:1]
    assert lines.count(f"{path} can be written again") == 1
    outbox.close()
    again = make_outbox(path)
    assert again.next_seq()["event"] == 14
    assert take_all(again, 6, eventually) == list(range(8, 14))


def test_a_removed_folder_is_made_again_with_all_that_waited(
    make_outbox: Any, path: Path, eventually: Any, said: Any
) -> None:
    count = 2 * READ_AHEAD
    outbox = make_outbox(path)
    for number in range(count):
        outbox.put(event(number))
    assert eventually(lambda: not outbox._state.unsaved)
    shutil.rmtree(path.parent)
    outbox.put(event(count))
    assert eventually(path.exists)
    assert eventually(lambda: not outbox._state.unsaved)
    assert said() == [f"{path} has disappeared: it is recreated"]
    outbox.close()
    again = make_outbox(path)
    assert (again.depth, again.next_seq()["event"]) == (count + 1, count + 1)
    assert take_all(again, count + 1, eventually) == list(range(count + 1))


def test_a_path_that_cannot_be_made_is_said_once_and_used_once_it_can(
    make_outbox: Any, path: Path, eventually: Any, said: Any, full_disk: Any
) -> None:
    del full_disk  # for its short pauses
    path.parent.write_text("a file in the way")
    outbox = make_outbox(path)
    outbox.put(event(0))
    assert take_all(outbox, 1, eventually) == [0]
    outbox.put(event(1))
    path.parent.unlink()
    assert eventually(path.exists)
    assert eventually(lambda: outbox.lasting)
    assert [line for line in said() if "cannot be used" in line] == [
        f"{path} cannot be used: File exists; events are kept in memory until it can"
    ]
    outbox.close()
    again = make_outbox(path)
    assert again.next_seq()["event"] == 2
    assert take_all(again, 1, eventually) == [1]


def test_a_file_that_becomes_readable_late_is_sent_too(
    make_outbox: Any, path: Path, eventually: Any, full_disk: Any
) -> None:
    del full_disk
    first = make_outbox(path)
    for number in range(3):
        first.put(event(number))
    first.close()
    holder = sqlite3.connect(path)
    holder.execute("BEGIN EXCLUSIVE")
    second = make_outbox(path)
    assert second.next_seq()["event"] == 3  # read from a copy
    second.put(event(3))
    assert take_all(second, 1, eventually) == [3]
    second.put(event(4))
    holder.close()
    assert sorted(take_all(second, 4, eventually)) == [0, 1, 2, 4]
    second.close()
    assert make_outbox(path).next_seq()["event"] == 5


@pytest.mark.parametrize("damage", ["rubbish", "other tables"])
def test_a_file_of_no_use_is_set_aside_with_one_line(
    make_outbox: Any, path: Path, eventually: Any, said: Any, damage: str
) -> None:
    path.parent.mkdir()
    if damage == "rubbish":
        path.write_bytes(os.urandom(5000))
    else:
        with sqlite3.connect(path) as connection:
            connection.execute("CREATE TABLE message (x)")
        connection.close()
    outbox = make_outbox(path)
    outbox.put(event(0))
    assert take_all(outbox, 1, eventually) == [0]
    (line,) = said()
    assert line.startswith(f"{path} is damaged (")
    assert line.endswith(f"): it was renamed to {path.name}.damaged-1; a new file was created")
    assert path.with_name(f"{path.name}.damaged-1").exists()


def test_damage_found_while_running_costs_what_was_in_the_file_alone(
    make_outbox: Any, path: Path, eventually: Any, said: Any
) -> None:
    first = make_outbox(path)
    for number in range(3 * READ_AHEAD):
        first.put(event(number))
    first.close()
    size = path.stat().st_size
    with path.open("r+b") as stream:
        stream.seek(size // 2)
        stream.write(os.urandom(size // 4))
    outbox = make_outbox(path)
    for number in range(3 * READ_AHEAD, 3 * READ_AHEAD + 10):
        outbox.put(event(number))
    numbers = take_all(outbox, 10, eventually)
    assert eventually(lambda: take_all(outbox, 0, eventually) == [] and not outbox._state.unsaved)
    assert numbers == sorted(set(numbers))
    assert sum("was renamed" in line for line in said()) == 1


def test_a_file_of_a_newer_version_is_set_aside_too(make_outbox: Any, path: Path, eventually: Any, said: Any) -> None:
    make_outbox(path).close()
    for _ in range(2):
        with sqlite3.connect(path) as connection:
            connection.execute("PRAGMA user_version = 7")
        connection.close()
        outbox = make_outbox(path)
        outbox.put(event(0))
        assert take_all(outbox, 1, eventually) == [0]
        outbox.close()
    assert [line.rpartition(" is of schema ")[2] for line in said()] == [
        f"version 7, newer than 1: it was renamed to {path.name}.version-7-{n}; a new file was created" for n in (1, 2)
    ]


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE message SET at = 'soon'",
        "UPDATE message SET seq = 'first'",
        "UPDATE message SET payload = x'ff00'",
        "UPDATE counter SET next = 'later'",
    ],
)
def test_a_cell_that_was_never_written_is_damage(path: Path, change: str) -> None:
    bounds = Bounds(10, 0.0)
    with closing(OutboxFile(path)) as file:
        file.write([Row(1, "event", 1.0, 0, "{}")], [], {"event": 1}, bounds=bounds)
    with closing(sqlite3.connect(path, isolation_level=None)) as cells:
        assert cells.execute(change).rowcount == 1

    def use() -> None:
        with closing(OutboxFile(path)) as file:
            file.read("event", 0, 10)
            file.write([], [], {"event": 2}, bounds=bounds)

    with pytest.raises(FileDamaged) as raised:
        use()
    assert "\n" not in str(raised.value)
