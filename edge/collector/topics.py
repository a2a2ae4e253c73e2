"""Topics that a collector subscribes to, and the information in a topic (pure)."""

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
"""Kinds of which each message goes to one member of the group."""
TOLD_TO_ALL = (Kind.AVAILABILITY, Kind.INFO)
"""Kinds of which only the newest value counts. Every member receives all of them in order, so all end with the same;
through a shared subscription a slow member could overwrite a newer value, and retained messages would not be sent."""


@dataclass(frozen=True, slots=True)
class Address:
    """Node and kind of a message."""

    node: str
    kind: Kind


@dataclass(frozen=True, slots=True)
class Filter:
    """A subscription; ``qos`` is the maximum requested."""

    name: str
    qos: int = 1


def filters(prefix: str, group: str) -> tuple[Filter, ...]:
    """Return the subscriptions of a member of ``group``."""
    shared = (Filter(f"$share/{group}/{prefix}/+/{kind}") for kind in SHARED)
    return (*shared, *(Filter(f"{prefix}/+/{kind}") for kind in TOLD_TO_ALL))


def address(topic: str, prefix: str) -> Address | None:
    """Return node and kind of ``PREFIX/NODE/KIND``; ``None`` for any other topic."""
    head, _, last = topic.rpartition("/")
    begin, _, node = head.rpartition("/")
    if begin != prefix or not _NODE.fullmatch(node) or last not in set(Kind):
        return None
    return Address(node, Kind(last))
