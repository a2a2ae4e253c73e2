"""What one address may take of rooms, upload slots and bytes, and what is left to others and operators."""

from __future__ import annotations

import asyncio
import contextlib
import select
import socket
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

pytest.importorskip("starlette", reason="the extra `kiosk` is not installed")

from edge.analysis.inputs import Kind
from edge.kiosk.analyze import pace, service, shares
from edge.kiosk.analyze.jobs import Job, State, VisitorSession
from edge.kiosk.analyze.pace import Progress
from edge.kiosk.analyze.shares import QuotaExceeded, Shares
from edge.kiosk.paths import Client
from edge.kiosk.requests import Refused

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

MEGABYTE = 1_000_000
STRANGER, OTHER = Client("192.0.2.1"), Client("192.0.2.2")
OPERATOR = Client("192.0.2.1", operates=True)


class House:
    """Rooms and their files, without a server."""

    def __init__(self, budget: int = 1200 * MEGABYTE, *, local_only: bool = False) -> None:
        self.rooms: dict[str, VisitorSession] = {}
        self.shares = Shares(lambda: budget, self.rooms, local_only=local_only)
        self._loop = asyncio.new_event_loop()

    def room(self, client: Client) -> VisitorSession:
        self.shares.check_room(client)
        made = VisitorSession(str(len(self.rooms)), client, self._loop)
        self.rooms[made.identity] = made
        return made

    def announce(self, room: VisitorSession, size: int) -> Job:
        made = Job(str(len(room.jobs)), "a.mp4", Kind.VIDEO, "mp4", size, Path(), held=0)
        room.jobs[made.id] = made
        return made

    def close(self) -> None:
        self._loop.close()


@pytest.fixture
def house() -> Iterator[House]:
    made = House()
    yield made
    made.close()


def test_what_was_announced_and_never_sent_costs_others_nothing(house: House) -> None:
    stranger = house.room(STRANGER)
    for _ in range(4):
        house.announce(stranger, 299 * MEGABYTE)
    assert house.shares.room_for(stranger) <= 0
    assert house.shares.room_for(house.room(OTHER)) == 900 * MEGABYTE
    assert house.shares.room_for(house.room(OPERATOR)) > 0


def test_one_address_fills_half_from_as_many_rooms_as_it_likes(house: House) -> None:
    for _ in range(3):
        room = house.room(STRANGER)
        job = house.announce(room, 250 * MEGABYTE)
        job.state = State.WAITING
        house.shares.arrive(room, job, 250 * MEGABYTE)
    assert house.shares.room_for(house.room(STRANGER)) < 0
    assert house.shares.room_for(house.room(OTHER)) == (1200 - 750 - 300) * MEGABYTE


def test_a_single_large_file_may_take_what_is_there(house: House) -> None:
    assert house.shares.room_for(house.room(STRANGER)) == 900 * MEGABYTE


def test_four_addresses_leave_operators_room_for_a_file_of_the_largest_size(house: House) -> None:
    rooms = [house.room(Client(f"192.0.2.{number}")) for number in range(4)]
    jobs = [house.announce(room, 300 * MEGABYTE) for room in rooms]
    for room, job in zip(rooms[:3], jobs, strict=False):
        house.shares.arrive(room, job, 300 * MEGABYTE)
    with pytest.raises(QuotaExceeded):
        house.shares.arrive(rooms[3], jobs[3], 1)
    jobs[3].held = 0
    operator = house.room(OPERATOR)
    house.shares.arrive(operator, house.announce(operator, 300 * MEGABYTE), 300 * MEGABYTE)
    assert house.shares.free == 0


def test_results_of_visitors_take_nothing_that_is_kept_for_operators(house: House) -> None:
    room = house.room(STRANGER)
    job = house.announce(room, 800 * MEGABYTE)
    house.shares.arrive(room, job, 800 * MEGABYTE)
    assert house.shares.spare_for(room) == 50 * MEGABYTE
    house.shares.arrive(room, job, 900 * MEGABYTE)
    assert house.shares.spare_for(room) == 0
    assert house.shares.spare_for(house.room(OPERATOR)) == 150 * MEGABYTE


def test_announcements_are_bounded_by_address_and_in_all_and_operators_have_more(house: House) -> None:
    def announce(room: VisitorSession) -> int:
        """How many files this visitor can announce."""
        before = len(room.jobs)
        with contextlib.suppress(QuotaExceeded):
            while len(room.jobs) < 1000:
                house.shares.check_announced(room)
                house.announce(room, 1)
        with pytest.raises(QuotaExceeded, match=shares.ON_THE_WAY):
            house.shares.check_announced(room)
        return len(room.jobs) - before

    first = house.room(Client("192.0.2.0"))
    assert announce(first) == shares.ANNOUNCED_PER_ADDRESS
    assert announce(house.room(Client("192.0.2.0"))) == 0
    others = [announce(house.room(Client(f"192.0.2.{number}"))) for number in range(1, 6)]
    assert sum(others) == shares.ANNOUNCED - shares.ANNOUNCED_PER_ADDRESS
    assert announce(house.room(OPERATOR)) == shares.RESERVED_ANNOUNCED
    next(iter(first.jobs.values())).state = State.WAITING
    assert announce(first) == 1, "what has come is no announcement any more"


