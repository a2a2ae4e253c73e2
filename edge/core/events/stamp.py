"""Time, number and id of an event; the only clock is the frames' own ``monotonic_ns``."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

_CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_NS_PER_MS = 1_000_000
_STEP_NS = 20 * _NS_PER_MS
AHEAD_MS = 1000
"""Ids count up over smaller corrections of the clock, and are at most so far ahead of it."""


def ulid(ts_ms: int, entropy: bytes) -> str:
    """A ULID of a Unix time in milliseconds and 10 bytes (github.com/ulid/spec)."""
    number = (ts_ms & ((1 << 48) - 1)) << 80 | int.from_bytes(entropy[:10], "big")
    return "".join(_CROCKFORD[(number >> shift) & 31] for shift in range(125, -1, -5))


class Stamp:
    """Gives events and aggregates their time, number and id.

    ``epoch_ns`` is the wall-clock time of ``monotonic_ns == 0``; with the same ``epoch_ns`` and ``seed`` the same
    observations get the same ids, which is what makes a replay repeatable. Ids count up over all streams, numbers
    within each: ``next_seq`` says where a stream goes on. Only where the wall clock is set back by more than
    :data:`AHEAD_MS`, ids go back with it, so that none carries a time that is still to come.
    """

    def __init__(self, *, epoch_ns: int, seed: bytes, next_seq: Mapping[str, int] | None = None) -> None:
        self._epoch_ns = epoch_ns
        self._seed = seed
        self._given = 0
        self._next_seq = dict(next_seq or {})
        self._last_ms = 0
        self._last_entropy = 0
        self._was_set_back = False

    def follow(self, epoch_ns: int) -> bool:
        """Take over where the wall clock was set; True where that is news.

        A board without a battery-backed clock learns the time from the network minutes after the start.
        """
        if abs(epoch_ns - self._epoch_ns) < _STEP_NS:
            return False
        self._was_set_back |= epoch_ns < self._epoch_ns
        self._epoch_ns = epoch_ns
        return True

    def time(self, monotonic_ns: int) -> datetime:
        """UTC time, to the millisecond, of a frame's own time."""
        ms = (self._epoch_ns + monotonic_ns) // _NS_PER_MS
        return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=ms)

    def boundary(self, monotonic_ns: int, step_ns: int) -> int:
        """The first time after ``monotonic_ns`` at which the wall clock shows a whole multiple of ``step_ns``."""
        wall_ns = self._epoch_ns + monotonic_ns
        return monotonic_ns + step_ns - wall_ns % step_ns

    def next(self, monotonic_ns: int, stream: str = "event") -> tuple[str, int, datetime]:
        """``(id, seq, ts)`` of the next message; ``seq`` has no gaps, whatever the clock does."""
        seq = self._next_seq.get(stream, 0)
        self._next_seq[stream] = seq + 1
        return self.identity(monotonic_ns), seq, self.time(monotonic_ns)

    def identity(self, monotonic_ns: int) -> str:
        """A ULID of its own, greater than all before unless the clock was set back in between."""
        ms = max((self._epoch_ns + monotonic_ns) // _NS_PER_MS, 0)
        goes_back = self._was_set_back and self._last_ms - ms > AHEAD_MS
        if ms <= self._last_ms and self._given and not goes_back:
            ms, entropy = self._last_ms, self._last_entropy + 1
        else:
            digest = hashlib.blake2b(self._given.to_bytes(8, "big"), key=self._seed[:64], digest_size=10).digest()
            entropy = int.from_bytes(digest, "big") >> 1  # room to count up within one millisecond
            self._was_set_back = False
        self._given += 1
        self._last_ms, self._last_entropy = ms, entropy
        return ulid(ms, entropy.to_bytes(10, "big"))
