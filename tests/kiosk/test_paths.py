"""Places: an address gets its share, operators and the device's own screen have some of their own."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

pytest.importorskip("starlette", reason="the extra `kiosk` is not installed")

from edge.kiosk.paths import Client, Full, Places, is_local

if TYPE_CHECKING:
    from collections.abc import Iterator

    from starlette.types import Scope

OPERATOR = Client("192.0.2.9", operates=True)
SCREEN = Client("127.0.0.1", local=True)


@pytest.fixture
def held() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


def test_one_address_gets_its_share_alone(held: ExitStack) -> None:
    places = Places(4, per_address=2)
    for _ in range(2):
        held.enter_context(places.take(Client("192.0.2.1")))
    with pytest.raises(Full) as full:
        places.check(Client("192.0.2.1"))
    assert full.value.of_address
    for _ in range(2):
        held.enter_context(places.take(Client("192.0.2.2")))
    with pytest.raises(Full) as full:
        places.check(Client("192.0.2.3"))
    assert not full.value.of_address
    held.close()
    assert len(places) == 0
    places.check(Client("192.0.2.1"))


def test_operators_have_places_of_their_own_also_behind_a_strangers_address(held: ExitStack) -> None:
    places = Places(2, per_address=1, reserved=2)
    for number in range(2):
        held.enter_context(places.take(Client(f"192.0.2.{number}")))
    for _ in range(2):
        held.enter_context(places.take(Client("192.0.2.0", operates=True)))
    with pytest.raises(Full):
        places.check(OPERATOR)


def test_the_devices_own_screen_always_gets_one(held: ExitStack) -> None:
    ended: list[int] = []
    places = Places(4, per_address=2, reserved=1)
    for number in range(4):
        held.enter_context(places.take(Client(f"192.0.2.{number}")))
    for number in range(3):  # the reserved one, which then goes from one to the next
        held.enter_context(places.take(SCREEN, lambda number=number: ended.append(number)))  # type: ignore[misc]
    assert ended == [0, 1]
    assert len(places) == 5


def test_the_screens_own_share_is_bounded_too(held: ExitStack) -> None:
    places = Places(4, per_address=2)
    for _ in range(9):
        held.enter_context(places.take(SCREEN, lambda: None))
    assert len(places) == 2
    places.check(Client("192.0.2.1"))


@pytest.mark.parametrize(
    ("address", "header", "local"),
    [
        ("127.0.0.1", None, True),
        ("::1", None, True),
        ("127.0.0.2", None, False),
        ("192.0.2.1", None, False),
        ("127.0.0.1", b"x-forwarded-for", False),
        ("127.0.0.1", b"via", False),
    ],
)
def test_who_is_the_devices_own_screen(address: str, header: bytes | None, local: bool) -> None:
    scope: Scope = {"client": (address, 1), "headers": [] if header is None else [(header, b"192.0.2.1")]}
    assert is_local(scope) is local
