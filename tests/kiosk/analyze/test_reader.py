"""What becomes of a file whose worker does badly, and of the next one."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from edge import config as configuration
from edge.analysis.inputs import Kind
from edge.kiosk.analyze import reader as readers
from edge.kiosk.analyze.jobs import Job, State
from edge.kiosk.analyze.reader import Reader
from edge.kiosk.worker import program

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

HANDLER = """
import os, time
from edge.kiosk.worker import Message

def make(settings):
    def handle(message):
        yield Message({"done": 0.5, "time_s": 1.0})
        name = message.head["name"]
        if name == "crash":
            os._exit(3)
        if name == "hang":
            time.sleep(60)
        if name == "eat":
            raise MemoryError
        if name == "raise":
            raise ValueError("unforeseen")
        if name == "bad":
            yield Message({"failed": "damaged", "detail": "is cut off"})
            return
        yield Message({"finished": True})
    return handle
"""


@pytest.fixture
def make_reader(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], Reader]:
    """Makes a reader whose worker has the handler above."""
    (tmp_path / "handlers_of_reader.py").write_text(HANDLER)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(program, "NICENESS", 0)
    config = configuration.load(environment={}, flags={})
    return lambda: Reader(config, lambda: 10**6, entry="handlers_of_reader:make")


@pytest.fixture
def read(tmp_path: Path, make_reader: Callable[[], Reader]) -> Callable[..., list[Job]]:
    """``read(*names)``: jobs of these names, read one after the other."""

    def go(*names: str) -> list[Job]:
        async def story() -> list[Job]:
            reader = make_reader()
            jobs = [Job(name, name, Kind.PICTURE, "PNG", 1, tmp_path, 1, state=State.RUNNING) for name in names]
            for job in jobs:
                await reader.read(job, 0, lambda: None)
            reader.kill()
            return jobs

        return asyncio.run(story())

    return go


@pytest.mark.parametrize(("name", "error"), [("crash", "crashed"), ("eat", "memory"), ("raise", "crashed")])
def test_failures_are_named_and_the_next_file_is_read(read: Any, name: str, error: str) -> None:
    first, second, good = read(name, name, "good")
    for job in (first, second):
        assert (job.state, job.error) == (State.FAILED, error)
    assert (good.state, good.error, good.done) == (State.DONE, "", 1.0)


def test_a_reader_that_falls_silent_is_ended(read: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readers, "SILENCE_S", 3.0)
    hung, good = read("hang", "good")
    assert (hung.state, hung.error) == (State.FAILED, "too_slow")
    assert good.state is State.DONE


def test_a_bad_file_is_said_and_the_next_is_read(read: Any) -> None:
    bad, good = read("bad", "good")
    assert (bad.state, bad.error, bad.detail) == (State.FAILED, "damaged", "is cut off")
    assert good.state is State.DONE


def test_cancelling_ends_the_worker(make_reader: Callable[[], Reader], tmp_path: Path) -> None:
    async def story() -> None:
        reader = make_reader()
        job = Job("hang", "hang", Kind.PICTURE, "PNG", 1, tmp_path, 1)
        told = asyncio.Event()
        task = asyncio.create_task(reader.read(job, 0, told.set))
        await told.wait()
        assert reader.worker is not None
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert reader.worker.pid is None
        reader.kill()

    asyncio.run(story())


def test_each_file_has_a_process_that_ends_with_it(make_reader: Callable[[], Reader], tmp_path: Path) -> None:
    async def story() -> None:
        reader = make_reader()
        pids, templates = [], set()
        for name in ("good", "bad", "raise", "good"):
            job = Job(name, name, Kind.PICTURE, "PNG", 1, tmp_path, 1)

            def note() -> None:
                assert reader.worker is not None
                pids.append(reader.worker.pid)

            await reader.read(job, 0, note)
            assert reader.worker is not None
            assert reader.worker.pid is None
            templates.add(reader.template.pid)
        assert len(set(pids)) == 4
        assert len(templates) == 1, "loaded once"
        reader.kill()

    asyncio.run(story())
