"""The order in memory, step by step; tests/sinks/mqtt/outbox/test_order.py plays everything in any order."""

from __future__ import annotations

import pytest

from edge.sinks.mqtt.outbox import stream_queue as queues
from edge.sinks.mqtt.outbox.state import OutboxState
from edge.sinks.mqtt.outbox.stream_queue import Entry, StreamQueue
from edge.sinks.mqtt.topics import Publication, Topics

TOPICS = Topics.of("face-edge", "n1")
TOPIC_OF = {"event": TOPICS.event, "aggregate": TOPICS.aggregate}


def publication(seq: int, stream: str = "event") -> Publication:
    return Publication(TOPIC_OF[stream], str(seq), seq=seq)


def backlog(*, unsaved_max: int = 100, allow_unsaved: bool = False, retry_max_s: float = 60.0) -> OutboxState:
    return OutboxState(TOPIC_OF, unsaved_max=unsaved_max, retry_max_s=retry_max_s, allow_unsaved=allow_unsaved)


def put(made: OutboxState, *seqs: int, stream: str = "event", at_s: float = 0.0) -> list[Entry]:
    """Put messages, and give their entries."""
    for seq in seqs:
        made.put(publication(seq, stream), at_s)
    return list(made.unsaved.values())[-len(seqs) :]


def save(made: OutboxState, *seqs: int, stream: str = "event") -> list[Entry]:
    """Put messages, and commit all that are not in the file."""
    entries = put(made, *seqs, stream=stream)
    made.committed(list(made.unsaved.values()), (), ())
    return entries


def taken(made: OutboxState, count: int, now_s: float = 0.0) -> list[str]:
    """Take so many messages, and give their payloads."""
    entries = [made.take(now_s) for _ in range(count)]
    return [entry.publication.payload for entry in entries if entry is not None]


def held(made: OutboxState) -> bool:
    """Return whether the broker refused an event."""
    return made.queues["event"].held


def entry(number: int, *, saved: bool = True) -> Entry:
    return Entry(number, publication(number), 0.0, saved=saved)


def test_messages_leave_once_they_are_saved_and_in_order() -> None:
    made = backlog()
    put(made, 1, 2)
    assert made.take(0) is None
    assert not made.idle
    save(made, 3)
    assert taken(made, 9) == ["1", "2", "3"]
    assert len(made) == 3, "on their way, not acknowledged"
    assert made.in_flight == {1, 2, 3}


def test_without_a_file_messages_leave_at_once() -> None:
    made = backlog(allow_unsaved=True)
    put(made, 1, 2)
    assert taken(made, 9) == ["1", "2"]
    assert made.queues["event"].loaded_to == 2


def test_streams_leave_in_the_common_order_and_a_refused_one_holds_only_itself_up() -> None:
    made = backlog()
    save(made, 1)
    save(made, 1, stream="aggregate")
    save(made, 2)
    first = made.take(0.0)
    assert first is not None
    made.refused(first, 0.0)
    assert held(made)
    head = made.take(0.0)
    assert head is not None
    assert head.publication.topic == TOPICS.aggregate
    assert made.take(4.9) is None, "a refused stream pauses for 5 to 10 seconds at first"
    made.acknowledged(head)
    assert made.idle
    assert taken(made, 9, 10.0) == ["1"], "one message goes first"
    made.acknowledged(first)
    assert not held(made)
    assert taken(made, 9, 10.0) == ["2"]


def test_a_refused_message_is_the_next_one_again() -> None:
    made = backlog()
    save(made, 1, 2, 3)
    first, second = made.take(0), made.take(0)
    assert first is not None
    assert second is not None
    made.refused(second, 0.0)
    made.refused(first, 0.0)
    assert [e.publication.payload for e in made.queues["event"].ready] == ["1", "2", "3"]
    assert made.in_flight == set()


def test_pauses_grow_with_refusals_and_start_anew_after_an_acknowledgement() -> None:
    made = StreamQueue(retry_max_s=15.0)
    made.loaded([entry(1)], 1, exhausted=True)

    def pause(now_s: float) -> float:
        """Refuse the next message, and give for how long none may go."""
        head = made.head(now_s, allow_unsaved=False)
        assert head is not None
        made.take(head)
        made.refused(head, now_s)
        return next(s for s in range(100) if made.head(now_s + s, allow_unsaved=False) is not None)

    assert 5 <= pause(0) <= 10
    assert 8 <= pause(100) <= 15
    head = made.head(200, allow_unsaved=False)
    assert head is not None
    made.take(head)
    made.acknowledged(head)
    made.loaded([entry(2)], 2, exhausted=True)
    assert pause(300) <= 10


