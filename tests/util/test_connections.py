"""Bounds on connections: who makes room for whom."""

from __future__ import annotations

import resource

import pytest

from edge.util.connections import ConnectionLimits, ConnectionTable, site_of
from edge.util.rates import TokenBuckets


class Fake:
    """A connection that owes something since ``idle_since``, or nothing."""

    def __init__(self, idle_since: float | None = None) -> None:
        self.idle_since = idle_since
        self.dropped = False

    def drop(self) -> None:
        self.dropped = True


def come(table: ConnectionTable, address: str, idle_since: float | None = None, descriptor: int = 10) -> Fake | str:
    """Return the connection that was admitted, or why none was."""
    why = table.admit(address, descriptor)
    if why:
        return why
    made = Fake(idle_since)
    table.add(address, made)
    return made


def test_one_address_makes_room_for_itself_and_takes_nothing_from_others() -> None:
    table = ConnectionTable(ConnectionLimits(most=10, per_address=3, descriptor=100))
    other = come(table, "192.0.2.1", idle_since=0.0)
    own = [come(table, "192.0.2.2", idle_since=float(age)) for age in (5, 4, 6)]
    assert isinstance(come(table, "192.0.2.2", idle_since=7.0), Fake)
    assert [one.dropped for one in own if isinstance(one, Fake)] == [False, True, False], "the longest idle one"
    assert isinstance(other, Fake)
    assert not other.dropped
    assert len(table) == 4


def test_what_is_at_work_makes_no_room() -> None:
    table = ConnectionTable(ConnectionLimits(most=10, per_address=2, descriptor=100))
    at_work = [come(table, "192.0.2.2") for _ in range(2)]
    assert come(table, "192.0.2.2") == "too many from one address"
    assert not any(one.dropped for one in at_work if isinstance(one, Fake))
    assert isinstance(come(table, "192.0.2.3"), Fake)


def test_in_all_the_address_with_most_makes_room() -> None:
    table = ConnectionTable(ConnectionLimits(most=5, per_address=4, descriptor=100))
    few, many = come(table, "192.0.2.1", idle_since=0.0), [come(table, "192.0.2.2", idle_since=1.0) for _ in range(4)]
    assert isinstance(come(table, "192.0.2.3"), Fake)
    assert isinstance(few, Fake)
    assert not few.dropped
    assert sum(one.dropped for one in many if isinstance(one, Fake)) == 1


def test_descriptors_that_are_kept_are_not_touched() -> None:
    table = ConnectionTable(ConnectionLimits(most=50, per_address=50, descriptor=100))
    assert isinstance(come(table, "192.0.2.1", descriptor=99), Fake)
    assert come(table, "192.0.2.1", descriptor=100) == "too few descriptors are free"
    idle = come(table, "192.0.2.1", idle_since=0.0)
    assert isinstance(come(table, "192.0.2.1", descriptor=100), Fake)
    assert isinstance(idle, Fake)
    assert idle.dropped


def test_a_trusted_proxy_is_bounded_in_all_alone() -> None:
    table = ConnectionTable(
        ConnectionLimits(most=5, per_address=2, descriptor=100), exempt=lambda site: site == "10.0.0.1"
    )
    assert all(isinstance(come(table, "10.0.0.1"), Fake) for _ in range(5))
    assert come(table, "10.0.0.1") == "too many in all"


def test_an_ipv6_site_is_one_address() -> None:
    assert site_of("2001:db8:1:2::1") == site_of("2001:db8:1:2:ffff::9") == "2001:db8:1:2::/64"
    assert site_of("2001:db8:1:3::1") != site_of("2001:db8:1:2::1")
    assert site_of("::ffff:192.0.2.1") == site_of("192.0.2.1") == "192.0.2.1"
    assert site_of("fe80::1%eth0") == "fe80::/64"
    assert site_of("::1") == "::1"


def test_a_removed_connection_is_removed_once() -> None:
    table = ConnectionTable(ConnectionLimits(most=5, per_address=2, descriptor=100))
    made = come(table, "2001:db8::1")
    assert isinstance(made, Fake)
    for _ in range(2):
        table.remove("2001:db8::2", made)
    assert (len(table), table.all()) == (0, [])


@pytest.mark.parametrize("soft", [128, 1024, 4096])
def test_bounds_leave_descriptors_for_the_device(soft: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda _: (soft, soft))
    bounds = ConnectionLimits.of(1256, 628)
    assert bounds.most < bounds.descriptor <= soft - min(256, soft // 4)
    assert bounds.per_address < bounds.most


def test_new_connections_have_a_rate_and_each_address_its_own() -> None:
    now = [0.0]
    buckets = TokenBuckets(2, 1.0, clock=lambda: now[0])
    assert [buckets.take("192.0.2.1") for _ in range(3)] == [True, True, False]
    assert buckets.take("192.0.2.2")
    now[0] = 1.0
    assert [buckets.take("192.0.2.1") for _ in range(2)] == [True, False]
