"""The film on the wall: which files it may be, who may see them, and what comes back of its place."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from edge.core.commands import Answer, NotePlayback, StartSession, StopSession
from edge.core.events import Media, Session, ulid
from edge.kiosk.media.folder import MediaFolder
from edge.kiosk.media.player import SILENT_S, Choice, Player, Report
from edge.kiosk.topic_cache import TopicCache

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

IDENTITY = ulid(1_772_393_400_000, b"f" * 10)
FILM = bytes(range(256)) * 40


def session(name: str | None = "film.mp4") -> Session:
    media = None if name is None else Media(name=name)
    return Session(id=IDENTITY, title="", start=datetime(2026, 3, 1, tzinfo=UTC), media=media)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "films"
    made.mkdir()
    for name in ("film.mp4", "Second film.webm", "a#b?.mp4"):
        (made / name).write_bytes(FILM)
    (made / "notes.txt").write_text("no film")
    (made / ".hidden.mp4").write_bytes(FILM)
    (tmp_path / "secret.mp4").write_bytes(b"secret")
    (made / "way-out.mp4").symlink_to(tmp_path / "secret.mp4")
    (made / "folder.mp4").mkdir()
    return made


class Now:
    """A clock that stands until it is moved, in seconds."""

    def __init__(self) -> None:
        self.s = 100.0

    def __call__(self) -> int:
        return int(self.s * 1e9)


@pytest.fixture
def now() -> Now:
    return Now()


@pytest.fixture
def player(folder: Path, now: Now) -> Player:
    made = Player(folder, TopicCache(), clock_ns=now)
    made.follow(session())
    return made


def said(state: str, at_s: float, wall: str = "wall-0001", **more: Any) -> Report:
    return Report(wall, IDENTITY, state, at_s, **more)


def test_only_films_in_the_folder_are_listed(folder: Path) -> None:
    assert MediaFolder(folder).names() == ["a#b?.mp4", "film.mp4", "Second film.webm"]
    assert MediaFolder(folder / "gone").names() == []
    assert MediaFolder(None).names() == []


@pytest.mark.parametrize(
    "name",
    ["../secret.mp4", "way-out.mp4", "/etc/passwd", "notes.txt", ".hidden.mp4", "folder.mp4", "", "..", "x" * 300,
     "film.mp4\0", "..\\secret.mp4"],
)  # fmt: skip
def test_no_name_leads_out_of_it(folder: Path, name: str) -> None:
    assert MediaFolder(folder).find(name) is None


def test_a_session_with_a_file_of_the_folder_is_played(folder: Path) -> None:
    board = TopicCache()
    player = Player(folder, board)
    player.follow(session("Told by name only"))
    assert board.newer_than(0, {"player"})[1] == [("player", "null")]
    player.follow(None)
    player.follow(session("a#b?.mp4"))
    player.choose(IDENTITY, Choice(mood=False))
    [(_, told)] = board.newer_than(0, {"player"})[1]
    assert '"url":"/media/a%23b%3F.mp4"' in told
    assert '"mood":false' in told


def test_one_wall_plays_until_it_is_silent(player: Player, now: Now) -> None:
    assert player.hear(said("playing", 0))[0]
    assert not player.hear(said("playing", 0, wall="wall-0002"))[0]
    now.s += SILENT_S + 1
    assert player.hear(said("playing", 0, wall="wall-0002"))[0]


def test_what_a_wall_says_becomes_a_note_once(player: Player, now: Now) -> None:
    ours, note, over = player.hear(said("playing", 3.5, length_s=60.0))
    assert ours
    assert note is not None
    assert (note.at_ns, note.media_s, note.state, note.duration_s) == (now(), 3.5, "playing", 60.0)
    now.s += 0.1
    assert player.hear(said("playing", 3.6))[1] is None, "too soon to say anything new"
    assert player.hear(said("paused", 3.6))[1] is not None
    assert player.hear(Report("wall-0001", "another", "playing", 1.0)) == (False, None, False)
    assert not over


def test_a_wall_that_has_gone_counts_as_paused_where_it_was_heard(player: Player, now: Now) -> None:
    player.hear(said("playing", 10))
    heard = now()
    now.s += SILENT_S - 1
    assert player.tick() is None
    now.s += 2
    note = player.tick()
    assert note is not None
    assert (note.at_ns, note.media_s, note.state) == (heard, 10, "paused")
    assert player.tick() is None


@pytest.mark.parametrize("ends", [True, False])
def test_a_session_may_end_with_its_film(player: Player, now: Now, *, ends: bool) -> None:
    player.choose(IDENTITY, Choice(end=ends))
    player.hear(said("playing", 59))
    now.s += 1
    assert player.hear(said("ended", 60))[2] is ends
    now.s += 5
    assert player.hear(said("ended", 60))[2] is False, "once"


def test_from_the_desk_to_the_report_of_the_wall(
    make_kiosk: Callable[..., Any], browser: Callable[..., Any], inbox: Any, folder: Path
) -> None:
    kiosk = make_kiosk(media_dir=folder)
    kiosk.consent.state("audience")
    desk = browser(kiosk)
    assert desk.client.get("/api/media").json()["names"][1] == "film.mp4"
    assert desk.post("session/start", {"film": "../secret.mp4"}).status_code == 422
    inbox.says = Answer({"id": IDENTITY})
    assert desk.post("session/start", {"film": "film.mp4", "film_ends": True}).status_code == 200
    assert inbox.asked == [StartSession(media=Media(name="film.mp4"))]
    kiosk.player.follow(session())
    body = {"wall": "wall-0001", "session": IDENTITY, "state": "playing", "at_s": 0}
    assert desk.post("player/report", body).status_code == 200
    assert desk.post("player/report", body | {"wall": "wall-0002"}).json()["error"] == "elsewhere"
    assert desk.post("player/report", body | {"state": "flying"}).status_code == 422
    assert desk.post("player/report", body | {"at_s": -1}).status_code == 422
    assert desk.post("player/report", body | {"state": "ended", "at_s": 60}).status_code == 200
    assert [type(command) for command in inbox.asked[1:]] == [NotePlayback, NotePlayback, StopSession]
    assert desk.post("player", {"play": False}).status_code == 200
    kiosk.player.follow(None)
    assert desk.post("player", {"play": True}).status_code == 409


def test_files_come_in_ranges_and_viewers_get_what_is_shown_alone(
    make_kiosk: Callable[..., Any], browser: Callable[..., Any], folder: Path, hashes: dict[str, Path]
) -> None:
    kiosk = make_kiosk(host="0.0.0.0", media_dir=folder, **hashes)
    viewer, stranger, operator = browser(kiosk), browser(kiosk), browser(kiosk)
    viewer.login("let me watch")
    operator.login("correct horse")
    assert viewer.client.get("/media/film.mp4").status_code == 404
    kiosk.player.follow(session())
    part = viewer.client.get("/media/film.mp4", headers={"Range": "bytes=100-199"})
    assert (part.status_code, part.content) == (206, FILM[100:200])
    assert part.headers["content-type"] == "video/mp4"
    assert viewer.client.get("/media/Second%20film.webm").status_code == 404
    assert operator.client.get("/media/Second%20film.webm").content == FILM
    assert operator.client.get("/media/..%2Fsecret.mp4").status_code == 404
    assert operator.client.get("/media/way-out.mp4").status_code == 404
    assert stranger.client.get("/media/film.mp4").status_code == 401
    assert viewer.client.get("/api/media").status_code == 403
    assert viewer.post("player", {"play": False}).status_code == 403