def test_refusals_of_one_burst_are_one_pause() -> None:
    made = StreamQueue(retry_max_s=60.0)
    made.loaded([entry(1), entry(2), entry(3)], 3, exhausted=True)
    in_flight = []
    for _ in range(3):
        head = made.head(0.0, allow_unsaved=False)
        assert head is not None
        made.take(head)
        in_flight.append(head)
    for each in in_flight:
        made.refused(each, 0.0)
    assert made.head(10.0, allow_unsaved=False) is not None


def test_a_new_connection_may_try_everything_at_once() -> None:
    made = backlog()
    save(made, 1, 2, 3)
    first = made.take(0)
    assert first is not None
    made.refused(first, 0.0)
    assert made.take(1.0) is None
    made.give_back()
    assert taken(made, 9, 1.0) == ["1"], "after a refusal one goes first"
    made.give_back()
    assert made.in_flight == set()
    assert [e.number for e in made.queues["event"].in_memory()] == [1, 2, 3]


def test_more_than_the_read_ahead_waits_in_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queues, "READ_AHEAD", 4)
    made = backlog()
    save(made, *range(1, 8))
    queue = made.queues["event"]
    assert ([e.number for e in queue.ready], queue.beyond, queue.loaded_to, len(made)) == ([1, 2, 3, 4], 3, 4, 7)
    wanted = [queue.wants_more]
    save(made, 8)
    assert (len(queue.ready), queue.beyond) == (4, 4)
    assert taken(made, 2) == ["1", "2"]
    assert [*wanted, queue.wants_more] == [False, True]
    save(made, 9)
    assert (len(queue.ready), queue.beyond) == (2, 5), "it waits behind those in the file"
    queue.loaded([entry(5), entry(6)], 6, exhausted=False)
    assert ([e.number for e in queue.ready], queue.beyond, queue.loaded_to) == ([3, 4, 5, 6], 3, 6)
    queue.loaded([], 9, exhausted=True)
    assert (queue.beyond, queue.loaded_to) == (0, 9)
    queue.loaded([entry(7)], 7, exhausted=False)
    assert (queue.beyond, queue.loaded_to) == (0, 9)


@pytest.mark.parametrize(("skip_file", "head"), [(False, None), (True, 9)])
def test_fresh_messages_wait_behind_the_file_unless_it_cannot_be_read(*, skip_file: bool, head: int | None) -> None:
    queue = StreamQueue(retry_max_s=1.0)
    queue.beyond, queue.loaded_to = 2, 3
    queue.fresh.append(entry(9, saved=False))
    found = queue.head(0.0, allow_unsaved=True, skip_file=skip_file)
    assert (found and found.number) == head
    assert queue.head(0.0, allow_unsaved=False, skip_file=skip_file) is None
    if found is not None:
        queue.take(found)
        assert queue.loaded_to == 3, "the file holds older ones"


def test_messages_go_past_a_file_that_cannot_be_read() -> None:
    made = backlog(allow_unsaved=True)
    made.queues["event"].beyond = 3
    put(made, 9)
    assert made.take(0) is None
    made.skip_file = True
    assert taken(made, 9) == ["9"]


def test_a_saved_message_that_is_acknowledged_is_to_be_deleted() -> None:
    made = backlog()
    [saved] = save(made, 1)
    made.take(0)
    made.acknowledged(saved)
    assert (made.gone, len(made), made.drops) == ({saved.number}, 0, 0)
    made.committed((), {saved.number}, ())
    assert made.gone == set()


def test_a_message_acknowledged_before_its_commit_is_deleted_after_it() -> None:
    made = backlog(allow_unsaved=True)
    [one] = put(made, 1)
    made.take(0)
    made.acknowledged(one)
    assert (made.gone, made.unsaved) == (set(), {})
    made.committed([one], (), ())
    assert made.gone == {one.number}