def test_one_address_takes_half_of_the_rooms_and_operators_have_some_beyond(house: House) -> None:
    for _ in range(shares.MOST_ROOMS // 2):
        house.room(STRANGER)
    with pytest.raises(QuotaExceeded):
        house.room(STRANGER)
    for _ in range(shares.MOST_ROOMS // 2):
        house.room(OTHER)
    with pytest.raises(QuotaExceeded):
        house.room(Client("192.0.2.3"))
    for _ in range(shares.RESERVED_ROOMS):
        house.room(OPERATOR)
    with pytest.raises(QuotaExceeded):
        house.room(OPERATOR)


def test_progress_is_a_rate_in_every_window() -> None:
    now = [0.0]
    progress = Progress(lambda: now[0])
    progress.add(100 * MEGABYTE)  # what came at first is no credit for later
    now[0] = 20.0
    progress.add(1)
    for second in (25, 30, 35):
        now[0] = float(second)
        progress.add(1)
    now[0] = 40.0
    with pytest.raises(Refused):
        progress.add(1)


def test_time_in_which_nothing_was_taken_is_left_out() -> None:
    now = [0.0]
    progress = Progress(lambda: now[0])
    for _ in range(10):
        now[0] += 19.0
        progress.leave_out(18.0)
        progress.add(100_000)


def upload(visitor: Any, identity: str, source: str, size: int, data: bytes) -> socket.socket:
    """Begin to send a file, and leave it at that."""
    url = visitor.http.base_url
    made = socket.create_connection((url.host, url.port), timeout=60, source_address=(source, 0))
    cookie = "; ".join(f"{name}={value}" for name, value in visitor.http.cookies.items())
    head = f"PUT /api/analyze/files/{identity} HTTP/1.1\r\nHost: {url.host}:{url.port}\r\nCookie: {cookie}\r\n"
    head += f"X-CSRF-Token: {visitor.token}\r\nContent-Length: {size}\r\n\r\n"
    made.sendall(head.encode() + data)
    return made


def announced(served: Any, portrait: bytes, count: int) -> list[tuple[Any, str]]:
    made = []
    for _ in range(count):
        visitor = served.visitor()
        made.append((visitor, visitor.announce("a.jpg", portrait).json()["id"]))
    return made


def test_an_address_leaves_upload_slots_to_others(serve: Any, portrait: bytes, eventually: Callable[..., Any]) -> None:
    served = serve(upload_mb=1)
    assert eventually(lambda: served.desk.store.budget > 0)
    sending = [
        upload(visitor, identity, "127.0.0.5", len(portrait), portrait[:1000])
        for visitor, identity in announced(served, portrait, 5)
    ]
    (refused,), _, _ = select.select(sending, [], [], 60)  # four are at it
    answer = b""
    while not answer.endswith(b"}"):
        answer += refused.recv(4096)
    assert answer.startswith(b"HTTP/1.1 503 ")
    assert b"from your address" in answer
    visitor = served.visitor()
    assert visitor.wait_for(visitor.send("b.jpg", portrait), "done", "running", "waiting")
    for each in sending:
        each.close()


def test_a_file_that_drips_in_is_given_up(serve: Any, portrait: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pace, "WINDOW_S", 0.5)
    served = serve(upload_mb=1)
    ((visitor, identity),) = announced(served, portrait, 1)
    dripping = upload(visitor, identity, "127.0.0.5", len(portrait), portrait[:1000])
    dripping.settimeout(0.1)
    answer = b""
    while not answer:
        try:
            answer = dripping.recv(4096)
        except TimeoutError:
            dripping.sendall(b"x")
    assert answer.startswith(b"HTTP/1.1 408 ")
    dripping.close()
    assert identity not in visitor.files()


def test_who_announces_and_does_not_send_loses_it_and_the_next_may(
    serve: Any, portrait: bytes, monkeypatch: pytest.MonkeyPatch, eventually: Callable[..., Any]
) -> None:
    monkeypatch.setattr(shares, "ANNOUNCED", 3)
    served = serve(upload_mb=1)
    assert eventually(lambda: served.desk.store.budget > 0)
    stranger = served.visitor("127.0.0.5")
    kept = [stranger.announce("a.jpg", portrait).status_code for _ in range(4)]
    assert kept == [201, 201, 201, 503]
    other = served.visitor("127.0.0.6")
    refused = other.announce("b.jpg", portrait)
    assert (refused.status_code, refused.json()["error"]) == (503, "busy"), "the page tries again"
    monkeypatch.setattr(service, "ANNOUNCED_S", 0.0)
    assert eventually(lambda: stranger.files() == {})
    assert served.gone()
    monkeypatch.setattr(service, "ANNOUNCED_S", 60.0)
    other.wait_for(other.send("b.jpg", portrait), "done", "running", "waiting")


def test_who_waits_for_a_slot_keeps_the_announcement(
    serve: Any, portrait: bytes, eventually: Callable[..., Any]
) -> None:
    served = serve(upload_mb=1)
    assert eventually(lambda: served.desk.store.budget > 0)
    visitor = served.visitor()
    identity = visitor.announce("a.jpg", portrait).json()["id"]
    (room,) = served.desk.rooms.values()
    job = room.jobs[identity]
    job.since_s -= 15.0
    sending = [
        upload(each, name, "127.0.0.1", len(portrait), portrait[:1000]) for each, name in announced(served, portrait, 4)
    ]
    assert eventually(lambda: sum(job.state is State.UPLOADING for room in served.desk.rooms.values()
                                  for job in room.jobs.values()) == 4)  # fmt: skip
    assert visitor.put(identity, portrait).json()["error"] == "busy"
    assert time.monotonic() - job.since_s < 15.0
    for each in sending:
        each.close()
