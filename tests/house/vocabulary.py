"""Find words of ``vocabulary.txt`` in documents, docstrings and comments: ``python -m tests.house.vocabulary PATH...``.

Exit code 1 where there are any, a line each.
"""

from __future__ import annotations

import io
import re
import sys
import tokenize
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

ROOT = Path(__file__).resolve().parents[2]
_LIST = Path(__file__).with_name("vocabulary.txt")
_TEXT = {tokenize.COMMENT, tokenize.STRING, getattr(tokenize, "FSTRING_MIDDLE", tokenize.STRING)}


def banned() -> re.Pattern[str]:
    """Return the pattern that matches any word of the list, across a line's end too."""
    lines = [line for line in _LIST.read_text(encoding="utf-8").splitlines() if line and not line.startswith("#")]
    words = "|".join(line if line.startswith("(?<") else line.replace(" ", r"[\s#]+") for line in lines)
    return re.compile(rf"\b(?:{words})\b", re.IGNORECASE)


def findings(paths: Iterable[Path]) -> list[str]:
    """Return ``FILE:LINE: word`` for each banned word in Markdown files and in the text of Python files."""
    pattern = banned()
    return [
        f"{path}:{line + text.count(chr(10), 0, match.start())}: {' '.join(match.group().split())}"
        for path in paths
        for line, text in _texts(path)
        for match in pattern.finditer(text)
    ]


def _texts(path: Path) -> Iterator[tuple[int, str]]:
    """Yield the first line and the text of each part of a file that people read."""
    source = path.read_text(encoding="utf-8")
    if path.suffix != ".py":
        yield 1, source
        return
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type in _TEXT:
            yield token.start[0], token.string


def main(arguments: Sequence[str]) -> int:
    """Print what is found in the files, and in folders' Markdown and Python files."""
    found = findings(
        path
        for name in arguments
        for path in (sorted(Path(name).rglob("*.[mp][dy]")) if Path(name).is_dir() else [Path(name)])
    )
    sys.stdout.writelines(f"{line}\n" for line in found)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
