"""The newest of everything that pages show, handed from the sink's thread to the server's.

A topic that is put again replaces what was there, so a slow viewer gets the newest state and never a backlog.
"""

from __future__ import annotations

import asyncio
import json
import threading
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Collection


class TopicCache:
    """Topics and their newest values as JSON, each under a number that counts up; safe from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._items: dict[str, tuple[int, str]] = {}
        self._number = 0
        self._notify: Callable[[], None] | None = None

    def put(self, topic: str, value: Any) -> None:
        """Make ``value`` the newest of ``topic``; one that is equal to the newest is no news."""
        text = json.dumps(value, separators=(",", ":"), ensure_ascii=False)
        with self._lock:
            if topic in self._items and self._items[topic][1] == text:
                return
            self._number += 1
            self._items[topic] = (self._number, text)
            notify = self._notify
        if notify is not None:
            notify()

    def newer_than(self, number: int, topics: Collection[str]) -> tuple[int, list[tuple[str, str]]]:
        """Return the newest number, and ``(topic, JSON)`` of those in ``topics`` after ``number``, in order."""
        with self._lock:
            fresh = sorted(
                (at, topic, text) for topic, (at, text) in self._items.items() if at > number and topic in topics
            )
            return self._number, [(topic, text) for _, topic, text in fresh]

    def on_change(self, notify: Callable[[], None] | None) -> None:
        """Whom to tell of news, on the thread that brings it; it must return at once. ``None``: nobody."""
        with self._lock:
            self._notify = notify


class ChangeNotifier:
    """Wakes the viewers' tasks on the server's event loop; :meth:`ring` alone may be called from other threads."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._sleepers: set[asyncio.Event] = set()
        self._rung = False
        self.closed = False

    def ring(self) -> None:
        """Wake all; rings that come before the loop got to the last one are one with it."""
        if self._rung:
            return
        self._rung = True
        try:
            self._loop.call_soon_threadsafe(self._wake)
        except RuntimeError:
            self._rung = False  # the loop has ended, and with it its viewers

    def _wake(self) -> None:
        self._rung = False
        for event in self._sleepers:
            event.set()

    def enter(self) -> asyncio.Event:
        """Return a new viewer's event, set at first so that the viewer gets what exists already."""
        event = asyncio.Event()
        event.set()
        self._sleepers.add(event)
        return event

    def leave(self, event: asyncio.Event) -> None:
        """Remove a viewer's event."""
        self._sleepers.discard(event)

    def close(self) -> None:
        """Wake all for the last time; on the loop's thread."""
        self.closed = True
        self._wake()

    def __len__(self) -> int:
        return len(self._sleepers)
