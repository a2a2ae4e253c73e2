"""Fuzzing targets: valid input, a mutation, and an entry point of the product."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING

from tests.fuzz import mutate

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path
    from random import Random

_MIB = 1 << 20


class ExpectationFailed(Exception):
    """A result violates an expectation."""


def expect(condition: object, what: str) -> None:
    """Check ``condition``.

    Raises:
        ExpectationFailed: it is false.
    """
    if not condition:
        raise ExpectationFailed(what)


def in_one_line(error: object) -> None:
    """Check that a refusal is a single line.

    Raises:
        ExpectationFailed: it is not.
    """
    expect(str(error).strip() and "\n" not in str(error), f"a refusal that is not one line: {str(error)[:200]!r}")


@dataclass(frozen=True, slots=True)
class FuzzTarget:
    """Target; ``attempt`` returns if the input was accepted or properly refused, and raises for a finding."""

    corpus: Sequence[bytes]
    attempt: Callable[[bytes], None]
    mutate: Callable[[Random, Sequence[bytes]], bytes] = mutate.raw


@dataclass(frozen=True, slots=True)
class TargetEntry:
    """Registered target; ``make`` names its factory; memory in bytes and CPU seconds limit one input."""

    make: str
    about: str
    memory: int = 512 * _MIB
    cpu_s: float = 10.0

    def load(self, folder: Path) -> FuzzTarget:
        """Create the target with its files in ``folder``."""
        module, _, name = self.make.partition(":")
        target: FuzzTarget = getattr(import_module(module), name)(folder)
        return target


_PACKAGE = "tests.fuzz.targets"
_PICTURE = 1536 * _MIB
"""Memory limit of the worker that reads uploads."""
TARGETS = {
    "picture": TargetEntry(
        f"{_PACKAGE}.pictures:files", "pictures as uploads, analyze and images: read them", _PICTURE, 30
    ),
    "frame": TargetEntry(f"{_PACKAGE}.pictures:frames", "frames of visitors' cameras"),
    "video": TargetEntry(f"{_PACKAGE}.videos:files", "videos as uploads read them", _PICTURE, 60),
    "config": TargetEntry(f"{_PACKAGE}.settings:texts", "configuration: TOML files, environment, values"),
    "mqtt": TargetEntry(f"{_PACKAGE}.feed:requests", "what arrives over MQTT and the local socket"),
    "collector": TargetEntry(f"{_PACKAGE}.feed:letters", "what the fleet's collector reads"),
    "page": TargetEntry(f"{_PACKAGE}.page:bodies", "what browsers send, films' reports included"),
    "manifest": TargetEntry(f"{_PACKAGE}.models:manifests", "models' manifests, signatures and hashes"),
    "model": TargetEntry(f"{_PACKAGE}.models:files", "model files, in their trial", cpu_s=60),
    "state": TargetEntry(f"{_PACKAGE}.state:files", "sessions, outbox and settings on the card"),
}


PLANTED = {
    name: TargetEntry(
        f"{_PACKAGE}.planted:{name}", "planted", memory=64 * _MIB, cpu_s=0.5 if name == "endless" else 30.0
    )
    for name in ("error", "crash", "memory", "endless", "harmless", "missing")
}
"""Short time limit only for endless input: a slow machine may take half a second to fill the memory."""


def entry(name: str) -> TargetEntry:
    """Return the target called ``name``, including planted ones."""
    return (TARGETS | PLANTED)[name]
