"""Answers wait for the disk, but not for ever."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import pytest

from edge import config as configuration
from edge.audience.event_detector import EventDetector
from edge.config import EventsConfig, PrivacyConfig, SmoothingConfig
from edge.core.commands import Answer, CheckHealth
from edge.core.errors import EdgeError
from edge.core.events import Event, Stamp
from edge.runtime import build
from edge.runtime.durability_barrier import WARNING, DurabilityBarrier
from edge.runtime.local import ask, control_path
from edge.sinks.mqtt.outbox.file import OutboxFile
from edge.util.sqlite import FileFault

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

DONE = Answer({"id": "x"})
WARNED = Answer({"id": "x", "warning": WARNING})


class Teller:
    """Notes the answers and waits for them."""

    def __init__(self) -> None:
        self.answers: list[Answer] = []
        self._changed = threading.Condition()

    def __call__(self, answer: Answer) -> None:
        with self._changed:
            self.answers.append(answer)
            self._changed.notify_all()

    def wait_for(self, count: int, timeout_s: float = 60.0) -> list[Answer]:
        with self._changed:
            self._changed.wait_for(lambda: len(self.answers) >= count, timeout_s)
            return list(self.answers)


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a busy machine a thread that has an answer to give may not come to it within a second or five."""
    monkeypatch.setattr("edge.runtime.durability_barrier._JOIN_S", 60.0)
    monkeypatch.setattr("edge.runtime.local._ANSWER_S", 60.0)


@pytest.fixture
def no_hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """A device made after this gives no warning for a file that is merely slow."""
    defaults = DurabilityBarrier.__init__.__kwdefaults__
    assert defaults is not None
    monkeypatch.setitem(defaults, "wait_s", 3600.0)


@pytest.fixture
def told() -> Teller:
    return Teller()


@pytest.fixture
def event() -> Callable[[], Event]:
    stamp = Stamp(epoch_ns=0, seed=b"test")
    settings: dict[str, Any] = {"events": EventsConfig(), "smoothing": SmoothingConfig(), "privacy": PrivacyConfig()}
    narrator = EventDetector(stamp, **settings)
    return lambda: narrator.mark("", 0)


def two_keepers(wait_s: float = 60.0) -> DurabilityBarrier:
    receipts = DurabilityBarrier(wait_s=wait_s)
    receipts.add("outbox")
    receipts.add("sessions", lambda event: event.session is not None)
    return receipts


def test_an_answer_is_given_when_everyone_who_wants_the_event_has_it(told: Teller, event: Callable[[], Event]) -> None:
    with two_keepers() as receipts:
        made = event().model_copy(update={"session": "01J"})
        receipts.expect(made)
        receipts.hold([made.seq], DONE, told)
        receipts.kept("outbox", [made.seq])
        assert told.wait_for(1, 0.2) == []
        receipts.kept("sessions", [made.seq])
        assert told.wait_for(1) == [DONE]


def test_who_does_not_want_it_is_not_waited_for(told: Teller, event: Callable[[], Event]) -> None:
    with two_keepers() as receipts:
        made = event()
        receipts.expect(made)
        receipts.kept("outbox", [made.seq])  # before the loop got round to hold it
        receipts.hold([made.seq], DONE, told)
        assert told.answers == [DONE]


def test_without_keepers_it_is_given_at_once(told: Teller, event: Callable[[], Event]) -> None:
    receipts = DurabilityBarrier()
    made = event()
    receipts.expect(made)
    receipts.hold([made.seq], DONE, told)
    receipts.hold([], DONE, told)
    assert told.answers == [DONE, DONE]


def test_after_a_while_it_is_given_with_a_warning(told: Teller, event: Callable[[], Event]) -> None:
    with two_keepers(wait_s=0.1) as receipts:
        made = event()
        receipts.expect(made)
        receipts.hold([made.seq], DONE, told)
        assert told.wait_for(1) == [WARNED]
        receipts.kept("outbox", [made.seq])
        assert told.wait_for(2, 0.2) == [WARNED]


