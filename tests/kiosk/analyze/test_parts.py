"""Order, store and pace, by themselves."""

from __future__ import annotations

import asyncio
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from edge.analysis.inputs import Kind
from edge.kiosk.analyze.intake import shown_name
from edge.kiosk.analyze.jobs import Job, State, VisitorSession
from edge.kiosk.analyze.order import in_order
from edge.kiosk.analyze.pace import Pace
from edge.kiosk.analyze.store import Store, candidates
from edge.kiosk.paths import Client

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    made = asyncio.new_event_loop()
    yield made
    made.close()


def room(loop: Any, name: str, *kinds: Kind, served: int = 0) -> VisitorSession:
    made = VisitorSession(name, Client("192.0.2.1"), loop)
    made.served = served
    for index, kind in enumerate(kinds):
        job = Job(f"{name}{index}", "", kind, "", 1, Path(), 1, state=State.WAITING, since_s=float(index))
        made.jobs[job.id] = job
    return made


def names(rooms: list[VisitorSession]) -> list[str]:
    return [job.id for _, job in in_order(rooms)]


def test_visitors_take_turns(loop: Any) -> None:
    many = room(loop, "a", *[Kind.PICTURE] * 4)
    few = room(loop, "b", Kind.PICTURE)
    assert names([many, few]) == ["a0", "b0", "a1", "a2", "a3"]
    many.served = 9
    assert names([many, few]) == ["b0", "a0", "a1", "a2", "a3"]


def test_pictures_come_before_videos(loop: Any) -> None:
    one, two = room(loop, "a", Kind.VIDEO, Kind.PICTURE, Kind.PICTURE), room(loop, "b", Kind.VIDEO, Kind.PICTURE)
    assert names([one, two]) == ["a1", "b1", "a2", "b0", "a0"]


def test_only_what_waits_has_a_turn(loop: Any) -> None:
    one = room(loop, "a", Kind.PICTURE, Kind.PICTURE)
    one.jobs["a0"].state = State.UPLOADING
    assert names([one]) == ["a1"]


def test_a_new_store_removes_what_dead_ones_left_and_nothing_of_the_living(tmp_path: Path) -> None:
    living, dead, new = (Store(10**6, parents=lambda: [tmp_path]) for _ in range(3))
    living.open()
    kept = living.make("a")
    dead.open()
    left = dead.make("b")
    (left / "upload").write_bytes(b"x")
    assert dead._lock is not None
    os.close(dead._lock)  # as the end of its process does
    dead._lock = None
    new.open()
    assert kept.is_dir()
    assert not left.exists()
    for store in (living, new, new):
        store.close()
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_a_folder_that_is_not_ours_alone_is_not_used(tmp_path: Path) -> None:
    taken = tmp_path / "taken"
    free = tmp_path / "free"
    for place in (taken, free):
        place.mkdir()
    (taken / f"face-edge-uploads-{os.getuid()}").mkdir(mode=0o777)
    (taken / f"face-edge-uploads-{os.getuid()}").chmod(0o777)
    store = Store(10**6, parents=lambda: [taken, free])
    store.open()
    assert store.folder is not None
    assert store.folder.is_relative_to(free)
    store.close()
    with pytest.raises(OSError, match="no folder"):
        Store(1, parents=lambda: [taken]).open()


def test_memory_is_preferred_where_there_is_some(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    if not os.access("/dev/shm", os.W_OK):
        pytest.skip("/dev/shm cannot be written")
    monkeypatch.delenv("RUNTIME_DIRECTORY", raising=False)
    monkeypatch.delenv("XDG_RUNTIME_DIR", raising=False)
    assert Path("/dev/shm") in candidates()
    store = Store(10**6, parents=lambda: [tmp_path, Path("/dev/shm")])
    store.open()
    try:
        assert store.folder is not None
        assert store.in_memory
        assert store.budget <= 10**6
    finally:
        store.close()


def test_the_pace_holds_all_together() -> None:
    async def three() -> float:
        pace = Pace(1_000_000)
        started = time.monotonic()
        await asyncio.gather(*(pace.take(300_000) for _ in range(3)))
        return time.monotonic() - started

    assert asyncio.run(three()) >= 0.85


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("a.jpg", "a.jpg"),
        ("../../etc/passwd", "passwd"),
        ("C:\\pictures\\me.png", "me.png"),
        ("a\r\nb\u202e.jpg", "a b .jpg"),
        ("", "file"),
        ("x" * 999, "x" * 200),
    ],
)
def test_names_are_shown_without_tricks(given: str, shown: str) -> None:
    assert shown_name(given) == shown


def test_a_closed_store_takes_nothing(tmp_path: Path) -> None:
    store = Store(10**6, parents=lambda: [tmp_path])
    with pytest.raises(OSError, match="no place"):
        store.make("a")
    store.open()
    store.close()
    with pytest.raises(OSError, match="no place"):
        store.make("a")
