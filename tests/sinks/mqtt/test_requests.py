from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.core.commands import Answer, CommandQueue, Mark, SetPrivacy
from edge.sinks.mqtt.arrival import Arrival
from edge.sinks.mqtt.requests import Requests

if TYPE_CHECKING:
    from edge.sinks.mqtt.topics import Publication

NODE = "face-edge/hall"


class Desk:
    """Requests, with what they sent and asked."""

    def __init__(self, capacity: int = 64, *, room: int = 256) -> None:
        self.sent: list[Publication] = []
        self.room = room
        self.inbox = CommandQueue(capacity)
        self.requests = Requests("face-edge", "hall", self.inbox, self._send, room=lambda: self.room)

    def _send(self, publication: Publication) -> None:
        self.sent.append(publication)
        self.room -= 1

    def mark(self, transaction: str) -> None:
        self.take("request/marker", json.dumps({"transaction": transaction}).encode())

    def answer_all(self, answer: Answer | None = None) -> int:
        """Do what waits; return how much that was."""
        waiting = list(self.inbox.take())
        for request in waiting:
            request.answer(answer or Answer({}))
        return len(waiting)

    def take(self, what: str, payload: bytes = b"", **more: Any) -> None:
        self.requests.take(Arrival(f"{NODE}/{what}", payload, **more))

    def replies(self) -> list[dict[str, Any]]:
        return [json.loads(publication.payload) for publication in self.sent]


@pytest.fixture
def desk() -> Desk:
    return Desk()


def test_it_listens_to_what_concerns_this_node_only(desk: Desk) -> None:
    assert set(desk.requests.subscriptions) == {f"{NODE}/request/+", f"{NODE}/privacy/set", f"{NODE}/display/set"}


def test_a_request_waits_for_the_loop_and_is_answered(desk: Desk) -> None:
    desk.take("request/marker", b'{"label": "kiss", "transaction": "a1"}')
    assert not desk.sent
    [request] = desk.inbox.take()
    assert request.command == Mark("kiss")
    request.answer(Answer({"id": "x"}))
    [sent] = desk.sent
    assert (sent.topic.name, sent.topic.retain, sent.topic.qos) == (f"{NODE}/response/marker", False, 1)
    assert desk.replies() == [
        {"schema": 1, "status": "ok", "data": {"id": "x"}, "error": None, "transaction": "a1"},
    ]


def test_a_refusal_of_the_loop_is_an_error(desk: Desk) -> None:
    desk.take("request/session_stop")
    [request] = desk.inbox.take()
    request.answer(Answer(error="no session is running"))
    assert desk.replies()[0]["status"] == "error"
    assert desk.replies()[0]["error"] == "no session is running"


def test_mqtt_5_says_where_the_answer_goes(desk: Desk) -> None:
    desk.take("request/health_check", response_topic="panel/7/answers", correlation=b"\x01\x02")
    [request] = desk.inbox.take()
    request.answer(Answer({}))
    assert (desk.sent[0].topic.name, desk.sent[0].correlation) == ("panel/7/answers", b"\x01\x02")


@pytest.mark.parametrize(
    "topic", [f"{NODE}/event", f"{NODE}/availability", "a/+/b", "#", "", "x" * 600, "a\0b", "$SYS/broker"]
)
def test_no_answer_speaks_in_our_name_or_to_no_topic(desk: Desk, topic: str) -> None:
    desk.take("request/health_check", response_topic=topic)
    [request] = desk.inbox.take()
    request.answer(Answer({}))
    assert [publication.topic.name for publication in desk.sent] == [f"{NODE}/response/health_check"]


