"""What is fuzzed: some valid input, a way to change it, and a door that it goes through."""

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


class Wrong(Exception):
    """What came out is not what was promised."""


def expect(condition: object, what: str) -> None:
    """Make it a finding where ``condition`` is false.

    Raises:
        Wrong: it is.
    """
    if not condition:
        raise Wrong(what)


def in_one_line(error: object) -> None:
    """Make it a finding where a refusal is no single line.

    Raises:
        Wrong: it is none.
    """
    expect(str(error).strip() and "\n" not in str(error), f"a refusal that is not one line: {str(error)[:200]!r}")


@dataclass(frozen=True, slots=True)
class Target:
    """``attempt`` returns where the input was taken or refused as it should be; whatever it raises is a finding."""

    corpus: Sequence[bytes]
    attempt: Callable[[bytes], None]
    mutate: Callable[[Random, Sequence[bytes]], bytes] = mutate.raw


@dataclass(frozen=True, slots=True)
class Entry:
    """``make`` names the function that makes a target in a folder; bytes and CPU seconds are what a try may take."""

    make: str
    about: str
    memory: int = 512 * _MIB
    cpu_s: float = 10.0

    def load(self, folder: Path) -> Target:
        """The target, whose files lie in ``folder``."""
        module, _, name = self.make.partition(":")
        target: Target = getattr(import_module(module), name)(folder)
        return target


_PACKAGE = "tests.fuzz.targets"
_PICTURE = 1536 * _MIB
"""As much as the worker that reads uploads may have."""
TARGETS = {
    "picture": Entry(f"{_PACKAGE}.pictures:files", "pictures as uploads, analyze and images: read them", _PICTURE, 30),
    "frame": Entry(f"{_PACKAGE}.pictures:frames", "frames of visitors' cameras"),
    "video": Entry(f"{_PACKAGE}.videos:files", "videos as uploads read them", _PICTURE, 60),
    "config": Entry(f"{_PACKAGE}.settings:texts", "configuration: TOML files, environment, values"),
    "mqtt": Entry(f"{_PACKAGE}.feed:requests", "what arrives over MQTT and the local socket"),
    "collector": Entry(f"{_PACKAGE}.feed:letters", "what the fleet's collector reads"),
    "page": Entry(f"{_PACKAGE}.page:bodies", "what browsers send, films' reports included"),
    "manifest": Entry(f"{_PACKAGE}.models:manifests", "models' manifests, signatures and hashes"),
    "model": Entry(f"{_PACKAGE}.models:files", "model files, in their trial", cpu_s=60),
    "state": Entry(f"{_PACKAGE}.state:files", "sessions, outbox and settings on the card"),
}


PLANTED = {
    name: Entry(f"{_PACKAGE}.planted:{name}", "planted", memory=64 * _MIB, cpu_s=0.5 if name == "endless" else 30.0)
    for name in ("error", "crash", "memory", "endless", "harmless", "missing")
}
"""Only what never ends is short of time: a slow machine may take half a second to fill the memory."""


def entry(name: str) -> Entry:
    """The target called ``name``, planted ones included."""
    return (TARGETS | PLANTED)[name]
