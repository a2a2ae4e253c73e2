"""Signals are acted on wherever the main thread is, also while it holds a lock that the action takes."""

from __future__ import annotations

import signal
import threading
from typing import TYPE_CHECKING

import pytest

from edge.util import signals

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def _kept() -> Iterator[None]:
    before = {each: signal.getsignal(each) for each in (signal.SIGUSR1, signal.SIGUSR2)}
    yield
    for each, handler in before.items():
        signal.signal(each, handler)


@pytest.mark.usefixtures("_kept")
def test_an_action_may_take_a_lock_that_the_main_thread_holds() -> None:
    lock = threading.Lock()
    done = threading.Event()

    def act() -> None:
        with lock:
            done.set()

    signals.obey({signal.SIGUSR1: act})
    with lock:
        signal.raise_signal(signal.SIGUSR1)
        assert not done.is_set()
    assert done.wait(20)


@pytest.mark.usefixtures("_kept")
def test_signals_are_acted_on_in_order_of_arrival() -> None:
    seen: list[int] = []
    done = threading.Event()

    def last() -> None:
        seen.append(2)
        done.set()

    signals.obey({signal.SIGUSR1: lambda: seen.append(1), signal.SIGUSR2: last})
    for each in (signal.SIGUSR1, signal.SIGUSR1, signal.SIGUSR2):
        signal.raise_signal(each)
    assert done.wait(20)
    assert seen == [1, 1, 2]


@pytest.mark.usefixtures("_kept")
def test_with_once_a_second_signal_interrupts() -> None:
    blocked = threading.Event()
    signals.obey({signal.SIGUSR1: lambda: blocked.wait(20)}, once=True)
    signal.raise_signal(signal.SIGUSR1)
    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGUSR1)
    blocked.set()
