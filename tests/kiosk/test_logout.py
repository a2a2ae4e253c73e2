"""A login that was ended stays ended: over restarts, changed passwords, full disks and clocks that are set."""

from __future__ import annotations

import asyncio
import errno
import json
import os
import subprocess
import threading
from typing import TYPE_CHECKING, Any

import pytest

from edge.kiosk import login_service, passwords, revocations
from edge.kiosk.revocations import RevocationList
from edge.kiosk.roles import Role
from edge.system import mounts
from edge.util import files

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

PASSWORD, TOKEN = "correct horse", "let me watch"
RECORD = "kiosk-logins-n1.json"


@pytest.fixture
def start(make_kiosk: Callable[..., Any], cheap_hashes: dict[str, Path]) -> Callable[..., Any]:
    """``start(**settings)``: the device starts, with what is in its state folder."""
    return lambda **settings: make_kiosk(host="0.0.0.0", **(cheap_hashes | settings))


def cookie_of(kiosk: Any, one: Any) -> str:
    return str(one.client.cookies.get(kiosk.access.cookie_below()))


def role(kiosk: Any, cookie: str) -> str:
    return str(kiosk.access.visit(cookie).role.name)


def logged_in(kiosk: Any, browser: Any, password: str = PASSWORD) -> tuple[Any, str]:
    one = browser(kiosk)
    assert one.login(password).status_code == 200
    return one, cookie_of(kiosk, one)


def refusal(number: int) -> Callable[..., Any]:
    """What the system refuses with this error."""

    def refuse(*_: Any, **__: Any) -> None:
        raise OSError(number, os.strerror(number))

    return refuse


def test_a_revoked_cookie_stays_revoked_over_a_restart(start: Any, browser: Any) -> None:
    kiosk = start()
    one, stolen = logged_in(kiosk, browser)
    _, other = logged_in(kiosk, browser)
    assert one.post("logout").status_code == 200
    again = start()
    assert role(again, stolen) == "NOBODY"
    assert role(again, other) == "OPERATOR", "other logins outlive the restart"
    assert role(start(), stolen) == "NOBODY"


def test_what_a_new_login_replaces_is_revoked_for_good_too(start: Any, browser: Any) -> None:
    kiosk = start()
    one, before = logged_in(kiosk, browser, TOKEN)
    assert one.login(PASSWORD).status_code == 200
    again = start()
    assert (role(again, before), role(again, cookie_of(kiosk, one))) == ("NOBODY", "OPERATOR")


def test_a_viewer_who_left_stays_out_when_watching_is_closed_again(start: Any, browser: Any) -> None:
    kiosk = start(open_to_viewers=True)
    stranger = browser(kiosk)
    stranger.visit()
    one, stolen = logged_in(kiosk, browser, TOKEN)
    assert one.post("logout").status_code == 200
    closed = start()
    assert role(closed, stolen) == "NOBODY"
    assert role(closed, cookie_of(kiosk, stranger)) == "NOBODY", "who never logged in carries no right"


def test_a_changed_password_ends_logins_even_when_it_is_changed_back(start: Any, browser: Any, tmp_path: Path) -> None:
    kiosk = start()
    one, revoked = logged_in(kiosk, browser)
    _, kept = logged_in(kiosk, browser)
    one.post("logout")
    other = tmp_path / "other"
    other.write_text(passwords.make_hash("another one"))
    for settings in ({"password_file": other}, {}, {"viewer_token_file": other}, {}):
        changed = start(**settings)
        assert (role(changed, revoked), role(changed, kept)) == ("NOBODY", "NOBODY"), settings


def test_log_out_everywhere_ends_every_login_for_good(start: Any, browser: Any) -> None:
    kiosk = start()
    one, mine = logged_in(kiosk, browser)
    _, other = logged_in(kiosk, browser)
    watching, viewer = logged_in(kiosk, browser, TOKEN)
    assert watching.post("logout/all").status_code == 403
    assert role(kiosk, other) == "OPERATOR"
    assert one.post("logout/all").status_code == 200
    for device in (kiosk, start()):
        assert {role(device, cookie) for cookie in (mine, other, viewer)} == {"NOBODY"}
    _, new = logged_in(kiosk, browser)
    assert role(start(), new) == "OPERATOR"


def test_streams_end_with_the_login(start: Any, browser: Any) -> None:
    kiosk = start()
    one, cookie = logged_in(kiosk, browser)
    watching, other = logged_in(kiosk, browser, TOKEN)
    visit, viewer = kiosk.access.visit(cookie), kiosk.access.visit(other)
    assert kiosk.access.holds(visit)
    watching.post("logout")
    assert (kiosk.access.holds(visit), kiosk.access.holds(viewer)) == (True, False)
    one.post("logout/all")
    assert not kiosk.access.holds(visit)