def test_what_is_malformed_is_answered_and_logged_once(desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    for _ in range(3):
        desk.take("request/marker", b"{", correlation=b"c")
    assert not list(desk.inbox.take())
    assert [reply["status"] for reply in desk.replies()] == ["error"] * 3
    assert desk.sent[0].correlation == b"c"
    assert [record.message for record in caplog.records] == [
        f"{NODE}/request/marker: refused: is not JSON: Expecting property name enclosed in double quotes at character 2"
    ]


def test_a_retained_request_is_refused(desk: Desk) -> None:
    desk.take("request/marker", retained=True)
    desk.take("privacy/set", b"ON", retained=True)
    assert not list(desk.inbox.take())
    assert [reply["error"] for reply in desk.replies()] == [
        "retained requests are refused: publish without the retain flag"
    ]


def test_a_transaction_is_done_once(desk: Desk) -> None:
    desk.mark("a1")
    desk.mark("a1")
    assert desk.answer_all() == 1
    desk.mark("a1")
    assert desk.answer_all() == 0
    assert [(reply["error"], reply["transaction"]) for reply in desk.replies()] == [
        ("this transaction is in progress", "a1"),
        (None, "a1"),
        ("this transaction was answered already", "a1"),
    ]


def test_a_transaction_that_was_refused_for_want_of_room_can_be_tried_again() -> None:
    desk = Desk(capacity=1)
    desk.mark("first")
    desk.mark("second")
    assert desk.answer_all() == 1
    desk.mark("second")
    assert desk.answer_all() == 1
    assert [(reply["transaction"], reply["error"]) for reply in desk.replies()] == [
        ("second", "too many requests wait: try again"),
        ("first", None),
        ("second", None),
    ]


def test_a_transaction_that_the_loop_refused_can_be_tried_again(desk: Desk) -> None:
    desk.take("request/session_stop", b'{"transaction": "s"}')
    assert desk.answer_all(Answer(error="no session is running")) == 1
    desk.take("request/session_stop", b'{"transaction": "s"}')
    assert desk.answer_all() == 1
    assert [reply["status"] for reply in desk.replies()] == ["error", "ok"]


def test_the_latest_256_transactions_are_remembered() -> None:
    desk = Desk(room=10_000)
    for number in range(257):
        desk.mark(str(number))
        assert desk.answer_all() == 1
    desk.mark("1")
    assert desk.answer_all() == 0
    desk.mark("0")
    assert desk.answer_all() == 1


def test_refusals_push_no_transaction_out_of_memory() -> None:
    desk = Desk(capacity=1, room=10_000)
    desk.mark("done")
    assert desk.answer_all() == 1
    desk.mark("waits")
    for number in range(300):
        desk.mark(f"refused {number}")
    desk.mark("done")
    assert desk.replies()[-1]["error"] == "this transaction was answered already"


def test_in_a_flood_what_is_done_is_answered_and_the_answers_say_what_was_left_out() -> None:
    desk = Desk(room=100)
    for number in range(200):
        desk.mark(str(number))
    assert len(desk.sent) <= 100
    done = desk.answer_all()
    answered = [reply for reply in desk.replies() if reply["status"] == "ok"]
    assert (len(answered), desk.room >= 0) == (done, True)
    assert done == 64
    left_out = 200 - len(desk.sent)
    assert left_out > 0
    desk.room = 256
    desk.take("request/reboot", response_topic="me")
    assert "refused before" not in desk.replies()[-1]["error"], "none of these was left out"
    desk.mark("0")
    assert desk.replies()[-1]["error"].endswith(f"({left_out} refused before it got no answer)")
    desk.mark("0")
    assert "refused before" not in desk.replies()[-1]["error"]


def test_refusals_that_were_left_out_are_counted_for_each_asker_once_there_is_room() -> None:
    desk = Desk(room=64, capacity=1)
    for number in range(5):
        desk.take("request/marker", json.dumps({"transaction": str(number)}).encode(), response_topic="me")
        desk.take("request/marker", b"{}", response_topic="you")
    desk.sent.clear()
    desk.requests.settle()
    assert desk.sent == [], "there is no room yet"
    desk.room = 256
    desk.requests.settle()
    told = {publication.topic.name: json.loads(publication.payload) for publication in desk.sent}
    why = "requests were refused and got no answer: too many requests wait: try again"
    assert {name: reply["error"] for name, reply in told.items()} == {"me": f"4 {why}", "you": f"5 {why}"}
    desk.requests.settle()
    assert len(desk.sent) == 2


def test_response_topics_of_a_flood_are_bounded() -> None:
    desk = Desk(room=10)
    for number in range(300):
        desk.take("request/nothing", response_topic=f"flood/{number}")
    desk.room = 10_000
    desk.requests.settle()
    counts = {publication.topic.name: int(json.loads(publication.payload)["error"].split()[0])
              for publication in desk.sent}  # fmt: skip
    assert sum(counts.values()) == 300
    assert len(counts) <= 65


def test_without_room_for_its_answer_no_request_is_taken() -> None:
    desk = Desk(room=3)
    for number in range(10):
        desk.mark(str(number))
    assert desk.answer_all() == 3
    assert [reply["transaction"] for reply in desk.replies()] == ["0", "1", "2"]


def test_an_unknown_request_has_no_topic_to_be_answered_on_but_its_own(desk: Desk) -> None:
    desk.take("request/reboot")
    assert not desk.sent
    desk.take("request/reboot", response_topic="me/answers")
    assert desk.replies()[0]["error"].startswith("unknown request")


def test_switches_are_not_answered_unless_asked_to(desk: Desk) -> None:
    desk.take("privacy/set", b"ON")
    [request] = desk.inbox.take()
    assert request.command == SetPrivacy(on=True)
    request.answer(Answer({"privacy": True}))
    assert not desk.sent


def test_a_flood_is_refused_not_kept() -> None:
    desk = Desk(capacity=3)
    for number in range(10):
        desk.take("request/marker", json.dumps({"transaction": str(number)}).encode())
    assert len(list(desk.inbox.take())) == 3
    assert [reply["error"] for reply in desk.replies()] == ["too many requests wait: try again"] * 7


@given(
    st.sampled_from(["request/marker", "request/x", "request/", "privacy/set", "display/set", "other", ""]),
    st.binary(max_size=300),
    st.booleans(),
    st.none() | st.text(max_size=30),
    st.none() | st.binary(max_size=30),
)
def test_nothing_that_arrives_does_harm(
    what: str,
    payload: bytes,
    retained: bool,
    response_topic: str | None,
    correlation: bytes | None,
) -> None:
    desk = Desk()
    desk.take(what, payload, retained=retained, response_topic=response_topic, correlation=correlation)
    for request in desk.inbox.take():
        request.answer(Answer({}))
    for publication in desk.sent:
        assert not set("+#\0") & set(publication.topic.name)
        assert publication.topic.name.startswith(f"{NODE}/response/") or publication.topic.name == response_topic
