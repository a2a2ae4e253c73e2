"""The process for hostile and heavy work: answers, bounds, death and a new start."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from edge.kiosk.worker import Limits, Message, Program, Template, Worker, WorkerFailed, program
from edge.kiosk.worker.wire import HEADER_BYTES, MIB, OutOfBounds, lengths, pack, unpack
from edge.sandbox.broker import Access

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Coroutine

HANDLER = """
import os, resource, threading, time
from edge.kiosk.worker import Message

def make(settings):
    if settings.get("threads"):
        threading.Thread(target=time.sleep, args=(600,), daemon=True).start()
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
    monkeypatch.setattr(program, "NICENESS", 0)  # at the lowest priority a busy machine would make these tests wait

    def go(
        story: Callable[[Worker], Coroutine[Any, Any, None]], settings: Any = None, *, idle_s: float = 30, **more: Any
    ) -> None:
        async def tell() -> None:
            worker = Worker(Program("handlers_of_test:make", settings or {}, **more), idle_s=idle_s)
            try:
                await story(worker)
            finally:
                worker.kill()

        asyncio.run(tell())

    return go


def test_it_answers_stays_and_is_bounded(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FACE_EDGE_MQTT__PASSWORD", "secret")
    monkeypatch.setattr(program, "NICENESS", 7)

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


@pytest.fixture
def copies(run: Any) -> Callable[..., None]:
    """``copies(story, settings)``: an async story with a template whose handler is above."""
    del run

    def go(story: Callable[[Template], Coroutine[Any, Any, None]], settings: Any = None) -> None:
        async def tell() -> None:
            template = Template(Program("handlers_of_test:make", settings or {}))
            try:
                await story(template)
            finally:
                template.kill()

        asyncio.run(tell())

    return go


async def pid_of(worker: Worker) -> int:
    found: int = (await worker.ask(Message({}), timeout_s=120)).head["pid"]
    return found


def status_of(pid: int) -> list[str]:
    """State and parent of a process; of one that has ended the state is X, or Z until its parent waits for it."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()[:2]
    except OSError:
        return ["X", ""]


async def until(condition: Callable[[], bool]) -> bool:
    for _ in range(3000):
        if condition():
            return True
        await asyncio.sleep(0.02)
    return False


async def until_gone(pid: int) -> bool:
    return await until(lambda: status_of(pid)[0] in "ZX")


def test_copies_of_a_template_are_processes_of_their_own(copies: Any) -> None:
    async def story(template: Template) -> None:
        one, other = Worker(template), Worker(template)
        pids = await asyncio.gather(pid_of(one), pid_of(other))
        assert len({*pids, template.pid, os.getpid()}) == 4
        assert {status_of(pid)[1] for pid in pids} == {str(template.pid)}, "loaded once"
        one.kill()
        assert await until_gone(pids[0])
        assert await pid_of(other) == pids[1]
        other.kill()

    copies(story)


def test_where_a_copy_dies_the_next_comes_from_a_new_template_and_others_live_on(copies: Any) -> None:
    async def story(template: Template) -> None:
        one, other = Worker(template), Worker(template)
        survivor, first = await pid_of(other), template.pid
        with pytest.raises(WorkerFailed):
            await one.ask(Message({"do": "die"}), timeout_s=120)
        await pid_of(one)
        assert template.pid != first
        assert await pid_of(other) == survivor
        other.kill()
        one.kill()
        assert await until_gone(first or 0), "it ends with the last copy"

    copies(story)


def test_ending_a_copy_or_taking_too_long_costs_no_new_template(copies: Any) -> None:
    async def story(template: Template) -> None:
        worker = Worker(template)
        await pid_of(worker)
        first = template.pid
        with pytest.raises(WorkerFailed, match="longer than"):
            await worker.ask(Message({"do": "sleep"}), timeout_s=0.1)
        asking = asyncio.create_task(worker.ask(Message({"do": "sleep"}), timeout_s=120))
        assert await until(lambda: worker.pid is not None)
        worker.kill()
        with pytest.raises(WorkerFailed):
            await asking
        assert template.pid == first

    copies(story)


def test_the_end_of_a_template_is_the_end_of_its_copies(copies: Any) -> None:
    async def story(template: Template) -> None:
        worker = Worker(template)
        pids = [await pid_of(worker), template.pid or 0]
        template.kill()
        for pid in pids:
            assert await until_gone(pid)
        worker.kill()

    copies(story)


def test_a_template_that_nobody_needs_ends_and_copies_go_on(copies: Any) -> None:
    async def story(template: Template) -> None:
        template._idle_s = 0.1
        worker = Worker(template)
        copy, first = await pid_of(worker), template.pid or 0
        assert await until(lambda: template.pid is None)
        assert await pid_of(worker) == copy
        worker.kill()
        assert await until_gone(first)

    copies(story)


def test_a_template_can_be_loaded_ahead(copies: Any) -> None:
    async def story(template: Template) -> None:
        template.prepare()
        template.prepare()
        assert template._loading is not None
        await template._loading
        ready = template.pid
        worker = Worker(template)
        await pid_of(worker)
        assert template.pid == ready
        worker.kill()

    copies(story)


def test_a_template_that_cannot_load_says_why_and_rests(copies: Any) -> None:
    async def story(template: Template) -> None:
        worker = Worker(template)
        with pytest.raises(WorkerFailed, match="no network here"):
            await pid_of(worker)
        with pytest.raises(WorkerFailed, match="no network here"):
            await pid_of(Worker(template))
        with pytest.raises(WorkerFailed, match="rests"):
            await pid_of(Worker(template))

    copies(story, {"broken": True})


def test_one_that_stops_waiting_does_not_stop_the_loading(copies: Any) -> None:
    async def story(template: Template) -> None:
        waiting = asyncio.create_task(pid_of(Worker(template)))
        assert await until(lambda: template.pid is not None)
        first = template.pid
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        worker = Worker(template)
        await pid_of(worker)
        assert template.pid == first
        worker.kill()

    copies(story)


def test_one_that_is_paused_while_it_starts_stands_still(copies: Any) -> None:
    async def story(template: Template) -> None:
        worker = Worker(template)
        asking = asyncio.create_task(pid_of(worker))
        await asyncio.sleep(0)
        worker.pause()
        assert await until(lambda: worker.pid is not None and status_of(worker.pid)[0] == "T")
        assert not asking.done()
        worker.resume()
        assert await asking == worker.pid
        worker.kill()

    copies(story)


def test_a_handler_with_threads_is_started_anew_for_each(copies: Any, caplog: pytest.LogCaptureFixture) -> None:
    async def story(template: Template) -> None:
        one, other = Worker(template), Worker(template)
        assert await pid_of(one) != await pid_of(other)
        assert template.pid is None
        one.kill()
        other.kill()

    copies(story, {"threads": True})
    assert len(caplog.records) == 1
    assert "a library has started threads" in caplog.text


def test_the_wire_refuses_what_is_no_message() -> None:
    last, message = unpack(pack(Message({"a": 1}))[HEADER_BYTES:], b"")
    assert (last, message.head) == (True, {"a": 1})
    with pytest.raises(OutOfBounds):
        lengths(b"\xff" * HEADER_BYTES, 1000)
    for head in (b"", b"{}", b"[1, 2]", b"[true, []]", b"[" * 100_000):
        with pytest.raises(OutOfBounds):
            unpack(head, b"")