def test_on_a_full_disk_a_logout_ends_all_logins_with_the_restart(
    start: Any, browser: Any, monkeypatch: pytest.MonkeyPatch, caplog: Any
) -> None:
    kiosk = start()
    one, revoked = logged_in(kiosk, browser)
    _, other = logged_in(kiosk, browser)
    with monkeypatch.context() as full:
        full.setattr(files, "_make", refusal(errno.ENOSPC))
        assert one.post("logout").status_code == 200
    assert role(kiosk, other) == "OPERATOR", "nobody else is logged out now"
    assert "everyone has to log in again after a restart" in caplog.text
    again = start()
    assert (role(again, revoked), role(again, other)) == ("NOBODY", "NOBODY")


def test_what_could_not_be_recorded_is_tried_again(start: Any, browser: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    kiosk = start()
    one, revoked = logged_in(kiosk, browser)
    _, other = logged_in(kiosk, browser)
    with monkeypatch.context() as full:
        full.setattr(files, "_make", refusal(errno.ENOSPC))
        one.post("logout")
        assert kiosk.access.revocations.unsaved
    kiosk.access.revocations.save()
    assert not kiosk.access.revocations.unsaved
    again = start()
    assert (role(again, revoked), role(again, other)) == ("NOBODY", "OPERATOR")


def test_the_page_tries_again_by_itself(start: Any, browser: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    kiosk = start()
    one, revoked = logged_in(kiosk, browser)
    with monkeypatch.context() as full:
        full.setattr(files, "_make", refusal(errno.ENOSPC))
        one.post("logout")
    monkeypatch.setattr(login_service, "_SAVE_AGAIN_S", 0.01)

    async def watch(patch: pytest.MonkeyPatch) -> None:
        loop, saved = asyncio.get_running_loop(), asyncio.Event()
        patch.setattr(revocations, "sync_folder", lambda _: loop.call_soon_threadsafe(saved.set))
        watching = asyncio.create_task(kiosk.logins.watch_unsaved())
        async with asyncio.timeout(60):
            await saved.wait()
        watching.cancel()

    with monkeypatch.context() as patch:
        asyncio.run(watch(patch))
    assert role(start(), revoked) == "NOBODY"


@pytest.mark.parametrize("path", ["logout", "logout/all"])
def test_a_logout_that_a_read_only_disk_would_revive_says_so(
    start: Any, browser: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, path: str
) -> None:
    kiosk = start()
    one, revoked = logged_in(kiosk, browser)
    monkeypatch.setattr(files, "_make", refusal(errno.EROFS))
    monkeypatch.setattr(type(tmp_path), "unlink", refusal(errno.EROFS))
    answer = one.post(path)
    assert (answer.status_code, answer.json()["error"]) == (507, "not_for_good")
    assert role(kiosk, revoked) == "NOBODY", "until the restart it holds"
    locked = start()  # the disk is read-only from the start: no login of before counts, for it may have been revoked
    assert role(locked, revoked) == "NOBODY"
    inside, cookie = logged_in(locked, browser)
    assert inside.post("logout").status_code == 200
    assert role(locked, cookie) == "NOBODY"
    monkeypatch.undo()
    assert role(start(), cookie) == "NOBODY"


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Callable[..., None]]:
    """``disk("ro")``: the state folder is a file system of its own, which is mounted again like this."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounting = subprocess.run(["mount", "-t", "tmpfs", "tmpfs", folder], capture_output=True, text=True, check=False)
    if mounting.returncode:
        pytest.skip(f"nothing can be mounted here: {mounting.stderr.strip()}")

    def remount(how: str) -> None:
        subprocess.run(["mount", "-o", f"remount,{how}", folder], check=True)

    yield remount
    subprocess.run(["umount", "-l", folder], check=True)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root mounts a disk")
@pytest.mark.parametrize("path", ["logout", "logout/all"])
def test_a_logout_on_a_disk_that_is_really_read_only(
    start: Any, browser: Any, disk: Callable[..., None], tmp_path: Path, path: str
) -> None:
    kiosk = start(**{"node.state_dir": tmp_path / "disk"})
    one, revoked = logged_in(kiosk, browser)
    disk("ro")
    answer = one.post(path)
    assert (answer.status_code, answer.json()["error"]) == (507, "not_for_good")
    assert role(kiosk, revoked) == "NOBODY", "until the restart it holds"
    locked = start(**{"node.state_dir": tmp_path / "disk"})
    assert role(locked, revoked) == "NOBODY"
    inside, cookie = logged_in(locked, browser)
    assert inside.post("logout").status_code == 200
    assert role(locked, cookie) == "NOBODY"
    disk("rw")
    assert role(start(**{"node.state_dir": tmp_path / "disk"}), cookie) == "NOBODY"


@pytest.mark.parametrize(
    "content", [b"", b"{", b"\x00" * 4096, b'{"generation": "x", "passwords": "y", "ended": 3}', None]
)
def test_a_damaged_or_missing_record_ends_logins_and_revives_none(
    start: Any, browser: Any, tmp_path: Path, caplog: Any, content: bytes | None
) -> None:
    kiosk = start()
    one, revoked = logged_in(kiosk, browser)
    _, other = logged_in(kiosk, browser)
    one.post("logout")
    path = tmp_path / RECORD
    path.unlink()
    if content is not None:
        path.write_bytes(content)
    again = start()
    assert (role(again, revoked), role(again, other)) == ("NOBODY", "NOBODY")
    assert ("everyone has to log in again" in caplog.text) is (content is not None)


def test_the_record_is_on_the_disk_before_the_answer(
    start: Any, browser: Any, monkeypatch: Any, tmp_path: Path
) -> None:
    kiosk = start()
    one, _ = logged_in(kiosk, browser)
    synced: list[bytes] = []
    monkeypatch.setattr(revocations, "sync_folder", lambda folder: synced.append((folder / RECORD).read_bytes()))
    identity = kiosk.access.visit(cookie_of(kiosk, one)).identity
    one.post("logout")
    assert identity.encode() in synced[-1], "its name too: a power cut brings no older file back"
    assert (tmp_path / RECORD).stat().st_mode & 0o077 == 0


def test_where_a_reboot_undoes_what_is_written_it_ends_logins(
    start: Any, browser: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mounts, "_MOUNTS", tmp_path / "mounts")
    monkeypatch.setattr(mounts, "_BOOT", tmp_path / "boot")
    (tmp_path / "boot").write_text("first\n")
    (tmp_path / "mounts").write_text("22 1 8:1 / / rw - ext4 /dev/root rw\n")
    _, cookie = logged_in(start(), browser)
    below = (tmp_path / RECORD).read_bytes()
    (tmp_path / "boot").write_text("second\n")
    assert role(start(), cookie) == "OPERATOR", "not on a disk"
    (tmp_path / "mounts").write_text("22 1 0:31 / / rw,relatime - overlay overlay rw,lowerdir=/x\n")
    kiosk = start()
    assert role(kiosk, cookie) == "NOBODY"
    one, revoked = logged_in(kiosk, browser)
    _, other = logged_in(kiosk, browser)
    one.post("logout")
    again = start()
    assert (role(again, revoked), role(again, other)) == ("NOBODY", "OPERATOR"), "the service starts again"
    (tmp_path / RECORD).write_bytes(below)
    (tmp_path / "boot").write_text("third\n")
    assert {role(start(), each) for each in (cookie, revoked, other)} == {"NOBODY"}


def record(path: Path, clock: list[float], **settings: Any) -> RevocationList:
    given: dict[str, Any] = {"passwords": "p", "lifetime_s": 100, "clock": lambda: clock[0], **settings}
    return RevocationList(path, **given)


def test_expired_ones_are_dropped_and_a_clock_that_is_set_back_revives_none(tmp_path: Path) -> None:
    clock = [1000.0]
    one = record(tmp_path / "r", clock)
    one.revoke("a", 2, 990)
    one.revoke("b", 2, 1000)
    one.save()
    clock[0] = 1095.0
    one.revoke("c", 2, 1090)
    one.save()
    assert set(json.loads((tmp_path / "r").read_text())["ended"]["2"]["revoked"]) == {"b", "c"}
    clock[0] = 1000.0
    again = record(tmp_path / "r", clock, lifetime_s=10_000)
    assert [again.holds(name, 2, again.generation, at) for name, at in (("a", 990), ("b", 1000), ("x", 991))] == [
        False,
        False,
        True,
    ]


def test_it_is_bounded_and_viewers_push_out_no_operator(tmp_path: Path) -> None:
    one = record(tmp_path / "r", [1000.0], lifetime_s=10_000)
    one.revoke("operator", int(Role.OPERATOR), 10)
    for number in range(2 * revocations.MOST):
        one.revoke(f"viewer-{number:021}", int(Role.VIEWER), 100 + number)
    one.save()
    assert (tmp_path / "r").stat().st_size < 64 * 1024
    again = record(tmp_path / "r", [1000.0], lifetime_s=10_000)
    held = [again.holds(f"viewer-{n:021}", 1, again.generation, 100 + n) for n in range(2 * revocations.MOST)]
    assert not any(held)
    assert not again.holds("operator", 2, again.generation, 10)
    assert again.holds("another operator", 2, again.generation, 9)
    assert again.holds("new viewer", 1, again.generation, 5000)


def test_many_logouts_at_once_share_their_writes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one = record(tmp_path / "r", [1000.0])
    writes: list[int] = []
    begun, go_on = threading.Event(), threading.Event()
    write = files.write_text

    def slow(*arguments: Any, **named: Any) -> None:
        writes.append(1)
        begun.set()
        assert go_on.wait(60)
        write(*arguments, **named)

    monkeypatch.setattr(revocations, "write_text", slow)
    one.revoke("first", 2, 1)
    threads = [threading.Thread(target=one.save)]
    threads[0].start()
    assert begun.wait(60)
    for number in range(10):
        one.revoke(f"n{number}", 2, 1)
        threads.append(threading.Thread(target=one.save))
        threads[-1].start()
    go_on.set()
    for thread in threads:
        thread.join()
    assert len(writes) == 2
    again = record(tmp_path / "r", [1000.0])
    assert not any(again.holds(f"n{number}", 2, again.generation, 1) for number in range(10))
