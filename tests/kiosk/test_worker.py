"""The process for hostile and heavy work: answers, bounds, death and a new start."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from typing import TYPE_CHECKING, Any

import pytest

from edge.kiosk.worker import Limits, Message, Worker, WorkerFailed, manager
from edge.kiosk.worker.wire import HEADER_BYTES, MIB, OutOfBounds, lengths, pack, unpack
from edge.sandbox.broker import Access

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Coroutine
    from pathlib import Path

HANDLER = """
import os, resource, time
from edge.kiosk.worker import Message

def make(settings):
    if settings.get("broken"):
        raise RuntimeError("no network\\nhere")
    kept = []
    def handle(message):
        do = message.head.get("do")
        if do == "die":
            os._exit(3)
        if do == "sleep":
            time.sleep(60)
        if do == "raise":
            raise ValueError("bad\\ninput")
        if do == "eat":
            kept.append(bytearray(4 * 2**30))
        if do == "write":
            with open(message.head["path"], "wb", buffering=0) as file:
                file.write(b"x" * 100)
        if do == "count":
            for number in range(message.head["to"]):
                yield Message({"number": number})
            return
        if do == "flood":
            yield Message({}, bytes(2**20))
        data, nice = resource.getrlimit(resource.RLIMIT_DATA)[0], os.getpriority(os.PRIO_PROCESS, 0)
        told = {"pid": os.getpid(), "nice": nice, "data": data, **settings}
        environment = {k: v for k, v in os.environ.items() if "FACE" in k or "THREADS" in k}
        yield Message({"env": environment, **told}, message.body)
    return handle
"""


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """``run(story, **worker)``: an async story with a worker whose handler is above."""
    (tmp_path / "handlers_of_test.py").write_text(HANDLER)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(manager, "NICENESS", 0)  # at the lowest priority a busy machine would make these tests wait

    def go(story: Callable[[Worker], Coroutine[Any, Any, None]], settings: Any = None, **arguments: Any) -> None:
        async def tell() -> None:
            worker = Worker("handlers_of_test:make", settings or {}, **arguments)
            try:
                await story(worker)
            finally:
                worker.kill()

        asyncio.run(tell())

    return go


def test_it_answers_stays_and_is_bounded(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FACE_EDGE_MQTT__PASSWORD", "secret")
    monkeypatch.setattr(manager, "NICENESS", 7)

    async def story(worker: Worker) -> None:
        assert worker.pid is None, "nothing runs before it is needed"
        first = await worker.ask(Message({}, b"\x00body"), timeout_s=120)
        again = await worker.ask(Message({}), timeout_s=120)
        assert first.body == b"\x00body"
        assert first.head["pid"] == again.head["pid"] == worker.pid != os.getpid()
        assert first.head["nice"] - os.nice(0) == 7 or first.head["nice"] == 19
        assert (first.head["data"], first.head["colour"]) == (512 * MIB, "red")
        assert first.head["env"].keys() == {"OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"}

    run(story, {"colour": "red"}, limits=Limits(memory=512 * MIB))


def test_answers_come_one_by_one_and_who_stops_listening_stops_the_work(run: Any) -> None:
    async def story(worker: Worker) -> None:
        found = [one.head["number"] async for one in worker.talk(Message({"do": "count", "to": 5}), timeout_s=120)]
        assert found == [0, 1, 2, 3, 4]
        pid = worker.pid
        talk: AsyncGenerator[Message, None] = worker.talk(Message({"do": "count", "to": 10**9}), timeout_s=120)
        async with contextlib.aclosing(talk) as answers:
            async for _ in answers:
                break
        assert worker.pid is None
        assert (await worker.ask(Message({}), timeout_s=120)).head["pid"] != pid

    run(story)


def test_death_costs_one_message(run: Any) -> None:
    async def story(worker: Worker) -> None:
        with pytest.raises(WorkerFailed):
            await worker.ask(Message({"do": "die"}), timeout_s=120)
        pid = (await worker.ask(Message({}), timeout_s=120)).head["pid"]
        os.kill(pid, signal.SIGKILL)
        with pytest.raises(WorkerFailed):
            await worker.ask(Message({}), timeout_s=120)
        assert (await worker.ask(Message({}), timeout_s=120)).head["pid"] != pid

    run(story)


def test_what_takes_too_long_is_ended_and_an_error_is_an_answer(run: Any) -> None:
    async def story(worker: Worker) -> None:
        answer = await worker.ask(Message({"do": "raise"}), timeout_s=120)
        assert answer.head == {"error": "ValueError: bad input"}
        with pytest.raises(WorkerFailed, match="longer than"):
            await worker.ask(Message({"do": "sleep"}), timeout_s=0.1)
        assert worker.pid is None

    run(story)


def test_memory_files_and_messages_are_bounded(run: Any, tmp_path: Path) -> None:
    async def story(worker: Worker) -> None:
        assert (await worker.ask(Message({"do": "eat"}), timeout_s=120)).head == {"error": "out of memory"}
        write = Message({"do": "write", "path": str(tmp_path / "x")})
        answer = await worker.ask(write, timeout_s=120, access=Access(write=(str(tmp_path),)))
        assert "File too large" in answer.head["error"]
        with pytest.raises(WorkerFailed, match="more than"):
            await worker.ask(Message({"do": "flood"}), timeout_s=120)

    run(story, limits=Limits(message=MIB))


def test_one_that_cannot_start_says_why_and_is_not_tried_at_once(run: Any) -> None:
    async def story(worker: Worker) -> None:
        with pytest.raises(WorkerFailed, match="no network here"):
            await worker.ask(Message({}), timeout_s=120)
        with pytest.raises(WorkerFailed):
            await worker.ask(Message({}), timeout_s=120)
        with pytest.raises(WorkerFailed, match="rests"):
            await worker.ask(Message({}), timeout_s=120)

    run(story, {"broken": True})


def test_it_ends_when_nobody_needs_it(run: Any) -> None:
    async def story(worker: Worker) -> None:
        await worker.ask(Message({}), timeout_s=120)
        pids = [worker.pid]
        assert pids[0] is not None
        while pids[-1] is not None and len(pids) < 3000:
            await asyncio.sleep(0.02)
            pids.append(worker.pid)
        assert pids[-1] is None

    run(story, idle_s=0.1)


def test_the_wire_refuses_what_is_no_message() -> None:
    last, message = unpack(pack(Message({"a": 1}))[HEADER_BYTES:], b"")
    assert (last, message.head) == (True, {"a": 1})
    with pytest.raises(OutOfBounds):
        lengths(b"\xff" * HEADER_BYTES, 1000)
    for head in (b"", b"{}", b"[1, 2]", b"[true, []]", b"[" * 100_000):
        with pytest.raises(OutOfBounds):
            unpack(head, b"")
