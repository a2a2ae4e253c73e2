"""What leaves over the network, and in which turn."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.config import OutboxConfig
from edge.sinks.mqtt.outbox import Outbox
from edge.sinks.mqtt.outgoing import TRANSIENT_MAX, Outgoing, OutgoingMessage, Verdict
from edge.sinks.mqtt.topics import Publication, Topic, Topics

if TYPE_CHECKING:
    from collections.abc import Callable

TOPICS = Topics.of("face-edge", "n1")
REPLY = Topic("face-edge/n1/response/health_check", retain=False, qos=1)


def make(capacity: int = 1000) -> Outgoing:
    return Outgoing(Outbox(None, TOPICS, OutboxConfig(max_messages=capacity), retry_max_s=0.0))


def event(number: int) -> Publication:
    return Publication(TOPICS.event, str(number), seq=number)


def drain(outgoing: Outgoing, window: int = 1000) -> list[Publication]:
    taken: list[Publication] = []
    while (message := outgoing.take(window)) is not None:
        outgoing.sent(message, 1 + len(taken))
        taken.append(message.publication)
    return taken


def test_of_a_retained_topic_only_the_newest_value_leaves_and_again_on_every_connection() -> None:
    outgoing = make()
    for number in range(5):
        outgoing.put(Publication(TOPICS.state, str(number)))
        outgoing.put(Publication(TOPICS.camera, str(number)))
    newest = [Publication(TOPICS.state, "4"), Publication(TOPICS.camera, "4")]
    assert drain(outgoing) == newest
    assert drain(outgoing) == []
    assert outgoing.idle
    outgoing.reconnected()
    assert drain(outgoing) == newest


def test_no_more_than_the_window_awaits_its_receipt() -> None:
    outgoing = make()
    for number in range(5):
        outgoing.put(event(number))
    assert [publication.payload for publication in drain(outgoing, 2)] == ["0", "1"]
    assert not outgoing.idle
    assert outgoing.answered(1) == event(0)
    assert outgoing.answered(1) is None
    assert [publication.payload for publication in drain(outgoing, 2)] == ["2"]
    assert outgoing.depth == 4


def test_qos_0_needs_no_receipt() -> None:
    outgoing = make()
    outgoing.put(Publication(TOPICS.health, "1"))
    assert len(drain(outgoing, 1)) == 1
    outgoing.put(event(1))
    assert len(drain(outgoing, 1)) == 1


def test_replies_go_before_events_outlive_a_reconnection_and_are_bounded() -> None:
    outgoing = make()
    outgoing.put(event(1))
    for number in range(TRANSIENT_MAX + 1):
        outgoing.put(Publication(REPLY, str(number)))
    assert (outgoing.depth, outgoing.drops) == (1, 1)
    sent = drain(outgoing)
    assert [publication.payload for publication in sent] == [*map(str, range(1, TRANSIENT_MAX + 1)), "1"]
    assert outgoing.answered(1) is not None
    outgoing.reconnected()
    assert [publication.payload for publication in drain(outgoing)] == [*map(str, range(2, TRANSIENT_MAX + 1)), "1"]


def test_no_reply_is_dropped_for_what_is_of_the_moment() -> None:
    outgoing = make()
    moment = Topic("face-edge/n1/track", retain=False, qos=0)
    outgoing.put(Publication(REPLY, "reply"))
    for number in range(TRANSIENT_MAX):
        outgoing.put(Publication(moment, str(number)))
    outgoing.put(Publication(REPLY, "last"))
    assert outgoing.drops == 0
    outgoing.reconnected()
    assert [publication.payload for publication in drain(outgoing)] == ["reply", "last"]


def test_what_is_of_the_moment_is_not_kept_for_the_next_connection_and_no_loss() -> None:
    outgoing = make()
    moment = Topic("face-edge/n1/track", retain=False, qos=0)
    for number in range(101):
        outgoing.put(Publication(moment, str(number)))
    outgoing.put(Publication(REPLY, "reply"))
    assert outgoing.drops == 0
    outgoing.reconnected()
    assert [publication.payload for publication in drain(outgoing)] == ["reply"]


@pytest.mark.parametrize(
    ("code", "verdict"),
    [
        (0x00, Verdict.TAKEN),
        (0x10, Verdict.TAKEN),  # no matching subscribers
        (0x80, Verdict.LATER),  # unspecified error
        (0x83, Verdict.LATER),  # implementation specific error
        (0x87, Verdict.LATER),  # not authorized
        (0x97, Verdict.LATER),  # quota exceeded
        (0x90, Verdict.NEVER),  # topic name invalid
        (0x95, Verdict.NEVER),  # packet too large
        (0x99, Verdict.NEVER),  # payload format invalid
    ],
)
def test_what_waiting_may_mend_is_kept_and_the_rest_dropped(code: int, verdict: Verdict) -> None:
    assert Verdict.of(code) is verdict
    outgoing = make()
    outgoing.put(event(1))
    outgoing.put(Publication(TOPICS.info, "i"))
    drain(outgoing)
    for number in (1, 2):
        outgoing.answered(number, verdict)
    assert outgoing.depth == (verdict is Verdict.LATER)
    assert outgoing.drops == (verdict is Verdict.NEVER)


def test_after_a_refusal_one_message_goes_first_and_the_rest_when_it_is_taken() -> None:
    outgoing = make()
    for number in range(5):
        outgoing.put(event(number))
    drain(outgoing, 3)
    for number in (1, 2, 3):
        outgoing.answered(number, Verdict.LATER)
    assert outgoing.idle  # nothing that a stop could wait for
    assert [publication.payload for publication in drain(outgoing)] == ["0"]
    assert drain(outgoing) == []
    outgoing.answered(1)
    assert [publication.payload for publication in drain(outgoing)] == ["1", "2", "3", "4"]


def test_what_cannot_be_sent_is_rejected_without_being_sent() -> None:
    outgoing = make()
    outgoing.put(event(1))
    message = outgoing.take(1)
    assert message is not None
    outgoing.reject(message)
    outgoing.reject(OutgoingMessage(Publication(TOPICS.info, "i")))
    assert (outgoing.depth, outgoing.drops) == (0, 1)


def test_the_listener_hears_of_what_is_put() -> None:
    outgoing, heard = make(), list[int]()
    listener: Callable[[], None] = lambda: heard.append(1)  # noqa: E731 - a name would say less
    outgoing.listen(listener)
    outgoing.put(event(1))
    assert heard == [1]


steps = st.lists(st.sampled_from(["put", "send", "acknowledge", "reconnect", "refuse"]), max_size=120)


@given(steps, st.integers(1, 8), st.integers(1, 20))
def test_events_arrive_once_in_order_and_only_the_oldest_are_dropped(
    steps: list[str], window: int, capacity: int
) -> None:
    """A broker that loses all it has not acknowledged, and that refuses now and then, but nothing out of turn."""
    outgoing = make(capacity)
    put = number = 0
    arrived: list[int] = []
    awaiting: list[int] = []
    for step in steps:
        if step == "put":
            outgoing.put(event(put))
            put += 1
        elif step == "send" and (message := outgoing.take(window)) is not None:
            number += 1
            outgoing.sent(message, number)
            awaiting.append(number)
        elif step == "acknowledge" and awaiting:
            taken = outgoing.answered(awaiting.pop(0))
            assert taken is not None
            arrived.append(int(taken.payload))
        elif step == "refuse" and awaiting:
            for refused in awaiting:
                outgoing.answered(refused, Verdict.LATER)
            awaiting.clear()
        elif step == "reconnect":
            outgoing.reconnected()
            awaiting.clear()
        assert len(awaiting) <= window
        # while all that is kept is on its way, one more may wait
        assert outgoing.depth <= max(capacity, window + 1)
    outgoing.reconnected()
    for _ in range(2):  # after a refusal one goes first
        arrived += [int(publication.payload) for publication in drain(outgoing)]
        for refused in range(1, 1 + put):
            outgoing.answered(refused)
    assert arrived == sorted(set(arrived))
    assert len(arrived) + outgoing.drops == put
    assert not put or arrived[-1] == put - 1
