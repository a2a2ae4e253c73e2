"""The soak's short form: a real device under every flood, and a verdict that finds what does not hold."""

from __future__ import annotations

import shutil
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

pytest.importorskip("starlette", reason="the extra `kiosk` is not installed")

from tests.soak.floods import FLOODS
from tests.soak.run import soak
from tests.soak.verdict import AFTER, CALM, FLOOD, FloodBounds, OwnerActions, judge
from tests.soak.watch import FloodSample, PageLoad

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

SECONDS = 22.0
SCREEN, OPERATOR = "the screen's page", "an operator's page"
ON_A_BUSY_MACHINE = FloodBounds(rate_share=0.35, growth_mb=250, peak_mb=350, page_ms=9000)
"""Other tests run beside this one, and what is bounded fills up in these seconds: `make soak` has the true bounds."""
GOOD = OwnerActions(
    sessions=6,
    sessions_kept=6,
    settings=6,
    settings_kept=True,
    markers=6,
    markers_lost=0,
    back_s=(2.0,),
    exit_code=0,
    tracebacks=0,
)


@pytest.mark.parametrize("broker", ["embedded", "mosquitto"])
def test_a_device_keeps_everything_up_under_all_floods(tmp_path: Path, broker: str) -> None:
    if broker == "embedded":
        pytest.importorskip("amqtt", reason="the extra `broker` is not installed")
    elif shutil.which("mosquitto", path="/usr/sbin:/usr/bin:/usr/local/sbin") is None:
        pytest.skip("Mosquitto is not installed")
    if shutil.which("prlimit") is None:
        pytest.skip("prlimit of util-linux is not installed")
    found = soak(tmp_path, SECONDS, broker=broker, bounds=ON_A_BUSY_MACHINE)
    assert found.passed, "\n".join(found.lines())
    assert len(found.samples) > SECONDS / 4
    done = " ".join(name for name in found.floods if not name.startswith("ended"))
    for each in ("connections idle", "slow headers", "slow bodies", "streams", "logins", "uploads", "commands"):
        assert each in done, "a flood that did not take place"
    assert found.floods["connections idle"] > 200


def samples() -> list[FloodSample]:
    """Return actions that all succeeded."""
    phases = [CALM] * 30 + [FLOOD] * 150 + [AFTER] * 10
    return [
        FloodSample(
            t_s=float(tick),
            phase=phase,
            frames=10 * tick,
            cpu_s=0.1 * tick,
            anonymous_mb=150.0 if phase == FLOOD else 90.0,
            descriptors=600 if phase == FLOOD else 30,
            threads=20,
            helpers=1,
            log_kb=0.1 * tick,
            disk_mb=1.0,
            broker=True,
            status=True,
        )
        for tick, phase in enumerate(phases)
    ]


def looks(took_ms: Callable[[int], float | None] = lambda _: 20.0) -> list[PageLoad]:
    """Return page loads of a viewer, and of an operator with the times of ``took_ms``."""
    return [
        PageLoad(who, each.t_s, each.phase, took_ms(int(each.t_s)) if who == OPERATOR else 20.0)
        for each in samples()
        for who in (SCREEN, OPERATOR)
    ]


def failed(change: Callable[[FloodSample, int], dict[str, Any]] = lambda *_: {}, **actions: Any) -> list[str]:
    """Return the failing checks after changes to each flood sample and to the actions."""
    changed = [
        replace(each, **change(each, tick)) if each.phase == FLOOD else each for tick, each in enumerate(samples())
    ]
    return [
        check.name for check in judge(changed, looks(), replace(GOOD, **actions), FloodBounds()) if not check.passed
    ]


def test_a_good_device_passes() -> None:
    assert failed() == []
    assert failed(lambda *_: {"status": False, "broker": False}, back_s=(9.0, 29.0)) == ["local socket answers"]


@pytest.mark.parametrize(
    ("change", "name"),
    [
        (lambda each, tick: {"frames": each.frames - 2 * (tick - 30)}, "loop, frames a second"),
        (lambda each, tick: {"anonymous_mb": each.anonymous_mb + 0.4 * tick}, "memory's growth, MB"),
        (lambda each, tick: {"anonymous_mb": each.anonymous_mb + 300 * (tick == 60)}, "memory at most, MB"),
        (lambda _, tick: {"descriptors": 1000 if tick == 40 else 30}, "descriptors at most"),
        (lambda _, tick: {"threads": 90 if tick == 40 else 20}, "threads at most"),
        (lambda _, tick: {"log_kb": 10.0 * tick}, "log, kB"),
        (lambda _, tick: {"disk_mb": 0.5 * tick}, "state folder, MB"),
        (lambda _, tick: {"status": tick % 10 > 0}, "local socket answers"),
    ],
)
def test_what_does_not_hold_is_found_and_nothing_else(
    change: Callable[[FloodSample, int], dict[str, Any]], name: str
) -> None:
    assert failed(change) == [name]


@pytest.mark.parametrize(
    ("actions", "name"),
    [
        ({"sessions_kept": 5}, "sessions written"),
        ({"sessions": 0, "sessions_kept": 0}, "sessions written"),
        ({"settings_kept": False}, "settings written"),
        ({"markers_lost": 1}, "answered markers lost"),
        ({"markers": 0}, "answered markers lost"),
        ({"back_s": (2.0, None)}, "MQTT after a restart, s"),
        ({"back_s": (31.0,)}, "MQTT after a restart, s"),
        ({"exit_code": -9}, "exit code"),
        ({"tracebacks": 1}, "tracebacks in the log"),
    ],
)
def test_what_was_not_kept_is_found(actions: dict[str, Any], name: str) -> None:
    assert failed(**actions) == [name]


def test_a_broker_that_is_never_there_is_found() -> None:
    assert failed(lambda _, tick: {"broker": tick % 4 > 0}, back_s=(), markers_lost=None) == ["MQTT connected"]


def test_descriptors_that_are_never_given_back_are_found() -> None:
    changed = [replace(each, descriptors=300) if each.phase == AFTER else each for each in samples()]
    (check,) = [check for check in judge(changed, looks(), GOOD, FloodBounds()) if not check.passed]
    assert check.name == "descriptors afterwards"


def test_no_samples_is_no_pass() -> None:
    assert not any(check.passed for check in judge(samples()[:29], looks(), GOOD, FloodBounds()))


@pytest.mark.parametrize(
    "took_ms",
    [lambda t_s: None if t_s % 10 == 0 else 9.0, lambda t_s: 6000.0 if t_s % 10 == 0 else 9.0, lambda _: None],
)
def test_an_operator_who_is_kept_out_or_waits_is_found(took_ms: Callable[[int], float | None]) -> None:
    (check,) = [check for check in judge(samples(), looks(took_ms), GOOD, FloodBounds()) if not check.passed]
    assert check.name == f"{OPERATOR}, p95"


def test_every_kind_of_flood_is_there() -> None:
    assert {"idle", "headers", "bodies", "uploads", "streams", "logins", "commands", "silent", "large"} <= set(FLOODS)
