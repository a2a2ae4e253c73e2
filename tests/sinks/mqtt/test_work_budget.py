"""The work that strangers may make for the embedded broker."""

from __future__ import annotations

from edge.sinks.mqtt.work_budget import WorkBudget


def test_a_rate_and_a_burst() -> None:
    now_s = [0.0]
    budget = WorkBudget(10.0, 5.0, clock=lambda: now_s[0])
    for _ in range(5):
        assert budget.wait_s == 0
        budget.charge()
    budget.charge()
    assert budget.wait_s == 0.1
    now_s[0] = 0.1
    assert budget.wait_s == 0


def test_however_much_was_done_the_wait_is_bounded() -> None:
    now_s = [0.0]
    budget = WorkBudget(10.0, 5.0, clock=lambda: now_s[0])
    for _ in range(10_000):
        budget.charge(65_536)
    assert budget.wait_s == 0.5, "clients that have gone would keep their places"
    now_s[0] = 0.5
    assert budget.wait_s == 0