def test_a_file_that_cannot_be_written_is_not_waited_for_until_it_can(told: Teller, event: Callable[[], Event]) -> None:
    with two_keepers() as receipts:
        made, later = event(), event()
        receipts.expect(made)
        receipts.hold([made.seq], DONE, told)
        receipts.failing("outbox")
        assert told.wait_for(1) == [WARNED]
        receipts.kept("outbox", [made.seq])
        receipts.expect(later)
        receipts.hold([later.seq], DONE, told)
        assert told.wait_for(2, 0.2) == [WARNED]
        receipts.kept("outbox", [later.seq])
        assert told.wait_for(2) == [WARNED, DONE]


def test_the_end_leaves_nobody_without_an_answer(told: Teller, event: Callable[[], Event]) -> None:
    with two_keepers() as receipts:
        made = event()
        receipts.expect(made)
        receipts.hold([made.seq], DONE, told)
    assert told.answers == [WARNED]
    receipts.expect(made)
    receipts.hold([made.seq], DONE, told)
    assert told.answers == [WARNED, DONE]


class Running:
    """A whole device on a thread, whose files can be made slow."""

    def __init__(self, folder: Path) -> None:
        flags: dict[str, Any] = {
            "node.id": "test",
            "node.state_dir": folder,
            "source.uri": "virtual:portrait",
            "mqtt.broker": "mqtt://127.0.0.1:9",
        }
        self.config = configuration.load(environment={}, flags=flags)
        self._wiring = build.device(self.config)
        self.inbox = self._wiring.device._inbox
        self._thread = threading.Thread(target=self._wiring.device.run)
        self._thread.start()

    def ask(self, request: str, **fields: Any) -> dict[str, Any]:
        return ask([control_path(self.config)], request, **fields)

    def close(self) -> None:
        self._wiring.device.stop()
        self._thread.join(60)
        self._wiring.resources.close()


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Running]:
    pytest.importorskip("ai_edge_litert", reason="no inference runtime")
    made = Running(tmp_path)
    yield made
    made.close()


@pytest.mark.usefixtures("no_hurry")
@pytest.mark.parametrize(
    "slow", ["edge.sinks.mqtt.outbox.file.OutboxFile.write", "edge.recording.file.SessionFile.write"]
)
def test_a_marker_is_answered_after_both_files_have_it_while_the_loop_goes_on(
    running: Running, monkeypatch: pytest.MonkeyPatch, slow: str
) -> None:
    running.ask("session_start", title="drill")
    module, name, method = slow.rsplit(".", 2)
    kind = getattr(__import__(module, fromlist=[name]), name)
    write, let_go, begun = getattr(kind, method), threading.Event(), threading.Event()

    def slowly(*given: Any, **named: Any) -> Any:
        begun.set()
        let_go.wait(120)
        return write(*given, **named)

    monkeypatch.setattr(kind, method, slowly)
    answers: list[dict[str, Any]] = []
    asking = threading.Thread(target=lambda: answers.append(running.ask("marker", label="kiss")))
    asking.start()
    assert begun.wait(60)
    other = Teller()
    assert running.inbox.offer(CheckHealth(), other)
    assert other.wait_for(1)[0].data
    assert not answers
    let_go.set()
    asking.join(60)
    assert [answer["label"] for answer in answers] == ["kiss"]
    assert "warning" not in answers[0]


def test_a_marker_that_cannot_be_saved_in_time_is_answered_in_words(
    running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    write, let_go = OutboxFile.write, threading.Event()

    def stuck(*given: Any, **named: Any) -> Any:
        let_go.wait(120)
        return write(*given, **named)

    monkeypatch.setattr(OutboxFile, "write", stuck)
    assert running.ask("marker")["warning"] == WARNING
    with pytest.raises(EdgeError, match="no session is running"):
        running.ask("session_stop")
    let_go.set()


@pytest.mark.usefixtures("no_hurry")
def test_a_marker_on_a_full_disk_is_answered_in_words_and_at_once(
    running: Running, monkeypatch: pytest.MonkeyPatch, eventually: Callable[..., Any]
) -> None:
    def full(*_given: Any, **_named: Any) -> Any:
        msg = "there is no space left"
        raise FileFault(msg, full=True)

    with monkeypatch.context() as patch:
        patch.setattr(OutboxFile, "write", full)
        # an hour each if they waited for the disk
        assert [running.ask("marker")["warning"] for _ in range(3)] == [WARNING] * 3
    assert eventually(lambda: "warning" not in running.ask("marker"))
