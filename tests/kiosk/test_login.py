"""Guesses at passwords: how many, from where, at what cost, and who gets in meanwhile."""

from __future__ import annotations

import asyncio
import os
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest

from edge.kiosk import attempts, passwords
from edge.kiosk.attempts import OVERALL, PER_CALLER, RIGHT_PER_CALLER, Caller, LoginThrottle, Standing
from edge.kiosk.roles import Role
from edge.kiosk.stream import Stream
from edge.kiosk.topic_cache import ChangeNotifier, TopicCache
from edge.kiosk.verifier import NICENESS, Verifier
from edge.util.connections import site_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

PASSWORD, TOKEN = "correct horse", "let me watch"
WRONG, RIGHT, WAIT = 403, 200, 429
OPERATOR, ATTACKER = "192.0.2.7", "203.0.113.9"


@pytest.fixture
def start(make_kiosk: Callable[..., Any], cheap_hashes: dict[str, Path]) -> Callable[..., Any]:
    """``start(**settings)``: a page of the network."""
    return lambda **settings: make_kiosk(host="0.0.0.0", **cheap_hashes, **settings)


@pytest.fixture
def kiosk(start: Callable[..., Any]) -> Any:
    return start()


@pytest.fixture
def try_from(kiosk: Any, browser: Any) -> Callable[[str, str], int]:
    """``try_from(address, password)``: the status of a login in a new browser."""
    return lambda address, password: int(browser(kiosk, address=address).login(password).status_code)


