"""Time, number and id of events; the only clock is the frames' own ``monotonic_ns``."""

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
"""Ids keep increasing over smaller corrections of the clock, and are ahead of it by at most this much."""


def ulid(ts_ms: int, entropy: bytes) -> str:
    """Return the ULID of a Unix time in milliseconds and 10 random bytes (github.com/ulid/spec)."""
    number = (ts_ms & ((1 << 48) - 1)) << 80 | int.from_bytes(entropy[:10], "big")
    return "".join(_CROCKFORD[(number >> shift) & 31] for shift in range(125, -1, -5))


class Stamp:
    """Assigns time, number and id to events and aggregates.

    ``epoch_ns`` is the wall-clock time of ``monotonic_ns == 0``. The same ``epoch_ns`` and ``seed`` give the same
    observations the same ids, which makes a replay repeatable. Ids increase over all streams, numbers within each
    stream, from ``next_seq`` on. Ids decrease only if the wall clock is set back by more than :data:`AHEAD_MS`, so that
    none carries a time in the future.
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
        """Adopt a change of the wall clock; return whether it had changed.

        A board without a battery-backed clock learns the time from the network minutes after the start.
        """
        if abs(epoch_ns - self._epoch_ns) < _STEP_NS:
            return False
        self._was_set_back |= epoch_ns < self._epoch_ns
        self._epoch_ns = epoch_ns
        return True

    def time(self, monotonic_ns: int) -> datetime:
        """Return a frame's time as UTC, to the millisecond."""
        ms = (self._epoch_ns + monotonic_ns) // _NS_PER_MS
        return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=ms)

    def boundary(self, monotonic_ns: int, step_ns: int) -> int:
        """Return the first time after ``monotonic_ns`` at which the wall clock is a whole multiple of ``step_ns``."""
        wall_ns = self._epoch_ns + monotonic_ns
        return monotonic_ns + step_ns - wall_ns % step_ns

    def next(self, monotonic_ns: int, stream: str = "event") -> tuple[str, int, datetime]:
        """Return ``(id, seq, ts)`` of the next message; ``seq`` has no gaps, whatever the clock does."""
        seq = self._next_seq.get(stream, 0)
        self._next_seq[stream] = seq + 1
        return self.identity(monotonic_ns), seq, self.time(monotonic_ns)

    def identity(self, monotonic_ns: int) -> str:
        """Return a new ULID, greater than all before unless the clock was set back in between."""
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
