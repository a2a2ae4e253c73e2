"""One target's inputs in their own process: ``python -m tests.fuzz.child NAME SEED FIRST SECONDS FOLDER``.

Input number ``i`` depends only on the seed, the target and ``i``. Each input is written to ``FOLDER/now`` before it is
tried, so that it survives a crash. Findings are printed, a JSON object per line, and at the end the number of inputs;
if a package is missing, only its name. With ``FILE`` as ``FIRST`` the input of that file is tried once.
"""

from __future__ import annotations

import faulthandler
import json
import logging
import mmap
import resource
import signal
import sys
import time
import traceback
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING

from tests.fuzz.mutate import LONGEST
from tests.fuzz.target import entry

if TYPE_CHECKING:
    from collections.abc import Callable

NOW = "now"
_HEADER = 16
_OURS = "/edge/"
_SAME_MAX = 50


class SharedScratch:
    """The current input, in memory shared through a file; the reader needs no process at the other end."""

    def __init__(self, path: Path) -> None:
        with path.open("w+b") as stream:
            stream.truncate(_HEADER + LONGEST)
            self._memory = mmap.mmap(stream.fileno(), _HEADER + LONGEST)

    def write(self, index: int, data: bytes) -> None:
        """Store ``data`` as the next input."""
        self._memory[_HEADER : _HEADER + len(data)] = data
        self._memory[:_HEADER] = index.to_bytes(8, "little") + len(data).to_bytes(8, "little")


def read(path: Path) -> tuple[int, bytes] | None:
    """Return the number and the data of the last input, or ``None`` if there was none."""
    content = path.read_bytes() if path.exists() else b""
    index, length = (int.from_bytes(content[at : at + 8], "little") for at in (0, 8))
    return (index, content[_HEADER : _HEADER + length]) if index else None


def main(name: str, seed: str, first: str, seconds: str, folder: str) -> None:
    """Try inputs until the time is over."""
    faulthandler.enable()
    logging.getLogger().addHandler(logging.NullHandler())
    chosen = entry(name)
    try:
        target = chosen.load(Path(folder))
    except ImportError as error:  # of an extra that is not installed
        _say({"missing": _words(error)})
        return
    scratch = SharedScratch(Path(folder, NOW))
    _bound(chosen.memory)

    def attempt(index: int, data: bytes) -> None:
        scratch.write(index, data)
        signal.setitimer(signal.ITIMER_PROF, chosen.cpu_s)  # SIGPROF ends us, also within native code
        target.attempt(data)
        signal.setitimer(signal.ITIMER_PROF, 0)

    if not first.isdigit():
        _guarded(lambda: attempt(1, Path(first).read_bytes()), 1, {}, b"")
        return
    corpus, index, seen = target.corpus, int(first), dict[str, int]()
    until_s = time.monotonic() + float(seconds)
    while time.monotonic() < until_s:
        data = target.mutate(Random(f"{seed}/{name}/{index}"), corpus)[:LONGEST]
        _guarded(lambda: attempt(index, data), index, seen, data)  # noqa: B023 - called at once
        index += 1
    _say({"tries": index - int(first), "repeats": seen})


def _guarded(step: Callable[[], None], index: int, seen: dict[str, int], data: bytes) -> None:
    try:
        step()
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # noqa: BLE001 - native modules raise what is no Exception too
        signal.setitimer(signal.ITIMER_PROF, 0)
        what = described(error)
        seen[what] = seen.get(what, 0) + 1
        if seen[what] == 1 and len(seen) <= _SAME_MAX:
            _say({"index": index, "what": what, "text": _words(error), "input": data.hex()})


def described(error: BaseException) -> str:
    """Return the kind of error and the last of our lines that it passed, which identify a finding."""
    frames = traceback.extract_tb(error.__traceback__)
    ours = [frame for frame in frames if _OURS in frame.filename and "/drills/" not in frame.filename] or frames[-1:]
    place = "".join(f"{frame.filename.rpartition(_OURS)[2]}:{frame.lineno}" for frame in ours[-1:])
    return f"{type(error).__name__} at {place}"


def _words(error: BaseException) -> str:
    return " ".join(str(error).split())[:300].encode("utf-8", "replace").decode()


def _bound(memory: int) -> None:
    """Limit the additional memory, and disable core files."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
    most = pages * resource.getpagesize() + memory
    resource.setrlimit(resource.RLIMIT_AS, (most, most))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _say(found: dict[str, object]) -> None:
    print(json.dumps(found), flush=True)  # noqa: T201 - the parent reads it


if __name__ == "__main__":
    main(*sys.argv[1:6])