def test_a_message_that_the_broker_never_takes_is_counted_as_lost() -> None:
    made = backlog()
    save(made, 1, 2)
    for lost in (1, 2):
        head = made.take(0)
        assert head is not None
        made.rejected(head)
        assert (made.drops, made.overflow) == (lost, 0)


def test_beyond_the_bound_the_oldest_that_waits_is_dropped() -> None:
    made = backlog(unsaved_max=3, allow_unsaved=True)
    put(made, 1, 2)
    assert taken(made, 1) == ["1"]
    put(made, 3, 4, 5)
    assert [e.publication.payload for e in made.unsaved.values()] == ["1", "4", "5"], "1 is on its way"
    assert (made.overflow, made.drops) == (2, 2)
    assert taken(made, 9) == ["4", "5"]
    put(made, 6)
    assert made.overflow == 2, "all others are on their way"


def test_what_is_too_old_is_dropped_of_what_is_in_memory_alone() -> None:
    made = backlog()
    save(made, 1)
    put(made, 2, at_s=5.0)
    put(made, 3, at_s=9.0)
    made.drop_older_than(9.0)
    assert (made.overflow, list(made.unsaved)) == (1, [3])
    made.committed(list(made.unsaved.values()), (), ())
    assert taken(made, 9) == ["1", "3"]


def test_a_lost_file_loses_what_was_in_it_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queues, "READ_AHEAD", 2)
    made = backlog()
    save(made, *range(1, 6))
    save(made, *range(1, 4), stream="aggregate")
    head = made.take(0)
    assert head is not None
    made.acknowledged(head)
    assert made.gone == {1}
    assert made.file_is_new() == 3 + 1
    assert (made.drops, made.gone) == (4, set())
    assert [queue.beyond for queue in made.queues.values()] == [0, 0]
    assert list(made.unsaved) == [2, 6, 7]
    assert not any(each.saved for each in made.unsaved.values())
    assert made.file_is_new() == 0
    assert made.drops == 4, "losses are counted on"
    assert made.take(0) is None, "none is in the new file yet"
    made.committed(list(made.unsaved.values()), (), ())
    assert taken(made, 9) == ["2", "1", "2"]


def test_what_the_file_drops_at_its_bounds_is_lost_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queues, "READ_AHEAD", 3)
    made = backlog()
    entries = save(made, *range(1, 7))
    queue = made.queues["event"]
    assert taken(made, 1) == ["1"]
    made.committed((), (), [(1, "event")])
    assert made.overflow == 0, "it is on its way"
    made.committed((), (), [(3, "event")])
    assert (made.overflow, [e.number for e in queue.ready]) == (1, [2])
    assert entries[2].gone
    assert not entries[1].gone
    made.committed((), (), [(3, "event")])
    assert made.overflow == 1, "at most up to this number is in memory, and it is not"
    made.committed((), (), [(5, "event"), (6, "event"), (7, "gone-stream")])
    assert (made.overflow, queue.beyond) == (4, 1)


def test_numbers_go_on_after_those_of_the_file() -> None:
    made = backlog(allow_unsaved=True)
    put(made, 1, 2)
    head = made.take(0)
    assert head is not None
    made.number_from(40)
    assert (head.number, list(made.unsaved), made.in_flight) == (41, [41, 42], {41})
    assert put(made, 3)[0].number == 43
    made.number_from(12)
    assert list(made.unsaved) == [41, 42, 43]
    empty = backlog()
    empty.number_from(7)
    assert put(empty, 1)[0].number == 8


def test_sequences_go_on_after_the_counters() -> None:
    made = backlog()
    made.count_from({"event": 5})
    assert made.next_seq == {"event": 5, "aggregate": 0}
    put(made, 9)
    made.put(Publication(TOPICS.aggregate, "unnumbered"), 0.0)
    assert made.next_seq == {"event": 10, "aggregate": 1}
    made.count_from({"event": 3})
    assert made.next_seq["event"] == 10


def test_only_what_waits_can_be_discarded() -> None:
    queue, waiting, fresh = StreamQueue(retry_max_s=1.0), entry(1), entry(2, saved=False)
    queue.loaded([waiting], 1, exhausted=True)
    queue.fresh.append(fresh)
    assert [queue.discard(each) for each in (waiting, fresh, waiting)] == [True, True, False]
    assert len(queue) == 0
