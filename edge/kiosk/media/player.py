"""State of the wall's player, shared by the sink's thread and the server's."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from edge.core.events import Playback
from edge.kiosk.media.folder import MediaFolder
from edge.recording.media_timeline import ENDED, PAUSED, PLAYING

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from edge.core.events import Session
    from edge.kiosk.topic_cache import TopicCache

SILENT_S = 15.0
"""A wall that says nothing for so long plays no more; the page says something every 5 s."""
_SOONEST_S = 0.4
"""Reports of the same state that follow sooner add nothing."""
_NS = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Choice:
    """An operator's choices for a session: expression beside the film, and an end with it."""

    mood: bool = True
    end: bool = False


@dataclass(frozen=True, slots=True)
class Report:
    """A wall's report; ``blocked`` where its browser needs a touch before it plays sound."""

    wall: str
    session: str
    state: str
    at_s: float
    length_s: float | None = None
    blocked: bool = False


class Player:
    """Follows sessions whose medium is a file of the folder; one wall at a time plays it.

    ``clock_ns`` is the machine's monotonic clock. Safe from any thread.
    """

    def __init__(
        self, folder: Path | None, board: TopicCache, *, clock_ns: Callable[[], int] = time.monotonic_ns
    ) -> None:
        self.folder = MediaFolder(folder)
        self._board = board
        self._clock_ns = clock_ns
        self._lock = threading.RLock()
        self._choices: dict[str, Choice] = {}
        self._session: str | None = None
        self._file: str | None = None
        self._forget()
        self._tell()

    def _forget(self) -> None:
        self._wall: str | None = None
        self._heard_ns = 0
        self._last: Report | None = None
        self._play = True

    @property
    def file(self) -> str | None:
        """Return the file to play now."""
        return self._file

    def choose(self, session: str, choice: Choice) -> None:
        """Set what the operator wants to play in ``session``, which may have begun already."""
        with self._lock:
            self._choices = {session: choice}
            self._tell()

    def follow(self, session: Session | None) -> None:
        """Hear which session runs."""
        with self._lock:
            identity = None if session is None else session.id
            if identity == self._session:
                return
            self._session = identity
            name = None if session is None or session.media is None else session.media.name
            self._file = name if name is not None and self.folder.find(name) is not None else None
            self._forget()
            self._tell()

    def steer(self, *, play: bool) -> bool:
        """Let the wall play or pause; False where there is no film."""
        with self._lock:
            if self._file is None:
                return False
            self._play = play
            self._tell()
            return True

    def hear(self, report: Report) -> tuple[bool, Playback | None, bool]:
        """Take in a report: whether this wall is the one that plays, what to note of it, whether the session ends."""
        with self._lock:
            now_ns = self._clock_ns()
            free = self._wall is None or now_ns - self._heard_ns > SILENT_S * _NS
            if report.session != self._session or self._file is None or not (free or report.wall == self._wall):
                return False, None, False
            last, since_s = self._last, (now_ns - self._heard_ns) / _NS
            known = last is not None and (last.state, last.blocked) == (report.state, report.blocked)
            if known and last is not None and since_s < _SOONEST_S and abs(report.at_s - last.at_s) < 1:
                return True, None, False
            self._wall, self._heard_ns, self._last = report.wall, now_ns, report
            self._tell()
            over = report.state == ENDED and (last is None or last.state != ENDED)
            note = Playback(report.session, now_ns, report.at_s, report.state, report.length_s)
            return True, note, over and self._choice.end

    def tick(self) -> Playback | None:
        """Notice a wall that has gone: the film counts as paused where it was last heard."""
        with self._lock:
            last, heard_ns = self._last, self._heard_ns
            if self._wall is None or last is None or self._clock_ns() - heard_ns <= SILENT_S * _NS:
                return None
            self._wall = None
            if last.state != PLAYING:
                self._tell()
                return None
            self._last = replace(last, state=PAUSED)
            self._tell()
            return Playback(last.session, heard_ns, last.at_s, PAUSED, last.length_s)

    @property
    def _choice(self) -> Choice:
        return self._choices.get(self._session or "", Choice())

    def _tell(self) -> None:
        self._board.put("player", self._told())

    def _told(self) -> dict[str, Any] | None:
        if self._file is None:
            return None
        last = self._last
        return {
            "session": self._session,
            "name": self._file,
            "url": f"/media/{quote(self._file)}",
            "mood": self._choice.mood,
            "play": self._play,
            "wall": self._wall is not None,
            "state": None if last is None else last.state,
            "at": 0.0 if last is None else last.at_s,
            "length": None if last is None else last.length_s,
            "blocked": last is not None and last.blocked,
        }
