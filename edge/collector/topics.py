"""Which topics a collector listens to, and what a topic says of its message (pure)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

_NODE = re.compile(r"[a-zA-Z0-9_-]{1,64}")


class Kind(StrEnum):
    """The kinds of message that are collected, by the last level of their topic."""

    EVENT = "event"
    AGGREGATE = "aggregate"
    HEALTH = "health"
    AVAILABILITY = "availability"
    INFO = "info"


SHARED = (Kind.EVENT, Kind.AGGREGATE, Kind.HEALTH)
"""Each of these goes to one member of the group."""
TOLD_TO_ALL = (Kind.AVAILABILITY, Kind.INFO)
"""Of these the newest value counts. Every member hears all of them, in order, and so all end with the same one; through
a shared subscription a slow member could write an old value over a new one, and nobody would get the retained ones."""


@dataclass(frozen=True, slots=True)
class Address:
    """Who sent a message and what kind it is."""

    node: str
    kind: Kind


@dataclass(frozen=True, slots=True)
class Filter:
    """One subscription; ``qos`` is the highest that is asked for."""

    name: str
    qos: int = 1


def filters(prefix: str, group: str) -> tuple[Filter, ...]:
    """What a member of ``group`` subscribes to."""
    shared = (Filter(f"$share/{group}/{prefix}/+/{kind}") for kind in SHARED)
    return (*shared, *(Filter(f"{prefix}/+/{kind}") for kind in TOLD_TO_ALL))


def address(topic: str, prefix: str) -> Address | None:
    """Node and kind of ``PREFIX/NODE/KIND``; ``None`` for any other topic."""
    head, _, last = topic.rpartition("/")
    begin, _, node = head.rpartition("/")
    if begin != prefix or not _NODE.fullmatch(node) or last not in set(Kind):
        return None
    return Address(node, Kind(last))