@pytest.fixture
def hashed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The passwords of which a hash is computed."""
    seen: list[str] = []
    verify = passwords.verify

    def note(password: str, made: str) -> bool:
        seen.append(password)
        return verify(password, made)

    monkeypatch.setattr(passwords, "verify", note)
    return seen


def flood(try_from: Callable[[str, str], int], network: str = "198.51.100") -> int:
    """Guess from many addresses until all together have to wait; the number of guesses that were looked at."""
    statuses = [try_from(f"{network}.{number}", "a guess") for number in range(60)]
    assert statuses[-1] == WAIT
    return statuses.count(WRONG)


@pytest.mark.parametrize("guesses", range(1, PER_CALLER))
def test_a_viewers_token_forgives_no_guess(kiosk: Any, browser: Any, guesses: int) -> None:
    one = browser(kiosk, address=ATTACKER)
    looked_at = 0
    for _ in range(PER_CALLER + 1):
        for _ in range(guesses):
            looked_at += one.login("a guess").status_code == WRONG
        one.login(TOKEN)
    assert looked_at == PER_CALLER
    assert one.login(PASSWORD).status_code == WAIT


def test_an_operators_mistakes_are_forgiven(kiosk: Any, browser: Any) -> None:
    one = browser(kiosk)
    for _ in range(3):
        assert [one.login("a slip").status_code for _ in range(PER_CALLER - 1)] == [WRONG] * (PER_CALLER - 1)
        assert one.login(PASSWORD).status_code == RIGHT


def test_a_flood_of_guesses_locks_out_nobody_who_knew_the_password(kiosk: Any, browser: Any, try_from: Any) -> None:
    assert try_from(OPERATOR, PASSWORD) == RIGHT
    travels = browser(kiosk, address="192.0.2.55")
    assert travels.login(PASSWORD).status_code == RIGHT
    travels.post("logout")
    watches = browser(kiosk, address="192.0.2.66")
    assert watches.login(TOKEN).status_code == RIGHT
    assert flood(try_from) == OVERALL[Standing.STRANGER]
    assert try_from("192.0.2.200", PASSWORD) == WAIT, "whom nobody knows waits"
    for _ in range(3):
        assert try_from(OPERATOR, PASSWORD) == RIGHT, "an address that knew it, in another browser"
        moved = browser(kiosk, address="192.0.2.201")
        moved.client.cookies.update(travels.client.cookies)
        moved.token = ""
        assert moved.login(PASSWORD).status_code == RIGHT, "a browser that knew it, at another address"
        assert try_from("192.0.2.66", TOKEN) == RIGHT, "a viewer's address"
        assert try_from("127.0.0.1", TOKEN) == RIGHT, "the wall's own browser"


def test_viewers_who_guess_lock_out_no_operator(try_from: Any) -> None:
    assert try_from(OPERATOR, PASSWORD) == RIGHT
    for number in range(12):
        assert try_from(f"198.51.100.{number}", TOKEN) == RIGHT
    statuses = [try_from(f"198.51.100.{number}", "a guess") for number in range(12)]
    assert statuses.count(WRONG) == OVERALL[Standing.VIEWER]
    assert try_from(OPERATOR, PASSWORD) == RIGHT
    assert try_from("192.0.2.200", PASSWORD) == RIGHT, "nor strangers"


def test_one_at_a_shared_address_cannot_spend_the_tries_of_a_known_browser(kiosk: Any, browser: Any) -> None:
    operator = browser(kiosk, address=ATTACKER)
    assert operator.login(PASSWORD).status_code == RIGHT
    attacker = browser(kiosk, address=ATTACKER)
    assert [attacker.login("a guess").status_code for _ in range(PER_CALLER + 1)] == [WRONG] * PER_CALLER + [WAIT]
    assert operator.login(PASSWORD).status_code == RIGHT
    assert [operator.login("a guess").status_code for _ in range(PER_CALLER + 1)] == [WRONG] * PER_CALLER + [WAIT]


def test_after_a_restart_a_known_browser_is_still_known(start: Any, browser: Any) -> None:
    one = browser(start())
    assert one.login(PASSWORD).status_code == RIGHT
    again = start()
    flood(lambda address, password: int(browser(again, address=address).login(password).status_code))
    later = browser(again)
    later.client.cookies.update(one.client.cookies)
    assert later.login(PASSWORD).status_code == RIGHT


def test_the_cookie_of_a_known_browser_opens_nothing_and_cannot_be_made(kiosk: Any, browser: Any) -> None:
    one = browser(kiosk, address=ATTACKER)
    name = f"{kiosk.access.cookie_below()}_known"
    assert one.login(TOKEN).status_code == RIGHT
    header = next(value for value in one.login(TOKEN).headers.get_list("set-cookie") if name in value).lower()
    assert "httponly" in header
    assert "samesite=strict" in header
    bare = browser(kiosk)
    bare.client.cookies.set(name, one.client.cookies[name])
    assert bare.visit()["role"] == "nobody"
    bare.client.cookies.set(kiosk.access.cookie_below(), one.client.cookies[name])
    assert bare.visit()["role"] == "nobody"
    assert kiosk.logins.browsers.read(one.client.cookies[kiosk.access.cookie_below()]) is None
    for value in (None, "", "x", one.client.cookies[name][:-2]):
        assert kiosk.logins.browsers.read(value) is None


def test_right_passwords_cost_one_hash_and_are_bounded(kiosk: Any, browser: Any, hashed: list[str]) -> None:
    one = browser(kiosk, address=ATTACKER)
    statuses = [one.login(TOKEN).status_code for _ in range(RIGHT_PER_CALLER + 3)]
    assert statuses == [RIGHT] * RIGHT_PER_CALLER + [WAIT] * 3
    assert hashed == [TOKEN, TOKEN], "compared with both hashes, once"


def test_many_logins_with_the_viewers_token_lock_out_no_operator() -> None:
    throttle = LoginThrottle(clock=lambda: 0.0)

    def enter(address: str, role: Role, *, is_local: bool = False) -> bool:
        caller = throttle.caller(address, is_local=is_local, device=None)
        may = throttle.wait_s(caller) == 0
        if may:
            throttle.succeeded(throttle.begin(caller), role)
        return may

    assert enter(OPERATOR, Role.OPERATOR)
    for _ in range(2):
        entered = [enter(f"198.51.{number // 250}.{number % 250}", Role.VIEWER) for number in range(1000)]
    assert not any(entered[-300:])
    assert enter(OPERATOR, Role.OPERATOR)
    assert enter("127.0.0.1", Role.VIEWER, is_local=True)


def test_whoever_has_to_wait_learns_nothing_and_costs_nothing(kiosk: Any, browser: Any, hashed: list[str]) -> None:
    assert browser(kiosk).login(PASSWORD).status_code == RIGHT
    one = browser(kiosk, address=ATTACKER)
    for _ in range(PER_CALLER):
        one.login("a guess")
    del hashed[:]
    refused = [one.login(password) for password in (PASSWORD, TOKEN, "a guess")]
    assert {answer.status_code for answer in refused} == {WAIT}
    assert len({answer.text for answer in refused}) == 1
    assert hashed == []


@pytest.mark.parametrize(
    ("address", "key"),
    [
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::1", "2001:db8:1:2::/64"),
        ("2001:db8:1:3::1", "2001:db8:1:3::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("192.0.2.1", "192.0.2.1"),
        ("", ""),
        ("nonsense", "nonsense"),
    ],
)
def test_a_network_of_ipv6_counts_as_one_address(address: str, key: str) -> None:
    assert site_of(address) == key


def test_guesses_from_a_network_of_ipv6_count_together(try_from: Any) -> None:
    statuses = [try_from(f"2001:db8:1:2::{number:x}", "a guess") for number in range(1, 9)]
    assert statuses == [WRONG] * PER_CALLER + [WAIT] * 3
    assert try_from("2001:db8:1:3::1", "a guess") == WRONG


@pytest.mark.parametrize("header", ["x-forwarded-for", "forwarded", "via", "x-real-ip"])
def test_what_a_proxy_on_this_machine_passes_on_is_not_the_device_itself(
    kiosk: Any, browser: Any, try_from: Any, header: str
) -> None:
    flood(try_from)
    through = browser(kiosk, address="127.0.0.1")
    through.client.headers[header] = "198.51.100.1"
    assert through.login(PASSWORD).status_code == WAIT
    assert try_from("127.0.0.1", PASSWORD) == RIGHT


def test_tries_are_forgiven_in_time_and_memory_is_bounded() -> None:
    now = [0.0]
    throttle = LoginThrottle(clock=lambda: now[0])

    def wrong(address: str) -> float:
        caller = throttle.caller(address, is_local=False, device=None)
        if throttle.wait_s(caller) == 0:
            throttle.begin(caller)
        return throttle.wait_s(caller)

    assert [wrong("a") for _ in range(PER_CALLER)] == [0] * (PER_CALLER - 1) + [60]
    for number in range(40):
        wrong(f"x{number}")
    assert wrong("new") == 60
    now[0] = 61
    assert throttle.wait_s(throttle.caller("new", is_local=False, device=None)) == 0
    for number in range(5000):
        now[0] += 60
        caller = throttle.caller(f"10.0.{number // 256}.{number % 256}", is_local=False, device=None)
        throttle.succeeded(throttle.begin(caller), Role.VIEWER)
        throttle.begin(caller)
    assert len(list(throttle._failures)) <= 1000
    assert len(throttle._known[Role.VIEWER]) == attempts._MOST_KNOWN


def stranger(number: int) -> Caller:
    return Caller(f"198.51.100.{number}", f"198.51.100.{number}", Standing.STRANGER)


class SlowCheck:
    """Computes until it may go on, and notes how many do at a time."""

    def __init__(self) -> None:
        self.may_go_on = threading.Event()
        self.at_work = self.most = self.done = 0
        self.priorities: set[int] = set()

    def __call__(self, password: str) -> Role:
        self.at_work += 1
        self.most = max(self.most, self.at_work)
        self.priorities.add(os.getpriority(os.PRIO_PROCESS, threading.get_native_id()))
        assert self.may_go_on.wait(60)
        self.at_work -= 1
        self.done += 1
        return Role.OPERATOR if password == PASSWORD else Role.NOBODY


def test_one_hash_at_a_time_few_wait_and_each_caller_has_one_in_hand() -> None:
    check = SlowCheck()
    verifier = Verifier(check)

    async def attack() -> None:
        accepted = []
        for number in range(100):
            for _ in range(3):
                if not verifier.is_busy_for(stranger(number)):
                    accepted.append(asyncio.ensure_future(verifier.role_for("a guess", stranger(number))))
                    await asyncio.sleep(0)
        assert len(accepted) == 4
        accepted[0].cancel()  # its client went: what is computed for it still counts
        await asyncio.sleep(0)
        assert verifier.is_busy_for(stranger(200))
        operator = Caller("device x", "192.0.2.7", Standing.OPERATOR)
        assert not verifier.is_busy_for(operator), "operators have places of their own"
        entering = asyncio.ensure_future(verifier.role_for(PASSWORD, operator))
        await asyncio.sleep(0)
        check.may_go_on.set()
        assert await entering is Role.OPERATOR
        assert await asyncio.gather(*accepted[1:]) == [Role.NOBODY] * 3

    asyncio.run(attack())
    assert (check.most, check.done) == (1, 5)
    deadline = time.monotonic() + 60
    while verifier.is_busy_for(stranger(0)) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not verifier.is_busy_for(stranger(0))
    verifier.close()


def test_hashes_give_way_to_the_loop() -> None:
    check = SlowCheck()
    check.may_go_on.set()
    verifier = Verifier(check)
    asyncio.run(verifier.role_for("a guess", stranger(1)))
    verifier.close()
    own = os.getpriority(os.PRIO_PROCESS, threading.get_native_id())
    assert check.priorities == {min(19, own + NICENESS)}


def test_it_can_be_closed_and_used_again() -> None:
    check = SlowCheck()
    check.may_go_on.set()
    verifier = Verifier(check)
    for _ in range(2):
        assert asyncio.run(verifier.role_for("a guess", stranger(1))) is Role.NOBODY
        verifier.close()
        verifier.close()


def test_an_open_stream_sends_nothing_after_the_logout() -> None:
    async def watch() -> list[str]:
        board, held = TopicCache(), [True]
        bell = ChangeNotifier(asyncio.get_running_loop())
        board.on_change(bell.ring)
        board.put("mood", 1)
        got = []
        async for text in Stream(board, bell, {"mood"}, greeting="{}", may_go_on=lambda: held[0]).updates():
            got.append(text)
            if "mood" in text:
                held[0] = False
                board.put("mood", 2)
        return got

    async def bounded() -> list[str]:
        async with asyncio.timeout(60):
            return await watch()

    assert asyncio.run(bounded()) == ["event: hello\ndata: {}\n\n", "event: mood\ndata: 1\n\n"]
