from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from edge.sinks.mqtt.outgoing import Outgoing
from edge.sinks.mqtt.topics import Publication, Topics

TOPICS = Topics.of("face-edge", "n1")


def event(number: int) -> Publication:
    return Publication(TOPICS.event, str(number))


def drain(outgoing: Outgoing, window: int = 1000) -> list[Publication]:
    taken: list[Publication] = []
    while (publication := outgoing.take(window)) is not None:
        outgoing.sent(publication, 1 + len(taken))
        taken.append(publication)
    return taken


def test_of_a_retained_topic_only_the_newest_value_leaves_and_again_on_every_connection() -> None:
    outgoing = Outgoing()
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
    outgoing = Outgoing()
    for number in range(5):
        outgoing.put(event(number))
    assert [publication.payload for publication in drain(outgoing, 2)] == ["0", "1"]
    assert not outgoing.idle
    assert outgoing.acknowledged(1) == event(0)
    assert outgoing.acknowledged(1) is None
    assert [publication.payload for publication in drain(outgoing, 2)] == ["2"]
    assert outgoing.depth == 4


def test_qos_0_needs_no_receipt() -> None:
    outgoing = Outgoing()
    outgoing.put(Publication(TOPICS.health, "1"))
    assert len(drain(outgoing, 1)) == 1
    outgoing.put(event(1))
    assert len(drain(outgoing, 1)) == 1


def test_an_event_that_the_broker_refuses_counts_as_dropped() -> None:
    outgoing = Outgoing()
    outgoing.put(event(1))
    outgoing.put(Publication(TOPICS.info, "i"))
    drain(outgoing)
    outgoing.acknowledged(1, taken=False)
    outgoing.acknowledged(2, taken=False)
    assert (outgoing.depth, outgoing.drops) == (0, 1)


steps = st.lists(st.sampled_from(["put", "send", "acknowledge", "reconnect"]), max_size=120)


@given(steps, st.integers(1, 8), st.integers(1, 20))
def test_events_arrive_once_in_order_and_only_the_oldest_are_dropped(
    steps: list[str], window: int, capacity: int
) -> None:
    """A broker that loses all it has not acknowledged."""
    outgoing = Outgoing(capacity)
    put = number = 0
    arrived: list[int] = []
    awaiting: list[int] = []
    for step in steps:
        if step == "put":
            outgoing.put(event(put))
            put += 1
        elif step == "send" and (publication := outgoing.take(window)) is not None:
            number += 1
            outgoing.sent(publication, number)
            awaiting.append(number)
        elif step == "acknowledge" and awaiting:
            taken = outgoing.acknowledged(awaiting.pop(0))
            assert taken is not None
            arrived.append(int(taken.payload))
        elif step == "reconnect":
            outgoing.reconnected()
            awaiting.clear()
        assert len(awaiting) <= window
        # while all that is kept is on its way, one more may wait
        assert outgoing.depth <= max(capacity, window + 1)
    outgoing.reconnected()
    arrived += [int(publication.payload) for publication in drain(outgoing)]
    assert arrived == sorted(set(arrived))
    assert len(arrived) + outgoing.drops == put
    assert not put or arrived[-1] == put - 1
